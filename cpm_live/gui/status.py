"""The status line: rates, ages, losses, the recording, the engine."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from cpm_live.gui.shortcuts import with_key
from cpm_live.gui.theme import DARK
from cpm_live.gui.widgets import Dot, ElidedLabel, ToolButton, give_focus_back
from cpm_live.pipeline.stats import Stats

_FIGURES = (
    "frames captured per second | results per second | age of a result from capture, median and 95th percentile | "
    "frames that a newer one replaced"
)


class StatusLine(QWidget):
    """One line; :meth:`show_stats` a few times a second."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("statusBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Status")
        self.figures = ElidedLabel(shrinks=True)
        self.figures.setObjectName("muted")
        self.dot = Dot(DARK.danger)
        self.recording = ElidedLabel(shrinks=True)
        self.recording.setObjectName("muted")
        self.sending = ElidedLabel(shrinks=True)
        self.sending.setObjectName("muted")
        self.engine = ElidedLabel()
        self.engine.setMinimumWidth(60)
        self.engine.setObjectName("muted")
        self.engine.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.people = ElidedLabel(shrinks=True)
        self.people.setMinimumWidth(110)
        self.people.setObjectName("muted")
        self.release = ToolButton()
        self.release.setObjectName("badge")
        self.release.setToolTip(with_key("Only this person is followed; click to release", "release"))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 12, 4)
        row.setSpacing(8)
        row.addWidget(self.figures)
        row.addSpacing(8)
        row.addWidget(self.release)
        row.addWidget(self.dot)
        row.addWidget(self.recording)
        row.addWidget(self.sending)
        row.addWidget(self.people, 6)
        row.addWidget(self.engine, 5)
        # Room for the badge always: the picture must not jump under the mouse that locks.
        room = row.contentsMargins()
        self.release.ensurePolished()
        self.setMinimumHeight(self.release.sizeHint().height() + room.top() + room.bottom())
        self.dot.hide()
        self.recording.hide()
        self.sending.hide()
        self.people.hide()
        self.release.hide()

    def show_people(self, people: int, hands: int, left_out: int, locked: str | None) -> None:
        """Show who is followed.

        Args:
            people, hands: followed now (hands: those beside bodies).
            left_out: seen, but beyond the budget.
            locked: name of the one that the machine is locked on; ``…`` while it looks for them.
        """
        words = [f"{people} followed"] if people > 1 or left_out else []
        words += [f"{left_out} more not followed"] if left_out else []
        words += [f"{hands} hand{'s' if hands > 1 else ''}"] if hands else []
        self.people.set_text(", ".join(words))
        self.people.setVisible(bool(words))
        if locked is not None:
            self.release.setText(f"locked {locked}  ✕")
            self.release.setAccessibleName(f"Locked {locked}: release")
        else:
            give_focus_back(self.release)
        self.release.setVisible(locked is not None)

    def show_sending(self, address: str, problem: str) -> None:
        """Show where keypoints go, and why they do not; an empty address: nowhere."""
        self.sending.set_text(f"OSC {address}: {problem}" if problem else f"OSC {address}")
        self.sending.setVisible(bool(address))

    def show_stats(self, stats: Stats, engine: str, recorded_seconds: float | None, kind: str = "camera") -> None:
        """Show the session's figures; ``recorded_seconds`` is None while nothing is recorded, ``kind`` empty without
        a source."""
        figures = (
            f"{kind} {stats.capture_fps:.0f} fps   |   pose {stats.pose_fps:.0f} fps   |   "
            f"age {stats.age_p50:.0f}/{stats.age_p95:.0f} ms   |   skipped {stats.skipped}"
        )
        self.figures.set_text(figures if kind else "no source", _FIGURES)
        self.engine.set_text(engine or "no engine yet")
        self.dot.setVisible(recorded_seconds is not None)
        self.recording.setVisible(recorded_seconds is not None)
        if recorded_seconds is not None:
            minutes, seconds = divmod(int(recorded_seconds), 60)
            text = f"REC {minutes}:{seconds:02d}   {stats.recorded} written"
            if stats.record_dropped:
                text += f", {stats.record_dropped} dropped"
            if stats.record_skipped:
                text += f", {stats.record_skipped} skipped"
            self.recording.set_text(text)
