from __future__ import annotations

from types import MappingProxyType

import numpy as np
import pytest

from cpm_live.core.crop import Crop
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import BODY, LEFT
from cpm_live.drawing import figures
from cpm_live.drawing.colours import glow, glow_table, heat
from cpm_live.drawing.paint import paint
from cpm_live.drawing.view import ALL_JOINTS, BACKGROUND, NO_MAP, View, shown_map, stage_index

LEFT_WRIST = BODY.index("left_wrist")


def _result(score: float = 0.9) -> Result:
    """A figure whose belief for the left wrist sits elsewhere at stage 1 than at stage 2."""
    joints = figures.body_joints(figures.BodyPose((0.6, 1.4)), (160, 120), 50)
    crop = Crop(160, 120, 240, 192)
    stages = np.zeros((2, 14, 3), np.float32)
    stages[:, :, :2], stages[:, :, 2] = joints, score
    stages[0, LEFT_WRIST, :2] = (60, 60)
    beliefs = np.zeros((2, 15, 24, 24), np.float32)
    v, u = np.mgrid[:24, :24]
    for stage in range(2):
        for joint in range(14):
            x, y = crop.to_input(stages[stage, joint, :2]) / 8 - 0.4375
            beliefs[stage, joint] = np.exp(-((u - x) ** 2 + (v - y) ** 2) / 2)
    beliefs[:, 14] = 1 - beliefs[:, :14].max(axis=1)
    pose = Pose(1, (80.0, 40.0, 160.0, 160.0), stages, beliefs, crop)
    frame = Frame(np.full((240, 320, 3), 70, np.uint8), 0, 0)
    return Result(frame, (pose,), BODY, "body", 2, 0.25, MappingProxyType({}))


def _at(picture: np.ndarray, x: float, y: float) -> np.ndarray:
    return picture[round(y), round(x)].astype(int)


def test_skeleton_lies_on_the_joints_in_its_colours() -> None:
    result = _result()
    drawn = paint(result, View(joint=NO_MAP))
    wrist = result.poses[0].keypoints[LEFT_WRIST, :2]
    assert np.abs(_at(drawn, *wrist) - LEFT[::-1]).max() < 30
    assert (result.frame.image == 70).all()
    assert (_at(drawn, 5, 5) == 70).all()


def test_the_chosen_stage_is_shown() -> None:
    result = _result()
    first, last = (paint(result, View(stage=stage, joint=NO_MAP)) for stage in (0, None))
    assert (_at(first, 60, 60) != 70).any() and (_at(last, 60, 60) == 70).all()
    assert stage_index(result, View(stage=9)) == 1


def test_hidden_and_unbelieved_joints_are_not_drawn() -> None:
    result = _result()
    wrist = result.poses[0].keypoints[LEFT_WRIST, :2]
    hidden = paint(result, View(joint=NO_MAP, hidden=frozenset({LEFT_WRIST})))
    assert (_at(hidden, *wrist) == 70).all()
    assert (paint(_result(score=0.1), View(joint=NO_MAP)) == 70).all()


def test_glow_sits_on_the_joint() -> None:
    result = _result()
    drawn = paint(result, View(joint=LEFT_WRIST, skeleton=False))
    changed = np.abs(drawn.astype(int) - 70).sum(axis=2).astype(float)
    v, u = np.mgrid[:240, :320]
    centre = np.array([(u * changed).sum(), (v * changed).sum()]) / changed.sum()
    assert np.hypot(*(centre - result.poses[0].keypoints[LEFT_WRIST, :2])) < 3


def test_mirror_exchanges_left_and_right() -> None:
    result = _result()
    view = View(joint=ALL_JOINTS)
    assert (paint(result, View(joint=ALL_JOINTS, mirror=True)) == paint(result, view)[:, ::-1]).all()
    boxed = paint(result, View(joint=NO_MAP, skeleton=False, boxes=True, mirror=True))
    assert (boxed[40:200, 319 - 240] > 150).any()


@pytest.mark.parametrize(("joint", "peak"), [(ALL_JOINTS, 1.0), (LEFT_WRIST, 0.85), (BACKGROUND, 1.0)])
def test_maps_to_show(joint: int, peak: float) -> None:
    belief = shown_map(_result().poses[0], 1, joint)
    assert belief is not None and belief.shape == (24, 24) and belief.max() == pytest.approx(peak, abs=0.1)
    assert shown_map(_result().poses[0], 1, NO_MAP) is None


def test_colours() -> None:
    table = glow_table()
    assert table.shape == (256, 4) and table[0, 3] == 0
    assert (table[:, :3] <= table[:, 3:]).all(), "premultiplied colours never exceed their alpha"
    assert glow(np.ones((2, 2))).shape == (2, 2, 4) and heat(np.zeros((2, 2))).shape == (2, 2, 3)
