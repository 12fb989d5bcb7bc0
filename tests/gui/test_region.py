"""The region of interest, drawn with the mouse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QMouseEvent
from pytestqt.qtbot import QtBot

from cpm_live.core.crop import Box
from cpm_live.core.frame import Frame
from cpm_live.gui.geometry import Fit
from cpm_live.gui.region import RegionTool, area_of
from cpm_live.gui.window import MainWindow
from tests.gui.conftest import shown, wait_for_people
from tests.gui.test_window import pause, pixels, press

Key, Left = Qt.Key, Qt.MouseButton.LeftButton
Shift = Qt.KeyboardModifier.ShiftModifier


def drag(qtbot: QtBot, window: MainWindow, a: QPoint, b: QPoint, modifier: Qt.KeyboardModifier | None = None) -> None:
    plain = Qt.KeyboardModifier.NoModifier
    qtbot.mousePress(window.picture, Left, modifier or plain, a)
    qtbot.mouseMove(window.picture, (a + b) / 2)
    qtbot.mouseMove(window.picture, b)
    qtbot.mouseRelease(window.picture, Left, modifier or plain, b)


def place(window: MainWindow, x: float, y: float) -> QPoint:
    return window.picture.frame_to_widget(x, y).toPoint()


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("widget", [(960, 540), (500, 700)])
def test_tool_draws_and_changes_in_frame_pixels(mirror: bool, widget: tuple[int, int]) -> None:
    fit = Fit.into((640, 480), widget, mirror)

    def at(x: float, y: float) -> QPointF:
        return QPointF(*fit.to_widget((x - 0.5, y - 0.5)).tolist())

    def go(start: tuple[float, float], end: tuple[float, float], new: bool) -> Box | None:
        assert tool.press(at(*start), fit, new)
        tool.move(at(*end), fit)
        return tool.release(fit)

    tool = RegionTool()
    assert not tool.press(at(100, 100), fit, False), "nothing to take hold of"
    assert go((400, 300), (100, 80), True) == (100, 80, 300, 220)
    area = area_of((100, 80, 300, 220), fit)
    assert np.allclose(sorted([area.left(), area.right()]), sorted([at(100, 0).x(), at(400, 0).x()]))
    assert go((100, 200), (150, 260), False) == (150, 80, 250, 220), "an edge moves across only"
    assert go((400, 300), (700, 900), False) == (150, 80, 490, 400), "a corner, and never beyond the frame"
    assert go((150, 80), (640, 480), False) is None and tool.region == (150, 80, 490, 400), "too small to be meant"
    assert not tool.press(at(400, 280), fit, False), "inside, the mouse means people"
    assert tool.cursor(at(150, 200), fit) == Qt.CursorShape.SizeHorCursor


def test_region_restricts_who_is_followed(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_I)
    assert crowd.toolbar.region.isChecked() and crowd.picture.region.armed
    drag(qtbot, crowd, place(crowd, 220, 40), place(crowd, 420, 460))
    region = crowd.session.live.options.region
    assert region is not None and np.allclose(region, (220, 40, 200, 420), atol=2)
    assert not crowd.picture.region.armed and crowd.toolbar.region.isChecked()
    result = wait_for_people(crowd, qtbot, 1)
    assert abs(result.poses[0].box[0] + result.poses[0].box[2] / 2 - 320) < 30
    # Its right edge is pulled over the third person.
    drag(qtbot, crowd, place(crowd, region[0] + region[2], 300), place(crowd, 635, 300))
    wait_for_people(crowd, qtbot, 2)
    press(qtbot, crowd, Key.Key_I, Shift)
    assert crowd.session.live.options.region is None and not crowd.toolbar.region.isChecked()
    wait_for_people(crowd, qtbot, 3)


def test_a_region_without_a_mouse(crowd: MainWindow, qtbot: QtBot) -> None:
    pause(qtbot, crowd)
    press(qtbot, crowd, Key.Key_P)
    press(qtbot, crowd, Key.Key_P)
    assert crowd.joints.list._result is not None
    chosen = crowd.joints.list._result.poses[0]
    press(qtbot, crowd, Key.Key_U)
    region = crowd.session.live.options.region
    assert region is not None and crowd.toolbar.region.isChecked()
    x, width = chosen.box[0], chosen.box[2]
    assert region[0] <= max(0, x) and region[0] + region[2] >= min(640, x + width)
    assert region[1] >= 0 and region[1] + region[3] <= 480 and region[2] < 640
    press(qtbot, crowd, Key.Key_Space)
    only = wait_for_people(crowd, qtbot, 1).poses[0]
    assert abs(only.box[0] - x) < 40
    press(qtbot, crowd, Key.Key_I, Shift)
    assert crowd.session.live.options.region is None


def test_mirrored_and_with_shift(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_M)
    before = place(crowd, 30, 60)
    assert before.x() > place(crowd, 330, 60).x()
    drag(qtbot, crowd, before, place(crowd, 230, 400), Shift)
    region = crowd.session.live.options.region
    assert region is not None and np.allclose(region, (30, 60, 200, 340), atol=2)


def test_outside_is_dimmed(crowd: MainWindow, qtbot: QtBot) -> None:
    drag(qtbot, crowd, place(crowd, 200, 60), place(crowd, 440, 440), Shift)
    pause(qtbot, crowd)
    with_region = pixels(crowd.picture.grab().toImage()).astype(int)
    crowd.following.clear_region()
    crowd.picture.show_result(replace(shown(crowd)))
    without = pixels(crowd.picture.grab().toImage()).astype(int)
    corner, inside = place(crowd, 620, 20), place(crowd, 230, 90)
    assert with_region[corner.y(), corner.x()].sum() < 0.6 * without[corner.y(), corner.x()].sum()
    assert (with_region[inside.y(), inside.x()] == without[inside.y(), inside.x()]).all()


def test_escape_and_menu(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_I)
    press(qtbot, crowd, Key.Key_Escape)
    assert not crowd.picture.region.armed and not crowd.toolbar.region.isChecked()
    actions = {action.text().split("\t")[0]: action for action in crowd.following.menu(None).actions()}
    assert not actions["Clear the region"].isEnabled()
    actions["Draw a region"].trigger()
    assert crowd.picture.region.armed
    drag(qtbot, crowd, place(crowd, 100, 100), place(crowd, 104, 103))
    assert crowd.session.live.options.region is None and crowd.picture.region.armed, "too small to be meant"
    drag(qtbot, crowd, place(crowd, 100, 100), place(crowd, 400, 300))
    actions = {action.text().split("\t")[0]: action for action in crowd.following.menu(None).actions()}
    actions["Clear the region"].trigger()
    assert crowd.session.live.options.region is None


def test_frames_of_another_size_clear_it(crowd: MainWindow, qtbot: QtBot) -> None:
    drag(qtbot, crowd, place(crowd, 100, 100), place(crowd, 400, 300), Shift)
    assert crowd.session.live.options.region is not None
    pause(qtbot, crowd)
    small = Frame(np.zeros((240, 320, 3), np.uint8), 0, 0)
    crowd.session.result.emit(replace(shown(crowd), frame=small))
    assert crowd.session.live.options.region is None
    assert "another size" in crowd.picture.banner.notice.text  # type: ignore[union-attr]


@pytest.mark.parametrize("how", ["move", "menu", "source"])
def test_a_drag_whose_release_went_elsewhere_is_over(crowd: MainWindow, qtbot: QtBot, how: str) -> None:
    """A context menu or a dialog takes the release; a source may fail meanwhile."""
    qtbot.mousePress(crowd.picture, Left, Shift, place(crowd, 100, 100))
    qtbot.mouseMove(crowd.picture, place(crowd, 300, 300))
    assert crowd.picture.region.dragging
    at = QPointF(place(crowd, 350, 350))
    if how == "move":
        move = QMouseEvent(
            QEvent.Type.MouseMove, at, at, Qt.MouseButton.NoButton, Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        crowd.picture.mouseMoveEvent(move)
    elif how == "menu":
        crowd.picture.menu_asked.disconnect()
        crowd.picture.contextMenuEvent(QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at.toPoint(), at.toPoint()))
    else:
        crowd.picture.clear("gone")
    assert not crowd.picture.region.dragging and crowd.picture.region.region is None
    qtbot.mouseRelease(crowd.picture, Left)
