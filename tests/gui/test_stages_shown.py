"""What the strip and the list of joints show of the stages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from pytestqt.qtbot import QtBot

from cpm_live.core.pose import Result
from cpm_live.core.skeleton import BODY
from cpm_live.drawing.view import View
from cpm_live.gui.joints_list import JointsList
from cpm_live.gui.stage_strip import StageStrip
from cpm_live.gui.strip_content import Seen, content
from tests.gui.test_history import results
from tests.gui.test_window import pixels


@pytest.fixture
def result() -> Result:
    """Somebody in whose joints the stages believe ever more, and whose maps are other ones at each stage."""
    (made,) = results([0.1])
    (pose,) = made.poses
    stages = pose.stages.copy()
    stages[..., 2] = np.array([0.2, 0.5, 0.8])[:, None]
    beliefs = np.random.default_rng(0).uniform(0, 1, pose.beliefs.shape).astype(np.float32)
    return replace(made, poses=(replace(pose, stages=stages, beliefs=beliefs),))


def _inside(picture: np.ndarray, area: QRectF) -> np.ndarray:
    box = area.toRect()
    return picture[box.top() + 3 : box.bottom() - 2, box.left() + 3 : box.right() - 2].astype(int)


def test_each_thumbnail_is_its_own_stages(qtbot: QtBot, result: Result) -> None:
    strip = StageStrip()
    qtbot.addWidget(strip)
    strip.resize(700, 120)
    strip.set_view(View(joint=3))
    strip.show_result(result)
    picture, atlas, side = pixels(strip.grab().toImage()), strip._content.atlas, strip._side
    assert atlas is not None and strip._count() == 3
    own = [atlas[:, stage * side : (stage + 1) * side, ::-1] for stage in range(3)]
    # Between the number above and the value below.
    middle = np.s_[30 : side - 30, 4 : side - 4]
    for stage in range(3):
        box = strip.tile(stage).toRect()
        shown = picture[box.top() : box.top() + side, box.left() : box.left() + side].astype(int)
        off = [np.abs(shown[middle] - each[middle]).mean() for each in own]
        assert int(np.argmin(off)) == stage and off[stage] < 2


def test_a_strip_that_stands_still_is_mirrored_with_the_picture(qtbot: QtBot, result: Result) -> None:
    strip = StageStrip()
    qtbot.addWidget(strip)
    strip.show_result(result)
    before = strip._content.atlas
    strip.set_view(View(mirror=True))
    after, side = strip._content.atlas, strip._side
    assert before is not None and after is not None and (before[:, :side] != before[:, side - 1 :: -1]).any()
    assert (after[:, :side] == before[:, side - 1 :: -1]).all()


def test_the_list_shows_the_beliefs_of_the_chosen_stage_and_a_tick_for_what_is_shown(
    qtbot: QtBot, result: Result
) -> None:
    rows = JointsList()
    qtbot.addWidget(rows)
    rows.set_skeleton(BODY)
    rows.resize(rows.sizeHint())
    rows.show_result(result)
    shown = []
    for view in (View(stage=0), View(stage=1), View(hidden=frozenset({5}))):
        rows.set_view(view)
        shown.append(pixels(rows.grab().toImage()))
    for joint in (0, 13):
        # The figure at the right end, beside the bar.
        figure = QRectF(rows.width() - 44, rows.row(joint).top(), 40, rows.row(joint).height())
        one, two, last = (_inside(picture, figure) for picture in shown)
        assert (one != two).any() and (two != last).any() and (one != last).any()
    box = rows.check_box(5)
    assert _inside(shown[0], box).std() > _inside(shown[2], box).std() + 5


def test_belief_of_all_joints_is_that_of_those_that_are_there(result: Result) -> None:
    """Later stages are ever surer that legs out of the picture are not there: that is no loss of belief."""
    (pose,) = result.poses
    stages = pose.stages.copy()
    stages[:, :6, 2] = np.array([0.6, 0.3, 0.0])[:, None]
    result = replace(result, hollow_threshold=0.1)
    seen = content(replace(result, poses=(replace(pose, stages=stages, smoothed=None),)), View(), Seen(), 40)
    assert np.allclose(seen.peaks, (0.2, 0.5, 0.8)) and "of 8 joints" in seen.note
    hidden = content(result, View(hidden=frozenset(range(5))), Seen(), 40)
    assert "of 9 joints" in hidden.note
