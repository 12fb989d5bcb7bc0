"""The window for everybody: by keyboard alone, on small screens, with a screen reader, with files dropped on it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPointF, QSettings, QSize, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from cpm_live.core.errors import InputError
from cpm_live.core.pose import Result
from cpm_live.drawing.paint import paint
from cpm_live.drawing.view import View
from cpm_live.engines.base import Engine
from cpm_live.engines.recipe import Recipe
from cpm_live.gui import settings
from cpm_live.gui.banner import Notice
from cpm_live.gui.first_source import NO_CAMERA
from cpm_live.gui.follow_panel import FollowPanel
from cpm_live.gui.help import HelpDialog
from cpm_live.gui.settings import Settings
from cpm_live.gui.status import StatusLine
from cpm_live.gui.toolbar import Toolbar
from cpm_live.gui.widgets import Segments, ToolButton
from cpm_live.gui.window import MainWindow
from cpm_live.pipeline.live import Event
from cpm_live.pipeline.stats import Stats
from tests.gui.conftest import Opener, shown
from tests.gui.fakes import no_cameras
from tests.gui.test_window import press

Key = Qt.Key


# -- by keyboard ------------------------------------------------------------------------------------


def test_tab_comes_from_a_button_to_its_panel_and_on(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    anchor, after = ToolButton(window), ToolButton(window)
    panel = FollowPanel(window)
    for button in (anchor, after):
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    window.show()
    for _ in range(2):
        panel.toggle(anchor, anchor)
        anchor.setFocus(Qt.FocusReason.TabFocusReason)
        reached = []
        while window.focusWidget() is not after and len(reached) < 20:
            window.focusNextChild()
            reached.append(window.focusWidget())
        sliders = [row.slider for row in (panel.people, panel.smoothing, panel.joint, panel.sure)]
        segments = panel.hands.findChildren(ToolButton)
        enabled = [button for button in (panel.draw, panel.clear, panel.back) if button.isEnabled()]
        assert reached == [*sliders, *segments, *enabled, after]
        panel.toggle(anchor, anchor)


def test_tab_reaches_every_segment(qtbot: QtBot) -> None:
    row = Segments((("a", "A", ""), ("b", "B", ""), ("c", "C", "")), "Row")
    qtbot.addWidget(row)
    row.show()
    row.set_chosen("b")
    buttons = row.findChildren(ToolButton)
    buttons[0].setFocus(Qt.FocusReason.TabFocusReason)
    reached = []
    for _ in buttons:
        reached.append(row.focusWidget())
        row.focusNextChild()
    assert reached == buttons
    with qtbot.waitSignal(row.chosen) as told:
        qtbot.keyClick(buttons[2], Key.Key_Space)
    assert told.args == ["c"] and [button.isChecked() for button in buttons] == [False, False, True]
    qtbot.mouseClick(buttons[2], Qt.MouseButton.LeftButton)
    assert row.chosen_key() == "c", "pressing it again does not switch it off"
    row.set_chosen(None)
    assert row.chosen_key() is None


def test_space_on_the_engine_menu_is_its_own(window: MainWindow) -> None:
    """Or the window would pause."""
    key = QKeyEvent(QEvent.Type.ShortcutOverride, Key.Key_Space, Qt.KeyboardModifier.NoModifier)
    key.ignore()
    window.toolbar.engine.box.event(key)
    assert key.isAccepted()


def test_escape_leaves_full_screen_after_the_lock(window: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, window, Key.Key_F)
    assert window.isFullScreen()
    press(qtbot, window, Key.Key_Escape)
    assert not window.isFullScreen()
    window.showMaximized()
    press(qtbot, window, Key.Key_F)
    press(qtbot, window, Key.Key_Escape)
    assert window.isMaximized() and not window.isFullScreen()


# -- on small screens --------------------------------------------------------------------------------


def test_the_help_scrolls_where_it_does_not_fit(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen:
        def availableSize(self) -> QSize:
            return QSize(640, 400)

    monkeypatch.setattr(HelpDialog, "screen", lambda _self: Screen())
    dialog = HelpDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.width() <= 640 and dialog.height() <= 400
    close = dialog.findChild(QDialogButtonBox)
    assert close is not None and dialog.rect().contains(close.geometry())
    scroll = dialog.findChild(QScrollArea)
    assert scroll is not None and scroll.verticalScrollBar().maximum() > 0
    monkeypatch.setattr(Screen, "availableSize", lambda _self: QSize(2000, 1400))
    large = HelpDialog()
    qtbot.addWidget(large)
    large.show()
    scroll = large.findChild(QScrollArea)
    assert scroll is not None and scroll.verticalScrollBar().maximum() == 0, "nothing to scroll where there is room"


def test_nothing_overlaps_in_a_tight_toolbar(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(1280, 46)
    bar = Toolbar(no_cameras, window)
    bar.resize(640, 46)
    window.show()
    QApplication.processEvents()
    shown_ones = [child for child in bar.children() if isinstance(child, QWidget) and child.isVisible()]
    spans = sorted((child.geometry().left(), child.geometry().right()) for child in shown_ones)
    assert all(left > right for (_, right), (left, _) in pairwise(spans)), spans
    assert spans[-1][1] <= 640
    assert bar.model.width() >= bar.model.sizeHint().width(), "Body and Hand can be read"
    bar.resize(1280, 46)
    assert bar.help.isVisible() and bar.theme.isVisible() and bar.boxes.isVisible()


def test_the_panel_that_is_opened_by_its_key_goes_on_with_keys(window: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, window, Qt.Key.Key_F, Qt.KeyboardModifier.ShiftModifier)
    assert window.panel.isVisible() and window.panel.people.slider.hasFocus()


def test_the_panel_stays_inside_a_low_window(window: MainWindow) -> None:
    window.setMinimumSize(400, 300)
    window.resize(640, 400)
    window.panel.toggle(window.toolbar.following, window.picture)
    assert window.panel.geometry().bottom() <= window.height()


def test_the_figures_end_in_an_ellipsis_where_they_do_not_fit(qtbot: QtBot) -> None:
    status = StatusLine()
    qtbot.addWidget(status)
    stats = Stats(29.7, 29.1, 1345, 1466, 23456, recorded=345, record_dropped=2, record_skipped=58)
    status.resize(1600, 30)
    status.show()
    status.show_stats(stats, "CPU", 83.0)
    assert status.figures.text().endswith("skipped 23456")
    whole = "REC 1:23   345 written, 2 dropped, 58 skipped"
    qtbot.waitUntil(lambda: status.recording.text() == whole)
    # Recording and locked in a narrow window: everything is still told, cut with an ellipsis.
    status.show_people(4, 0, 2, "#1")
    for width in (800, 910, 1024):
        status.resize(width, 30)
        qtbot.waitUntil(lambda: status.people.text().startswith("4 followed"))
        labels = (status.figures, status.people, status.engine, status.recording)
        assert all(len(label.text()) >= 3 for label in labels), [label.text() for label in labels]
    status.resize(420, 30)
    assert status.figures.text().endswith("…") and "skipped 23456" in status.figures.toolTip()


def _move(result: Result, by: float) -> Result:
    pose = result.poses[0]
    stages = pose.stages + np.array([by, 0, 0], np.float32)
    return replace(result, poses=(replace(pose, stages=stages, smoothed=None),))


# -- the mouse -------------------------------------------------------------------------------------------


def test_the_marked_joint_is_the_one_under_the_mouse_when_people_move(window: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, window, Key.Key_Space)
    result = shown(window)
    x, y = result.poses[0].keypoints[11, :2].tolist()
    at = window.picture.frame_to_widget(x, y).toPoint()
    qtbot.mouseMove(window.picture, at)
    qtbot.waitUntil(lambda: window.state.view.highlight == 11, timeout=2000)
    window.picture.show_result(_move(result, 150.0))
    assert window.state.view.highlight != 11
    window.picture.show_result(_move(result, 0.0))
    assert window.state.view.highlight == 11


def test_films_do_not_show_what_the_mouse_points_at(window: MainWindow) -> None:
    result = shown(window)
    assert np.array_equal(paint(result, View(highlight=6)), paint(result, View()))


def test_what_is_dropped_on_the_window_plays(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "clip one.mp4"
    for urls, wanted in (
        ([QUrl.fromLocalFile(str(path)), QUrl.fromLocalFile("/other")], str(path)),
        ([QUrl("http://host/live.m3u8")], "http://host/live.m3u8"),
    ):
        data = QMimeData()
        data.setUrls(urls)
        copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        entered = QDragEnterEvent(QPointF(9, 9).toPoint(), copy, data, left, none)
        entered.ignore()
        QApplication.sendEvent(window, entered)
        assert entered.isAccepted()
        QApplication.sendEvent(window, QDropEvent(QPointF(9, 9), copy, data, left, none))
        assert window.session.source == wanted


def test_what_is_dropped_with_shift_is_not_taken_away(window: MainWindow, tmp_path: Path) -> None:
    """Shift proposes a move, and whoever gets a file that way from Explorer has it deleted there."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "clip.mp4"))])
    both = Qt.DropAction.CopyAction | Qt.DropAction.MoveAction
    left, shift = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier
    for event in (
        QDragEnterEvent(QPointF(9, 9).toPoint(), both, data, left, shift),
        QDropEvent(QPointF(9, 9), both, data, left, shift),
    ):
        QApplication.sendEvent(window, event)
        assert event.isAccepted() and event.dropAction() == Qt.DropAction.CopyAction


