"""A message over the picture: what happened and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, QTimer, Slot
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QColor,
    QContextMenuEvent,
    QGuiApplication,
    QIcon,
    QKeyEvent,
    QKeySequence,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QWidget

from cpm_live.gui.icons import pixmap
from cpm_live.gui.widgets import ToolButton, give_focus_back, tip


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to say.

    Attributes:
        kind: ``error``, ``warning``, ``info`` or ``done``.
        text: one line: what, and what to do.
        seconds: shown for so long; 0 until dismissed or replaced.
        about: ``source`` where a source that opens makes it untrue.
    """

    kind: str
    text: str
    seconds: float = 0.0
    about: str = ""


def sentence(text: str) -> str:
    """With a capital and a full stop, as people write."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


_LOOKS = {
    "error": ("alert", "#ff8b8b", "#3a1a1d", "#7d3338"),
    "warning": ("alert", "#ffcf7a", "#352a15", "#75602c"),
    "info": ("info", "#a9bdff", "#1c2440", "#3d4d85"),
    "done": ("check", "#84e3b1", "#14301f", "#2e6b48"),
}
"""Icon, its colour, background, border: over the picture, which is dark in both looks."""


_MAY_BREAK = "\u200b"
_LONG, _PIECE = re.compile(r"\S{32,}"), re.compile(r"[^/\\_.-]{1,32}[/\\_.-]*")


def _breakable(text: str) -> str:
    """A text whose long names and paths may be broken over lines, which Qt does at spaces only."""
    return _LONG.sub(lambda word: _PIECE.sub(lambda piece: piece[0] + _MAY_BREAK, word[0]), text)


class _Text(QLabel):
    """A text that is copied as it was meant."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy what is selected."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self._copy()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to copy, what is selected or all of it."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy").triggered.connect(self._copy)
        menu.popup(event.globalPos())

    @Slot()
    def _copy(self) -> None:
        text = self.selectedText() or self.text()
        QGuiApplication.clipboard().setText(text.replace(_MAY_BREAK, ""))


class Banner(QFrame):
    """Lies over the top of its parent; dismissible."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        # A click on its edge is none on the picture, whose double-clicks lock.
        self.setAttribute(Qt.WidgetAttribute.WA_NoMousePropagation)
        self.notice: Notice | None = None
        self._icon, self._text, self._close = QLabel(), _Text(), ToolButton()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._close.setIcon(QIcon(pixmap("close", QColor("#e8eaee"), 40)))
        self._close.setIconSize(QSize(16, 16))
        self._close.setToolTip("Dismiss")
        self._close.setAccessibleName("Dismiss message")
        self._close.clicked.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 8, 8)
        row.setSpacing(10)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._text, 1)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.dismiss)
        self.hide()

    def show_notice(self, notice: Notice) -> None:
        """Say something, instead of what was said before."""
        self.notice = notice
        symbol, colour, back, border = _LOOKS[notice.kind]
        self._icon.setPixmap(pixmap(symbol, QColor(colour), 20))
        self._text.setText(_breakable(notice.text))
        self._text.setAccessibleName(notice.text)
        self._text.setToolTip(tip(notice.text))
        self.setStyleSheet(
            f"#banner {{ background: {back}; border: 1px solid {border}; border-radius: 8px; }}"
            f"#banner QLabel {{ color: #f2f3f5; background: transparent; }}"
            f"#banner QToolButton:hover {{ background: {border}; }}"
        )
        self._timer.stop()
        if notice.seconds:
            self._timer.start(round(notice.seconds * 1000))
        self.place()
        self.show()
        self.raise_()
        QAccessible.updateAccessibility(QAccessibleEvent(self._text, QAccessible.Event.Alert))

    @Slot()
    def dismiss(self) -> None:
        """Take it away."""
        self._timer.stop()
        self.notice = None
        give_focus_back(self)
        self.hide()

    def place(self) -> None:
        """Lie over the parent's top, as wide as the text needs and at most as the parent is."""
        parent, layout = self.parentWidget(), self.layout()
        if parent is None or layout is None:
            return
        room = max(200, min(parent.width() - 24, 680))
        wanted = self._text.fontMetrics().horizontalAdvance(self._text.text()) + 100
        width = min(room, wanted)
        height = max(layout.totalHeightForWidth(width), 40)
        self.setGeometry((parent.width() - width) // 2, 12, width, height)
