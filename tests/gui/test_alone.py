"""The picture alone, full screen, for an audience that has no keyboard."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QObject, QRect, QSettings, Qt, Signal
from pytestqt.qtbot import QtBot
from typer.testing import CliRunner

from cpm_live.cli.main import app
from cpm_live.gui import app as gui_app
from cpm_live.gui import placement
from cpm_live.gui import settings as memory
from cpm_live.gui.options import AppOptions
from tests.gui.conftest import Opener
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
    # Whoever leaves it.
    window.setWindowState(Qt.WindowState.WindowNoState)
    elsewhere = QRect(30, 40, 780, 560)
    window.setGeometry(elsewhere)
    screen.room = QRect(0, 0, 900, 700)
    screen.geometryChanged.emit(screen.room)
    qtbot.wait(150)
    assert window.geometry() == elsewhere