def test_hiding_the_focused_button_leaves_space_to_the_window(window: MainWindow, qtbot: QtBot) -> None:
    window.picture.banner.show_notice(Notice("info", "Something"))
    window.picture.banner._close.setFocus()
    qtbot.keyClick(window.picture.banner._close, Key.Key_Space)
    assert not window.picture.banner.isVisible() and QApplication.focusWidget() is window
    window.status.show_people(1, 0, 0, "1")
    window.status.release.setFocus()
    window.status.show_people(1, 0, 0, None)
    assert QApplication.focusWidget() is window


def test_a_click_on_a_message_is_none_on_the_picture(window: MainWindow, qtbot: QtBot) -> None:
    banner = window.picture.banner
    banner.show_notice(Notice("info", "Something that happened"))
    qtbot.mouseDClick(banner, Qt.MouseButton.LeftButton, pos=QPointF(3, 3).toPoint())
    qtbot.mouseDClick(banner._icon, Qt.MouseButton.LeftButton)
    assert window.following.state.options.lock is None


# -- sources and memory ----------------------------------------------------------------------------------


def test_another_camera_than_the_one_asked_for_is_said(open_window: Opener, qtbot: QtBot) -> None:
    window = open_window(source="demo", cameras=True)
    session = window.session
    session._asked, session._first_source = "camera:BRIO", True
    session._source_failed("no camera named 'BRIO'; this machine has 0: Fake camera")
    notice = window.picture.banner.notice
    assert notice is not None and "'BRIO'" in notice.text and "demo instead" in notice.text
    session._asked, session._first_source = "camera:0", True
    session._source_failed("no camera 0; this machine lists none")
    notice = window.picture.banner.notice
    assert notice is not None and notice.text == NO_CAMERA


