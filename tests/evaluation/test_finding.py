"""Recall and precision of the finder, and whole pictures through the whole machine."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from cpm_live.core import finder_maps
from cpm_live.core.skeleton import BODY
from cpm_live.evaluation import finding
from cpm_live.evaluation.finding import Case, Truth
from cpm_live.evaluation.whole import overlap, predict_whole
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.training.dataset import Sample, load


def _case(truths: tuple[Truth, ...], ignore: tuple[tuple[float, float, float, float], ...] = ()) -> Case:
    return Case(np.zeros((128, 128, 3), np.uint8), truths, (ignore, ()), "webcam")


def _answer(*people: tuple[float, float, float, float]) -> np.ndarray:
    """Maps (1, 1, 6, 16, 16) with people at (x, y, size, peak) in input pixels."""
    maps = np.zeros((finder_maps.MAPS, 16, 16), np.float32)
    v, u = np.mgrid[:16, :16]
    for x, y, size, peak in people:
        blob = peak * np.exp(-((u * 8 + 3.5 - x) ** 2 + (v * 8 + 3.5 - y) ** 2) / 128)
        maps[0] = np.maximum(maps[0], blob)
        maps[finder_maps.SIZES][blob > 0.3 * peak] = finder_maps.size_to_map(size / 128)
    return maps[None, None]


@pytest.mark.parametrize(
    ("answer", "recall", "precision"),
    [
        ((64, 64, 60, 0.9), 1.0, 1.0),
        ((64, 84, 60, 0.9), 0.0, 0.0),  # a third of the box away
        ((64, 64, 120, 0.9), 0.0, 0.0),  # twice as large
        ((64, 64, 60, 0.1), 0.0, math.nan),  # too weak to be a find
    ],
)
def test_right_is_near_and_of_the_size(
    answer: tuple[float, float, float, float], recall: float, precision: float
) -> None:
    tallies = finding.measure(lambda images, centres: _answer(answer), [_case((Truth(0, 64, 64, 60),))], 8)
    figures = finding.report(tallies, "finder")
    assert figures["recall"]["person"] == recall
    assert figures["precision"]["person"] == pytest.approx(precision, nan_ok=True)


def test_finds_where_nothing_is_known_are_neither_right_nor_wrong() -> None:
    answers = _answer((30, 30, 40, 0.9), (100, 100, 40, 0.8))
    known = finding.measure(lambda i, c: answers, [_case((Truth(0, 30, 30, 40),))], 8)
    assert finding.report(known, "finder")["precision"]["person"] == 0.5
    unknown = finding.measure(lambda i, c: answers, [_case((Truth(0, 30, 30, 40),), ((80, 80, 40, 40),))], 8)
    assert finding.report(unknown, "finder")["precision"]["person"] == 1.0


@pytest.mark.parametrize(("said", "share"), [(0.9, 1.0), (-0.9, 0.0)])
def test_a_hand_is_right_where_its_side_is(said: float, share: float) -> None:
    maps = np.zeros((finder_maps.MAPS, 16, 16), np.float32)
    v, u = np.mgrid[:16, :16]
    maps[1] = 0.9 * np.exp(-((u * 8 + 3.5 - 64) ** 2 + (v * 8 + 3.5 - 64) ** 2) / 128)
    maps[finder_maps.SIZES + 1], maps[finder_maps.SIDE] = finder_maps.size_to_map(40 / 128), said
    tallies = finding.measure(lambda i, c: maps[None, None], [_case((Truth(1, 64, 64, 40, side=1),))], 8)
    assert finding.report(tallies, "finder")["per_stage"][0]["hand"]["side"] == share


def test_overlap() -> None:
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1.0
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (20, 0, 10, 10)) == 0.0


def test_whole_pictures_with_the_shipped_models(data: Path) -> None:
    machine = PoseMachine("hand", "cpu", 1)
    samples = [s for s in load(data, machine.recipe.skeleton, "val") if s.source == "plain"][:12]
    found, predictions = predict_whole(machine, samples)
    machine.close()
    assert found.shape == (12, machine.engine.preset.stages, 21, 3)
    assert (~np.isnan(found[:, -1, 0, 0])).mean() >= 0.6, "most hands before a wall are found"
    assert len(predictions) >= (~np.isnan(found[:, -1, 0, 0])).sum()


def test_false_poses_count_and_a_pose_is_one_persons_only() -> None:
    """Two people overlap, one pose is seen, and two that are nobody's."""

    def pose(x: float) -> SimpleNamespace:
        stages = np.full((3, 14, 3), 0.9, np.float32)
        stages[..., :2] = x + np.arange(14)[:, None]
        return SimpleNamespace(box=(x, x, 20.0, 20.0), stages=stages)

    joints = np.full((14, 3), 2.0, np.float32)
    joints[:, :2] = 10 + np.arange(14)[:, None]
    ok, image = cv2.imencode(".png", np.zeros((200, 200, 3), np.uint8))
    assert ok
    samples = [
        Sample("a.png", image.tobytes(), joints + shift * np.array([1, 1, 0], np.float32),
               (10.0 + shift, 10.0 + shift, 14.0, 14.0), "drawn", image_id=1)
        for shift in (0, 4)
    ]  # fmt: skip
    machine = SimpleNamespace(
        engine=SimpleNamespace(preset=SimpleNamespace(stages=3)),
        recipe=SimpleNamespace(skeleton=BODY),
        find=lambda image: SimpleNamespace(poses=(pose(10.0), pose(120.0), pose(160.0))),
    )
    found, predictions = predict_whole(machine, samples)  # type: ignore[arg-type]
    assert (~np.isnan(found[:, -1, 0, 0])).sum() == 1
    assert [p.joints[0, 0] for p in predictions] == [10.0, 120.0, 160.0] and len({p.image_id for p in predictions}) == 1
