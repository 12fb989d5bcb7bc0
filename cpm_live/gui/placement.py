"""Where the window lay and how its splitters stood, to and from the settings."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QByteArray, QObject, QRect, QSize, QTimer, Slot
from PySide6.QtGui import QGuiApplication, QScreen
from PySide6.QtWidgets import QMainWindow, QSplitter

from cpm_live.gui.settings import Settings

_USUAL, _LEAST = QSize(1280, 800), QSize(760, 540)
_FRAME = QSize(16, 56)
"""What a window manager lays around a window, at most: how much it will be nobody says before it is shown."""
_MANAGED_MS = 1000
"""So long a window manager may take to make a window as large as the screen."""


def size(window: QMainWindow) -> None:
    """As large as is usual, and as the screen has room for: a status line below its edge nobody reads."""
    room = window.screen().availableSize() - _FRAME
    window.setMinimumSize(_LEAST.boundedTo(room))
    window.resize(_USUAL.boundedTo(room))


def restore(window: QMainWindow, columns: QSplitter, rows: QSplitter, side: QSplitter, kept: Settings) -> None:
    """Put everything where it was; what Qt cannot read stays where it is."""
    if kept.geometry:
        window.restoreGeometry(_bytes(kept.geometry))
    for splitter, state in ((columns, kept.columns), (rows, kept.rows), (side, kept.side)):
        if state:
            splitter.restoreState(_bytes(state))


def fill(window: QMainWindow) -> None:
    """Full screen as the window manager does it; where there is none, as in an X session of one program, by ourselves,
    also when the screen gets another size."""
    filler = _Filler(window)
    filler.watch(window.screen())
    window.showFullScreen()


def fills_screen(window: QMainWindow) -> bool:
    """Whether nothing else is on the screen. (Without a window manager Qt forgets that a window was full screen.)"""
    return window.isFullScreen() or window.geometry() == window.screen().geometry()


class _Filler(QObject):
    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window, self._filled = window, QRect()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MANAGED_MS)
        self._timer.timeout.connect(self._fill)
        # One that is switched off and on again may be another one to Qt.
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        app.screenAdded.connect(self.watch)

    @Slot(QScreen)
    def watch(self, screen: QScreen) -> None:
        """Fill it, when it gets another size, too."""
        screen.geometryChanged.connect(self.later)
        self.later()

    @Slot()
    def later(self) -> None:
        """Once a window manager has had its time."""
        self._timer.start()

    @Slot()
    def _fill(self) -> None:
        window, room = self._window, self._window.screen().geometry()
        # Without a window manager Qt forgets that a window was full screen; whoever left that has moved it.
        if window.geometry() != room and (window.isFullScreen() or window.geometry() == self._filled):
            window.setGeometry(room)
            self._filled = room


def noted(window: QMainWindow, columns: QSplitter, rows: QSplitter, side: QSplitter, kept: Settings) -> Settings:
    """The settings with where everything is now."""
    return replace(
        kept,
        geometry=_hex(window.saveGeometry()),
        columns=_hex(columns.saveState()),
        rows=_hex(rows.saveState()),
        side=_hex(side.saveState()),
    )


def _hex(state: QByteArray) -> str:
    return bytes(state.toHex().data()).decode("ascii")


def _bytes(text: str) -> QByteArray:
    return QByteArray.fromHex(text.encode("ascii", "replace"))