def test_what_a_source_leaves_out_is_shown(window: MainWindow) -> None:
    window.session._handle(Event("source-note", "left out bad.jpg: damaged, or of a kind that is not read here"))
    notice = window.picture.banner.notice
    assert notice is not None and notice.kind == "warning" and "bad.jpg" in notice.text


def test_a_failed_recording_says_what_to_do(window: MainWindow) -> None:
    text = "cannot write /full/a.mp4: No space left on device; 11 frames (2.3 s) are kept, 2 are lost"
    window.session._handle(Event("recording-failed", text))
    notice = window.picture.banner.notice
    assert notice is not None and "11 frames (2.3 s) are kept" in notice.text and "right-click" in notice.text


def test_two_windows_keep_what_each_has_set(store: QSettings) -> None:
    settings.save(store, Settings(theme="light", following={"body.people": 3.0, "hand.people": 1.0}))
    first = second = settings.load(store)
    first = replace(first, folder="/films", following={"body.people": 2.0})
    settings.save(store, first, settings.load(store))
    changed = replace(second, glow=False, following={**second.following, "body.joint": 0.6})
    settings.save(QSettings(store.fileName(), QSettings.Format.IniFormat), changed, second)
    wanted = Settings(theme="light", folder="/films", glow=False, following={"body.people": 2.0, "body.joint": 0.6})
    assert settings.load(store) == wanted


def test_an_engine_without_numbers_is_one_line(open_window: Opener, qtbot: QtBot) -> None:
    window = open_window()
    loader = window.session.live._worker._loader

    def broken(recipe: Recipe, kind: str) -> Engine:
        raise InputError("CPU computes no numbers with these weights (fp32); use other weights")

    loader._open = broken
    press(qtbot, window, Key.Key_H)
    qtbot.waitUntil(lambda: window.picture.banner.notice is not None, timeout=5000)
    notice = window.picture.banner.notice
    assert notice is not None and "no numbers" in notice.text
