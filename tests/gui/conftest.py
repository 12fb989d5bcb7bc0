"""Windows on fakes, with settings of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QSettings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cpm_live.core.pose import Result
from cpm_live.gui.openers import Openers
from cpm_live.gui.options import AppOptions
from cpm_live.gui.window import MainWindow
from tests.gui.crowd import Room, crowd_openers
from tests.gui.fakes import openers

Opener = Callable[..., MainWindow]


@pytest.fixture
def store(tmp_path: Path) -> QSettings:
    """Settings that are nobody's."""
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def open_window(qtbot: QtBot, store: QSettings, tmp_path: Path) -> Iterator[Opener]:
    """Opens windows on fakes and closes what the test left open."""
    QApplication.setQuitOnLastWindowClosed(False)
    windows: list[MainWindow] = []

    def open_it(
        source: str | None = "demo", cameras: bool = False, fakes: Openers | None = None, **options: object
    ) -> MainWindow:
        window = MainWindow(AppOptions(source=source, **options), store, fakes or openers(cameras))  # type: ignore[arg-type]
        window.settings = type(window.settings)(**{**_values(window), "folder": str(tmp_path / "out")})
        windows.append(window)
        window.resize(1000, 700)
        window.start()
        window.show()
        # Without a window manager nobody else does, and keys go to the active window only.
        window.activateWindow()
        # On a busy machine it takes a while, and keys pressed before are nobody's.
        qtbot.waitUntil(window.isActiveWindow, timeout=5000)
        return window

    yield open_it
    for window in windows:
        if not window._ended:
            with qtbot.waitSignal(window.stopped, timeout=5000):
                window.close()
        window.deleteLater()
    # Now, not some day: a new style sheet would otherwise be worked out for all windows of all tests.
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _values(window: MainWindow) -> dict[str, object]:
    return {name: getattr(window.settings, name) for name in window.settings.__dataclass_fields__}


@pytest.fixture
def window(open_window: Opener, qtbot: QtBot) -> MainWindow:
    """A window on the demo that shows a pose."""
    opened = open_window()
    wait_for_pose(opened, qtbot)
    return opened


def wait_for_pose(window: MainWindow, qtbot: QtBot, model: str = "body") -> None:
    """Until a pose of this model is shown."""

    def shown() -> bool:
        result = window.picture.result
        return result is not None and bool(result.poses) and result.model == model

    qtbot.waitUntil(shown, timeout=5000)


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def crowd(open_window: Opener, qtbot: QtBot, room: Room) -> MainWindow:
    """A window that shows three people."""
    window = open_window(fakes=crowd_openers(room))
    wait_for_people(window, qtbot, 3)
    return window


def wait_for_people(window: MainWindow, qtbot: QtBot, count: int) -> Result:
    def there() -> bool:
        return window.picture.result is not None and len(window.picture.result.poses) == count

    qtbot.waitUntil(there, timeout=9000)
    return shown(window)


def shown(window: MainWindow) -> Result:
    assert window.picture.result is not None
    return window.picture.result
