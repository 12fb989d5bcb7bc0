"""The picture alone, full screen, for an audience that has no keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QPoint, QPointF, QRect, QSettings, Qt, Signal
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from typer.testing import CliRunner

from cpm_live.cli.main import app
from cpm_live.gui import app as gui_app
from cpm_live.gui import placement, pointer
from cpm_live.gui import settings as memory
from cpm_live.gui.options import AppOptions
from tests.capture.films import film
from tests.gui.conftest import Opener, shown, wait_for_pose
from tests.gui.test_window import press


def test_the_command_line_starts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[AppOptions] = []
    monkeypatch.setattr(gui_app, "run_app", lambda options: asked.append(options) or 0)
    for line in (["--alone", "--source", "demo"], ["window", "--alone"], []):
        assert CliRunner().invoke(app, line).exit_code == 0
    assert [options.alone for options in asked] == [True, True, False]


def test_full_screen_from_the_command_line_is_not_remembered(
    open_window: Opener, qtbot: QtBot, store: QSettings
) -> None:
    def close(window: object) -> str:
        with qtbot.waitSignal(window.stopped, timeout=5000):  # type: ignore[attr-defined]
            window.close()  # type: ignore[attr-defined]
        return memory.load(store).geometry

    before = close(open_window())
    window = open_window(alone=True)
    window.alone.toggle()
    placement.fill(window)
    assert window.isFullScreen() and not window.toolbar.isVisible()
    assert close(window) == before
    window = open_window(alone=True)
    placement.fill(window)
    # Whoever leaves it and puts the window elsewhere finds it there.
    press(qtbot, window, Qt.Key.Key_Escape)
    window.setGeometry(QRect(20, 30, 800, 600))
    assert not window.isFullScreen() and close(window) != before


def test_nor_is_it_where_there_is_no_window_manager(
    open_window: Opener, qtbot: QtBot, store: QSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window()
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
    before = memory.load(store).geometry
    window = open_window(alone=True)
    placement.fill(window)
    monkeypatch.setattr(window, "isFullScreen", lambda: False)  # as Qt says then
    window.setGeometry(window.screen().geometry())
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
    assert memory.load(store).geometry == before


class _Screen(QObject):
    geometryChanged = Signal(QRect)
    room = QRect(0, 0, 900, 700)

    def geometry(self) -> QRect:
        return self.room


def test_without_a_window_manager_it_fills_the_screen(
    open_window: Opener, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "_MANAGED_MS", 50)
    window, screen = open_window(), _Screen()
    monkeypatch.setattr(window, "screen", lambda: screen)
    placement.fill(window)
    qtbot.waitUntil(lambda: window.geometry() == screen.room, timeout=5000)
    monkeypatch.setattr(window, "isFullScreen", lambda: False)  # as Qt says then
    screen.room = QRect(0, 0, 800, 600)
    screen.geometryChanged.emit(screen.room)
    qtbot.waitUntil(lambda: window.geometry() == screen.room, timeout=5000)
    # Switched off and on again it is another one to Qt.
    screen = _Screen()
    screen.room = QRect(0, 0, 950, 650)
    QApplication.instance().screenAdded.emit(window.windowHandle().screen())  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: window.geometry() == screen.room, timeout=5000)
    # Whoever leaves it.
    window.setWindowState(Qt.WindowState.WindowNoState)
    elsewhere = QRect(30, 40, 780, 560)
    window.setGeometry(elsewhere)
    screen.room = QRect(0, 0, 900, 700)
    screen.geometryChanged.emit(screen.room)
    qtbot.wait(150)
    assert window.geometry() == elsewhere


def test_a_pointer_that_rests_is_neither_seen_nor_names_joints(
    open_window: Opener, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pointer, "REST_MS", 400)
    window = open_window()
    wait_for_pose(window, qtbot)
    picture, blank = window.picture, Qt.CursorShape.BlankCursor

    def onto_a_joint() -> None:
        result = shown(window)
        x, y, _ = result.poses[0].keypoints[0]
        at = picture.frame_to_widget(float(x), float(y)).toPoint()
        qtbot.mouseMove(picture, at + QPoint(3, 0))
        qtbot.mouseMove(picture, at)
        picture._hover(QPointF(at))

    onto_a_joint()
    qtbot.wait(600)
    assert picture.cursor().shape() != blank, "whoever works with the window rests it on a joint to read its name"
    # Never moved since.
    press(qtbot, window, Qt.Key.Key_W)
    qtbot.waitUntil(lambda: picture.cursor().shape() == blank, timeout=5000)
    assert window.state.view.highlight is None
    qtbot.wait(200)
    assert picture.cursor().shape() == blank and window.state.view.highlight is None, "people move beneath it"
    onto_a_joint()
    assert picture.cursor().shape() != blank
    qtbot.waitUntil(lambda: picture.cursor().shape() == blank, timeout=5000)
    press(qtbot, window, Qt.Key.Key_W)
    qtbot.wait(600)
    assert picture.cursor().shape() != blank


def test_a_film_alone_has_no_bar(open_window: Opener, qtbot: QtBot, tmp_path: Path) -> None:
    window = open_window(str(film(tmp_path / "a.mp4", 160)))
    line = window.timeline
    qtbot.waitUntil(lambda: line.holder.isVisible() and line.bar.maximum() > 1000, timeout=5000)
    press(qtbot, window, Qt.Key.Key_W)
    qtbot.waitUntil(lambda: window.picture.height() == window.height(), timeout=2000)
    assert not line.holder.isVisible()
    # Keys go on as before, and the next film has none either.
    press(qtbot, window, Qt.Key.Key_PageDown)
    window.choose_source(str(film(tmp_path / "b.mp4", 160)))
    qtbot.waitUntil(lambda: "b.mp4" in window.windowTitle(), timeout=5000)
    assert not line.holder.isVisible()
    press(qtbot, window, Qt.Key.Key_W)
    qtbot.waitUntil(line.holder.isVisible, timeout=2000)
