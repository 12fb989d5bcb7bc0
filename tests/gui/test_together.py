"""What two features make of each other, as a person sees it and finds it in the files."""

from __future__ import annotations

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from cpm_live.drawing.view import ALL_JOINTS
from cpm_live.gui.window import MainWindow
from tests.gui.conftest import shown
from tests.gui.test_window import pause, press

Key = Qt.Key


def test_a_double_click_that_locks_leaves_the_glow_off(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_G)
    pause(qtbot, crowd)
    pose = shown(crowd).poses[0]
    at = crowd.picture.frame_to_widget(*pose.keypoints[13, :2].tolist()).toPoint()
    qtbot.mouseClick(crowd.picture, Qt.MouseButton.LeftButton, pos=at)
    assert crowd.state.view.glow, "whoever chooses a map wants to see it"
    qtbot.mouseDClick(crowd.picture, Qt.MouseButton.LeftButton, pos=at)
    assert crowd.session.live.options.lock == pose.id
    assert (crowd.state.view.joint, crowd.state.view.glow) == (ALL_JOINTS, 0.0)
