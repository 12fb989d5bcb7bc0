from __future__ import annotations

import numpy as np
import pytest

from cpm_live.pipeline.smooth import Smoother, cutoffs

DT, SIZE = 1 / 30, 200.0


def _run(at: np.ndarray, smoothing: float, scores: float = 0.9) -> np.ndarray:
    """Positions (frames, 2) of one joint after smoothing."""
    smoother, out = Smoother(1), []
    for index, point in enumerate(at):
        keypoints = np.array([[*point, scores]], np.float32)
        out.append(smoother(keypoints, DT if index else 0.0, SIZE, smoothing, 0.4)[0, :2])
    return np.array(out)


def test_a_still_joint_trembles_less_the_further_the_slider_goes() -> None:
    noise = np.random.default_rng(0).normal(100, 2, (200, 2))
    spread = [_run(noise, s)[20:].std() for s in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert spread == sorted(spread, reverse=True)
    assert spread[0] == pytest.approx(noise[20:].std(), rel=1e-3) and spread[2] < 0.6 * spread[0]
    assert spread[4] < 0.35 * spread[0]


def test_a_fast_joint_is_not_left_behind() -> None:
    way = np.column_stack([np.arange(60) * 12.0, np.zeros(60)])
    behind = way[-1, 0] - _run(way, 0.5)[-1, 0]
    assert 0 < behind < 12, "less than a frame"
    slow = np.column_stack([np.arange(60) * 0.5, np.zeros(60)])
    assert slow[-1, 0] - _run(slow, 0.5)[-1, 0] < 3


def test_a_jump_is_followed_at_once() -> None:
    way = np.array([[100.0, 100.0]] * 10 + [[220.0, 100.0]] * 3)
    assert _run(way, 1.0)[10, 0] == 220


def test_joints_nobody_believes_in_are_left_alone() -> None:
    way = np.random.default_rng(0).normal(100, 20, (20, 2))
    assert np.allclose(_run(way, 1.0, scores=0.1), way, atol=1e-3)
    smoother = Smoother(1)
    for x, score in ((100, 0.9), (100, 0.9), (150, 0.1)):
        smoother(np.array([[x, 0, score]], np.float32), DT, SIZE, 1.0, 0.4)
    # Believed in again, elsewhere: no trail from where it was seen before, nor from the guess.
    assert smoother(np.array([[140, 0, 0.9]], np.float32), DT, SIZE, 1.0, 0.4)[0, 0] == 140


def test_raw_is_raw_and_scores_stay() -> None:
    way = np.random.default_rng(0).normal(100, 5, (20, 2)).astype(np.float32)
    assert (_run(way, 0.0) == way).all()
    keypoints = np.array([[1, 2, 0.77]], np.float32)
    assert Smoother(1)(keypoints, DT, SIZE, 0.8, 0.4)[0, 2] == np.float32(0.77)


def test_both_cutoffs_fall_with_the_slider() -> None:
    rows = np.array([cutoffs(s) for s in np.linspace(0, 1, 5)])
    assert (np.diff(rows, axis=0) < 0).all() and (rows > 0).all()


def test_places_that_somebody_goes_to_in_a_film_are_not_smoothed_over() -> None:
    """Within reach of a movement, but seconds apart."""
    smoother = Smoother(1)
    for dt, x in ((0.0, 100.0), (DT, 100.0), (1.0, 160.0)):
        at = smoother(np.array([[x, 0, 0.9]], np.float32), dt, SIZE, 1.0, 0.4)[0, 0]
    assert at == 160
    assert smoother(np.array([[170, 0, 0.9]], np.float32), DT, SIZE, 1.0, 0.4)[0, 0] < 165
