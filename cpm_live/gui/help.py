"""The help that ``?`` opens: every key, from the table that installs them."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from cpm_live.gui.shortcuts import SHORTCUTS, Entry, key_for
from cpm_live.gui.widgets import muted


def toggle_help(window: QWidget) -> None:
    """Open the help, or close it. It does not keep the window waiting: what it tells of can be tried beside it."""
    shown = window.findChild(HelpDialog)
    if shown is not None and shown.close():
        return
    dialog = HelpDialog(window)
    # What must also work while the dialog has the keys.
    QShortcut(QKeySequence(key_for("help")), dialog).activated.connect(dialog.close)
    QShortcut(QKeySequence(key_for("quit")), dialog).activated.connect(window.close)
    dialog.show()


class HelpDialog(QDialog):
    """All shortcuts in two columns."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        groups: dict[str, list[Entry]] = {}
        for entry in SHORTCUTS:
            groups.setdefault(entry.group, []).append(entry)
        columns = QHBoxLayout()
        columns.setSpacing(36)
        names = list(groups)
        # About equally high.
        for part in ([*names[:2], names[-1]], names[2:-1]):
            column = QVBoxLayout()
            column.setSpacing(14)
            for name in part:
                column.addLayout(_group(name, groups[name]))
            column.addStretch(1)
            columns.addLayout(column)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        # Fusion's own picture on it is drawn for light looks only.
        buttons.button(QDialogButtonBox.StandardButton.Close).setIcon(QIcon())
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 18)
        layout.setSpacing(18)
        note = muted(
            "Click a joint, in the picture or the list, to see its belief map; click a thumbnail to see its stage. "
            "Click a person to see their joints, double-click to follow only them. Shift and drag draws a region; "
            "drag its edges to change it."
        )
        note.setWordWrap(True)
        inner = QWidget()
        lines = QVBoxLayout(inner)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(18)
        lines.addLayout(columns)
        lines.addWidget(note)
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        inner.setAutoFillBackground(False)
        scroll.viewport().setAutoFillBackground(False)
        layout.addWidget(scroll, 1)
        layout.addWidget(buttons)
        # As large as all of it, where the screen has the room.
        wanted = inner.sizeHint() + QSize(60, 104)
        self.resize(wanted.boundedTo(self.screen().availableSize() * 0.92))


def _group(name: str, entries: list[Entry]) -> QVBoxLayout:
    heading = QLabel(name)
    heading.setObjectName("heading")
    grid = QGridLayout()
    grid.setHorizontalSpacing(14)
    grid.setVerticalSpacing(6)
    for row, entry in enumerate(entries):
        keys = QHBoxLayout()
        keys.setSpacing(4)
        for key in entry.shown or entry.keys:
            # As this system writes it: what is Ctrl elsewhere is Command on a Mac.
            cap = QLabel(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) if "Ctrl+" in key else key)
            if key == "…":
                cap.setObjectName("muted")
            else:
                cap.setObjectName("key")
                cap.setAlignment(Qt.AlignmentFlag.AlignCenter)
                cap.setMinimumWidth(24)
            keys.addWidget(cap)
        keys.addStretch(1)
        grid.addLayout(keys, row, 0)
        what = QLabel(entry.what)
        what.setWordWrap(True)
        grid.addWidget(what, row, 1)
    grid.setColumnMinimumWidth(0, 96)
    grid.setColumnStretch(1, 1)
    box = QVBoxLayout()
    box.setSpacing(8)
    box.addWidget(heading)
    box.addLayout(grid)
    return box
