from __future__ import annotations

import itertools

import numpy as np
import pytest

from cpm_live.core.skeleton import BODY, HAND
from cpm_live.pipeline.match import assign, follow_sigmas, oks, overlap, stretched


def _pose(seed: int = 0, score: float = 0.9) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(0, 200, (14, 2)), np.full(14, score)]).astype(np.float32)


def test_oks_falls_with_distance_and_ignores_what_nobody_believes() -> None:
    pose, sigmas = _pose(), np.asarray(BODY.sigmas)
    values = []
    for shift in (0, 5, 20, 60):
        moved = pose.copy()
        moved[:, 0] += shift
        values.append(oks(pose, moved, sigmas, 140, 0.25))
    assert values[0] == pytest.approx(1) and values == sorted(values, reverse=True) and values[-1] < 0.1
    weak = pose.copy()
    weak[3] = (9000, 9000, 0.1)
    assert oks(pose, weak, sigmas, 140, 0.25) == pytest.approx(1)
    assert oks(pose, _pose(score=0.1), sigmas, 140, 0.25) == 0


def test_fingers_are_not_judged_more_strictly_than_bodies_when_following() -> None:
    assert min(HAND.sigmas) < 0.02 and follow_sigmas(HAND.sigmas).min() >= 0.07
    assert (follow_sigmas(BODY.sigmas) >= BODY.sigmas).all()


def test_assignment_is_the_best_there_is() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        rows, columns = rng.integers(0, 5, 2)
        gain = rng.uniform(0, 1, (rows, columns)).round(1)
        pairs = assign(gain, 0.3)
        assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)
        assert all(gain[pair] >= 0.3 for pair in pairs)
        allowed = np.where(gain >= 0.3, gain, 0)
        if rows > columns:
            allowed = allowed.T
        best = max(
            (sum(allowed[r, c] for r, c in enumerate(order)) for order in
             itertools.permutations(range(allowed.shape[1]), allowed.shape[0])), default=0.0,
        )  # fmt: skip
        assert abs(sum(gain[pair] for pair in pairs) - best) < 1e-9


def test_boxes_overlap() -> None:
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == 50 / 150
    assert overlap((0, 0, 10, 10), (20, 0, 10, 10)) == 0


def test_a_limb_between_two_people_is_too_long() -> None:
    pose = _pose()
    pose[8, :2], pose[9, :2] = (100, 100), (160, 100)
    torn = pose.copy()
    torn[9, :2] = (300, 110)
    limbs = [(8, 9)]
    assert stretched(pose, torn, limbs, 0.25) and not stretched(pose, pose, limbs, 0.25)
    assert not stretched(torn, pose, limbs, 0.25)  # turning sideways makes shoulders narrow
    torn[9, 2] = 0.1
    assert not stretched(pose, torn, limbs, 0.25)
