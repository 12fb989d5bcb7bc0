"""Where the window lay and how its splitters stood, to and from the settings."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QByteArray, QSize
from PySide6.QtWidgets import QMainWindow, QSplitter

from cpm_live.gui.settings import Settings

_USUAL, _LEAST = QSize(1280, 800), QSize(760, 540)
_FRAME = QSize(16, 56)
"""What a window manager lays around a window, at most: how much it will be nobody says before it is shown."""


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
