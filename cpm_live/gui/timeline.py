"""Where a film or folder is, and how to get elsewhere in it: a bar below the picture, for sources with a length."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QSizePolicy, QStyle, QStyleOptionSlider, QVBoxLayout, QWidget

from cpm_live.capture.base import SourceInfo
from cpm_live.core.pose import Result
from cpm_live.gui.session import Session
from cpm_live.gui.widgets import Slider, muted

_PER_SECOND = 1000
_MOST = 2**31 - 1
"""Qt counts a bar's steps in 31 bits: of milliseconds that is 24 days, which a time lapse is longer than."""
_LEAST_S = 0.5
"""A shorter film is over before anybody has found its bar."""
_LEAPS = 10
_BEYOND_S = 1.0
_SETTLED_MS = 300
"""So long after the handle was let go the picture is there; what comes later moves the handle anyway."""


class _Bar(Slider):
    """A slider that goes where it is clicked, as those of players do."""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the handle where the mouse is."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        handle = self.style().pixelMetric(QStyle.PixelMetric.PM_SliderLength, option, self)
        room, at = max(1, self.width() - handle), round(event.position().x() - handle / 2)
        self.setSliderPosition(QStyle.sliderValueFromPosition(self.minimum(), self.maximum(), at, room))
        self.sliderMoved.emit(self.sliderPosition())
        super().mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Not by accident."""
        event.ignore()


class Timeline(QWidget):
    """The picture with the bar below it."""

    def __init__(self, picture: QWidget, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._live = session.live
        self.bar, self.time = _Bar(), muted("")
        # Not by Tab, nor by a click: arrows belong to the window, which goes frame by frame with them.
        self.bar.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.holder = QWidget()
        self.holder.setObjectName("timeline")
        self.holder.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(self.holder)
        row.setContentsMargins(12, 3, 12, 3)
        row.addWidget(self.bar, 1)
        row.addWidget(self.time)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(picture, 1)
        # The holder is there for sources with a length only; this one for whoever does not want the bar at all.
        self.below = QWidget()
        around = QVBoxLayout(self.below)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self.holder)
        column.addWidget(self.below)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._length, self._pictures = 0.0, 0
        self._at = 0.0
        self._released = QTimer(self)
        self._released.setSingleShot(True)
        self._released.setInterval(_SETTLED_MS)
        self._released.timeout.connect(self._settle)
        # Not valueChanged: a new range changes the value, too.
        self.bar.sliderMoved.connect(self._moved)
        self.bar.sliderReleased.connect(self._released.start)
        session.result.connect(self._show_result)
        session.source_opening.connect(lambda: self._show_source(None))
        session.source_opened.connect(lambda _text, info: self._show_source(info))
        session.source_failed.connect(lambda: self._show_source(None))
        self._show_source(None)

    def _show_source(self, info: SourceInfo | None) -> None:
        """Offer a film's length, or nothing for what has none."""
        known = self._length > 0
        self._length = info.seconds if info is not None and info.seconds >= _LEAST_S else 0.0
        self._pictures = (info.frames or 0) if info is not None and self._length and info.kind == "folder" else 0
        if known and self._length:
            # Told again without another having been opened, as where a picture was left out: whoever holds the bar goes
            # on holding it.
            self.bar.setMaximum(self._steps(self._length))
            return
        where, one = ("folder", "picture") if self._pictures else ("film", "frame")
        self.bar.setAccessibleName(f"Position in the {where}")
        self.bar.setToolTip(f"Drag or click to go elsewhere in the {where} (PgUp, PgDown); ← and → one {one}, paused")
        self._at = 0.0
        self.bar.setSliderDown(False)
        self.bar.setRange(0, self._steps(self._length))
        self.holder.setVisible(self._length > 0)
        self._tell(0.0)

    @Slot(object)
    def _show_result(self, result: Result) -> None:
        at = result.frame.media_time
        if not self._length or at is None:
            return
        if at > self._length + _BEYOND_S:
            if not self._pictures:
                # Longer than it tells: the bar would stand at its end.
                self._show_source(None)
            return  # of a folder: from before pictures were left out
        self._at = at
        if self.bar.isSliderDown() and not QApplication.mouseButtons() & Qt.MouseButton.LeftButton:
            # A menu or a dialog has had the release.
            self.bar.setSliderDown(False)
        if not self.bar.isSliderDown():
            self._tell(at)

    def _settle(self) -> None:
        """What was sought has come while the handle was held, and may stand elsewhere: at the picture before it, or at
        the end of what can be read."""
        if self._length and not self.bar.isSliderDown():
            self._tell(self._at)

    def _tell(self, seconds: float) -> None:
        self.bar.setValue(self._steps(seconds))
        self.time.setText(self._where(seconds))

    @property
    def _per_second(self) -> float:
        return min(_PER_SECOND, _MOST / max(self._length, 1.0))

    def _steps(self, seconds: float) -> int:
        """That, on the bar. (A picture may come a little after the end that was told.)"""
        return min(round(seconds * self._per_second), _MOST)

    def _where(self, seconds: float) -> str:
        """Where that is, for people: of a folder, the number of the picture."""
        if not self._pictures:
            return f"{_clock(seconds)} / {_clock(self._length)}"
        share = seconds / self._length
        return f"{min(self._pictures, int(share * self._pictures + 1e-6) + 1)} / {self._pictures}"

    def leap(self, way: int) -> None:
        """Go a part of the whole further (1) or back (-1): the bar takes no keys, and a long film has many frames."""
        if self._length:
            # From where the bar is, which is ahead of the picture while keys come faster than pictures.
            parts = min(_LEAPS, self._pictures or _LEAPS)
            self.bar.setValue(self.bar.value() + way * round(self.bar.maximum() / parts))
            self._moved(self.bar.value())

    @Slot(int)
    def _moved(self, value: int) -> None:
        self.time.setText(self._where(value / self._per_second))
        self._live.seek(value / self._per_second)


def _clock(seconds: float) -> str:
    # Rounded first: no minute has a sixtieth second.
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"
