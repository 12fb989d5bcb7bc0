"""What stays where it is, says what it shows, and does not stand in the way."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QFont, QImage, QPainter, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from cpm_live.capture.camera import Device
from cpm_live.core.frame import Frame
from cpm_live.core.skeleton import BODY
from cpm_live.gui.help import HelpDialog
from cpm_live.gui.images import FrameImage, bgr_image
from cpm_live.gui.joints_list import JointsList
from cpm_live.gui.shortcuts import SHORTCUTS, install
from cpm_live.gui.status import StatusLine
from cpm_live.gui.window import MainWindow
from cpm_live.pipeline.options import Options
from cpm_live.pipeline.stats import Stats
from tests.gui.conftest import Opener, wait_for_pose
from tests.gui.fakes import openers
from tests.gui.test_window import pause, pixels, press

Key = Qt.Key


def test_cameras_that_are_listed_late_move_no_entry(open_window: Opener, qtbot: QtBot) -> None:
    """Else a click on a folder opens a camera that has just taken its place."""

    def slow() -> list[Device]:
        time.sleep(0.4)
        return [Device(index, f"Camera number {index}", "V4L2") for index in range(3)]

    window = open_window(fakes=replace(openers(), cameras=slow))
    wait_for_pose(window, qtbot)
    menu = window.toolbar.source.menu()
    menu.popup(window.mapToGlobal(QPoint(20, 40)))
    folder = next(action for action in menu.actions() if action.text().startswith("Folder"))
    menu.setActiveAction(folder)
    where = menu.actionGeometry(folder)
    assert any("Looking for cameras" in action.text() for action in menu.actions())
    qtbot.waitUntil(lambda: any("number 2" in action.text() for action in menu.actions()), timeout=3000)
    assert menu.activeAction() is folder and menu.actionGeometry(folder) == where
    assert not any("Looking for" in action.text() for action in menu.actions())
    menu.hide()


def test_the_chart_says_of_which_stage_it_is(window: MainWindow, qtbot: QtBot) -> None:
    """Chosen while the picture stands still: list and chart agree."""
    qtbot.waitUntil(lambda: window.charts.charts is not None, timeout=10_000)
    pause(qtbot, window)
    press(qtbot, window, Key.Key_J)
    press(qtbot, window, Key.Key_1)
    charts, result = window.charts.charts, window.session.latest
    assert charts is not None and result is not None
    charts.refresh()
    assert "stage 1" in charts._belief_title.toolTip() or "stage 1" in charts._belief_title.text()
    joint = window.state.view.joint
    drawn = charts._curves[joint].getData()[1]
    assert drawn[-1] == pytest.approx(result.poses[0].stages[0, joint, 2])
    assert drawn[-1] < result.poses[0].stages[-1, joint, 2] - 0.1


def test_keys_work_beside_the_help(window: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, window, Key.Key_Question)
    dialog = window.findChild(HelpDialog)
    assert dialog is not None and dialog.isVisible() and not dialog.isModal()
    before = window.state.view.joint
    window.activateWindow()
    press(qtbot, window, Key.Key_J)
    assert window.state.view.joint != before
    press(qtbot, window, Key.Key_Question)
    qtbot.waitUntil(lambda: window.findChild(HelpDialog) is None, timeout=2000)
    press(qtbot, window, Key.Key_Question)
    dialog = window.findChild(HelpDialog)
    assert dialog is not None
    dialog.activateWindow()
    qtbot.wait(100)
    with qtbot.waitSignal(window.stopped, timeout=5000):
        QTest.keyClick(dialog, Key.Key_Q, Qt.KeyboardModifier.ControlModifier)


def test_no_help_is_left_behind_a_window_that_closes(window: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, window, Key.Key_Question)
    dialog = window.findChild(HelpDialog)
    assert dialog is not None
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
        assert not dialog.isVisible(), "at once, not when the threads have ended"


def test_a_key_that_is_held_pauses_once(qtbot: QtBot) -> None:
    """And walks on through frames, joints and smoothing."""
    window = QWidget()
    qtbot.addWidget(window)
    install(window, {entry.action: lambda: None for entry in SHORTCUTS}, lambda stage: None)
    keys = {key.key().toString() for key in window.findChildren(QShortcut) if key.autoRepeat()}
    assert keys - set("123456789") == {".", "Right", ",", "Left", "J", "K", "[", "]", "PgDown", "PgUp"}


def test_the_status_line_says_the_median_before_the_worst(qtbot: QtBot) -> None:
    line = StatusLine()
    qtbot.addWidget(line)
    line.resize(1400, 30)
    line.show_stats(Stats(30, 25, age_p50=40, age_p95=90, skipped=3), "CPU", None)
    assert "age 40/90 ms" in line.figures.toolTip()


def test_a_model_that_looks_again_is_no_matter_of_the_next_frame(window: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, window, Key.Key_L)
    qtbot.waitUntil(lambda: window.following.state.options.lock is not None, timeout=3000)
    pause(qtbot, window)
    window.picture.banner.dismiss()
    said: list[str] = []
    window.session.notice.connect(lambda notice: said.append(notice.text))
    press(qtbot, window, Key.Key_H)
    qtbot.waitUntil(lambda: window.session.latest is not None and window.session.latest.model == "hand", timeout=5000)
    assert not any("next frame on" in text for text in said)


def test_the_lock_does_not_move_the_picture(window: MainWindow, qtbot: QtBot) -> None:
    pause(qtbot, window)
    for theme in ("dark", "light"):
        window.apply_theme(theme)
        window.status.show_people(1, 0, 0, None)
        qtbot.wait(50)
        before = window.picture.size()
        window.status.show_people(1, 0, 0, "#1")
        qtbot.wait(50)
        assert window.status.release.isVisible() and window.picture.size() == before


def test_a_still_picture_says_what_it_does_not_show_yet(window: MainWindow, qtbot: QtBot) -> None:
    pause(qtbot, window)
    options = window.following.state.options
    window.session.set_options(replace(options, joint_threshold=0.6))
    assert window.picture.banner.notice is None, "that is seen at once"
    window.session.set_options(replace(options, joint_threshold=0.6, people=1))
    notice = window.picture.banner.notice
    assert notice is not None and "from the next frame on" in notice.text
    window.picture.banner.dismiss()
    press(qtbot, window, Key.Key_Space)
    window.session.set_options(Options(people=2))
    assert window.picture.banner.notice is None, "the next frame is coming"


def test_rows_are_as_high_as_large_letters(qtbot: QtBot) -> None:
    rows = JointsList()
    qtbot.addWidget(rows)
    rows.set_skeleton(BODY)
    before = rows.sizeHint().height()
    large = QFont(rows.font())
    large.setPointSizeF(2.4 * large.pointSizeF())
    rows.setFont(large)
    assert rows.row(0).height() >= rows.fontMetrics().height()
    assert rows.sizeHint().height() > before and rows.row(3).top() == 3 * rows.row(0).height()
    assert rows._joint_at(rows.row(5).center()) == 5


@pytest.mark.parametrize("scale", [0.3, 0.8, 1.7])
def test_the_quick_copy_of_a_frame_looks_the_same(scale: float) -> None:
    rng = np.random.default_rng(0)
    frames = [Frame(rng.integers(0, 256, (90, 131, 3), np.uint8), index, 0) for index in range(2)]
    images = FrameImage()
    for frame in (frames[0], frames[1], frames[1], frames[0]):
        painted = []
        for image in (images.of(frame, scale), bgr_image(frame.image)):
            canvas = QImage(240, 160, QImage.Format.Format_RGB32)
            canvas.fill(0)
            painter = QPainter(canvas)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(QRectF(0, 0, 131 * scale, 90 * scale), image)
            painter.end()
            painted.append(pixels(canvas).astype(int))
        assert np.abs(painted[0] - painted[1]).max() <= 1
