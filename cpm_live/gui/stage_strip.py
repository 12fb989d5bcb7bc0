"""The stage strip: one live thumbnail per stage, click or keys choose what is shown."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from cpm_live.core.pose import Result
from cpm_live.drawing.view import View
from cpm_live.gui.images import bgr_image
from cpm_live.gui.strip_content import Seen, StripContent, content, stage_count

_MARGIN, _GAP, _NOTES = 10.0, 8.0, 190.0
_BAR = 8.0
"""A stage's bar and number need at least so much height."""
_STILL_MS = 400
"""After so long without another result the picture stands still: paused, or gone a frame further."""
_ELIDED = Qt.TextElideMode.ElideRight


class StageStrip(QWidget):
    """Thumbnails of stages 1..T and, at the right, what the chosen joint does from stage to stage.

    Signals:
        stage_chosen: 0-based.
    """

    stage_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("strip")
        # Not by a click: Space and the arrows would then be its own, and no longer the window's.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMouseTracking(True)
        self.setMinimumHeight(88)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setAccessibleName("Stages")
        self.setAccessibleDescription("Left and right choose the stage that is shown")
        self.setToolTip("Click a stage to see the machine's belief at that point (1 to 9, 0 for the last)")
        self._result: Result | None = None
        self._view = View()
        self._seen = Seen()
        self._content = StripContent(0)
        self._side = 0
        self._hovered = -1
        self._named: tuple[str, int | None, bool] = ("", None, False)
        self._still = QTimer(self)
        self._still.setSingleShot(True)
        self._still.setInterval(_STILL_MS)
        self._still.timeout.connect(lambda: self._name(anew=True))
        self._message = "loading model…"

    def sizeHint(self) -> QSize:
        """Room for thumbnails of about 100 pixels."""
        return QSize(800, 126)

    def set_message(self, text: str) -> None:
        """What to say while no model runs."""
        self._message = text
        self.update()

    def clear(self, text: str) -> None:
        """Show no stages but a line saying why."""
        self._result, self._seen, self._content = None, Seen(), StripContent(0)
        self.set_message(text)

    def show_result(self, result: Result, seen: Seen | None = None) -> None:
        """Follow a result, of which the first pose is shown, and the finder's last answer."""
        self._result, self._seen = result, seen or Seen()
        self._refresh()
        self._name()
        self._still.start()

    def set_view(self, view: View) -> None:
        """Follow the view; what the mouse highlights does not matter here."""
        before, self._view = self._view, view
        if (before.joint, before.stage, before.mirror) != (view.joint, view.stage, view.mirror):
            self._refresh()
        self._name()

    def _name(self, anew: bool = False) -> None:
        """Tell screen readers which stage of what is shown, and what is believed there: when one or the other is
        chosen, and ``anew`` when one comes here or the picture stands still, not with each frame."""
        count, about = self._count(), self._content
        name = ", ".join([f"Stages: {about.shown + 1} of {count}", about.title]) if count else "Stages"
        whose = self._result.poses[0].id if about.peaks and self._result is not None and self._result.poses else None
        chosen = name, whose, bool(about.peaks)
        if anew or chosen != self._named:
            self._named = chosen
            told = f"{name}, belief {about.peaks[about.shown]:.2f}" if about.peaks else name
            if told != self.accessibleName():
                self.setAccessibleName(told)

    def _refresh(self) -> None:
        result = self._result
        self._content = StripContent(0)
        if result is not None:
            self._side = int(np.clip(self._tile_side() * self.devicePixelRatioF(), 32, 256))
            self._content = content(result, self._view, self._seen, self._side)
        self.update()

    # -- layout -----------------------------------------------------------------------------------

    def _count(self) -> int:
        return stage_count(self._result, self._view, self._seen)

    def _tile_side(self) -> float:
        count = max(1, self._count())
        across = (self.width() - 2 * _MARGIN - _NOTES - (count - 1) * _GAP) / count
        # Whole pixels: the atlas is then copied as it is, not scaled.
        return float(int(max(36.0, min(self.height() - 2 * _MARGIN, across))))

    def tile(self, stage: int) -> QRectF:
        """Where a stage's thumbnail lies."""
        side = self._tile_side()
        return QRectF(_MARGIN + stage * (side + _GAP), float((self.height() - int(side)) // 2), side, side)

    def _stage_at(self, at: QPointF) -> int:
        return next((stage for stage in range(self._count()) if self.tile(stage).contains(at)), -1)

    # -- painting ---------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint thumbnails and notes."""
        painter = QPainter(self)
        colours = self.palette()
        painter.fillRect(self.rect(), colours.color(QPalette.ColorRole.Base))
        painter.setPen(colours.color(QPalette.ColorRole.Mid))
        painter.drawLine(0, 0, self.width(), 0)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        count = self._count()
        if count == 0:
            painter.setPen(colours.color(QPalette.ColorRole.PlaceholderText))
            # A model without stages is not there yet; the finder may just not have run.
            running = self._result is not None and self._result.stage_count > 0
            text = self._content.note if running else self._message
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text or self._message)
            return
        shown, pixels = self._content.shown, self._content.atlas
        atlas = bgr_image(pixels) if pixels is not None else None
        for stage in range(count):
            tile = self.tile(stage)
            if atlas is not None:
                painter.drawImage(tile, atlas, QRectF(stage * self._side, 0, self._side, self._side))
            else:
                painter.fillRect(tile, QColor("#16181d"))
            self._paint_marks(painter, tile, stage, stage == shown)
        self._paint_notes(painter, self.tile(count - 1).right() + 18, shown)

    def _paint_marks(self, painter: QPainter, tile: QRectF, stage: int, chosen: bool) -> None:
        colours = self.palette()
        accent = colours.color(QPalette.ColorRole.Highlight)
        number = QFont(self.font())
        number.setBold(True)
        number.setPointSizeF(max(7.5, self.font().pointSizeF() * 0.92))
        painter.setFont(number)
        badge = QRectF(tile.left() + 5, tile.top() + 5, 19, 19)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent if chosen else QColor(10, 12, 16, 190))
        painter.drawRoundedRect(badge, 5, 5)
        painter.setPen(colours.color(QPalette.ColorRole.HighlightedText) if chosen else QColor("#eef0f3"))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, str(stage + 1))
        if stage < len(self._content.peaks):
            text = f"{self._content.peaks[stage]:.2f}"
            width = QFontMetricsF(number).horizontalAdvance(text) + 8
            pill = QRectF(tile.right() - width - 5, tile.bottom() - 22, width, 17)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(10, 12, 16, 190))
            painter.drawRoundedRect(pill, 5, 5)
            painter.setPen(QColor("#eef0f3"))
            painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, text)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if chosen:
            painter.setPen(QPen(accent, 2.5))
            painter.drawRoundedRect(tile.adjusted(-1.5, -1.5, 1.5, 1.5), 4, 4)
            if self.hasFocus():
                painter.setPen(QPen(colours.color(QPalette.ColorRole.Text), 1, Qt.PenStyle.DotLine))
                painter.drawRoundedRect(tile.adjusted(-4, -4, 4, 4), 5, 5)
        else:
            hovered = stage == self._hovered
            role = QPalette.ColorRole.PlaceholderText if hovered else QPalette.ColorRole.Mid
            painter.setPen(QPen(colours.color(role), 1))
            painter.drawRoundedRect(tile, 3, 3)

    def _paint_notes(self, painter: QPainter, left: float, shown: int) -> None:
        """What is shown, what the stages do to it, and its peak per stage as bars."""
        colours = self.palette()
        width = self.width() - left - _MARGIN
        if width < 90:
            return
        text, muted = colours.color(QPalette.ColorRole.Text), colours.color(QPalette.ColorRole.PlaceholderText)
        line = QFontMetricsF(self.font()).height()
        bold = QFont(self.font())
        bold.setBold(True)
        y = _MARGIN
        painter.setFont(bold)
        painter.setPen(text)
        title = QFontMetricsF(bold).elidedText(self._content.title, _ELIDED, width)
        painter.drawText(QRectF(left, y, width, line), Qt.AlignmentFlag.AlignVCenter, title)
        painter.setFont(self.font())
        painter.setPen(muted)
        y += line + 1
        metrics = QFontMetricsF(self.font())
        if self.height() - y - line - 6 < _BAR * len(self._content.peaks):
            # A low strip, as on small screens: bars say more than the note, which goes beside the title if it can.
            used = QFontMetricsF(bold).horizontalAdvance(title) + 12
            at, room = QRectF(left + used, _MARGIN, width - used, line), width - used
        else:
            at, room = QRectF(left, y, width, line), width
            y += line + 2
        painter.drawText(at, Qt.AlignmentFlag.AlignVCenter, metrics.elidedText(self._content.note, _ELIDED, room))
        if self._content.peaks:
            self._paint_bars(painter, QRectF(left, y, min(width, 620.0), self.height() - y - 4), shown)

    def _paint_bars(self, painter: QPainter, area: QRectF, shown: int) -> None:
        """One bar per stage with its number and value."""
        count = len(self._content.peaks)
        step = min(20.0, area.height() / count)
        if step < _BAR:
            return
        colours = self.palette()
        accent, muted = colours.color(QPalette.ColorRole.Highlight), colours.color(QPalette.ColorRole.PlaceholderText)
        text, track = colours.color(QPalette.ColorRole.Text), colours.color(QPalette.ColorRole.AlternateBase)
        small = QFont(self.font())
        small.setPointSizeF(max(6.5, min(self.font().pointSizeF() * 0.92, step * 0.56)))
        painter.setFont(small)
        middle = Qt.AlignmentFlag.AlignVCenter
        for stage, peak in enumerate(self._content.peaks):
            y = area.top() + stage * step
            painter.setPen(text if stage == shown else muted)
            painter.drawText(QRectF(area.left(), y, 14, step), middle, str(stage + 1))
            painter.drawText(
                QRectF(area.right() - 34, y, 34, step), middle | Qt.AlignmentFlag.AlignRight, f"{peak:.2f}"
            )
            bar = QRectF(area.left() + 16, y + step / 2 - 3, area.width() - 16 - 40, 6)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(track)
            painter.drawRoundedRect(bar, 3, 3)
            painter.setBrush(accent if stage == shown else muted)
            bar.setWidth(bar.width() * min(1.0, max(0.0, peak)))
            painter.drawRoundedRect(bar, 3, 3)

    # -- choosing ---------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the stage under the mouse."""
        stage = self._stage_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and stage >= 0:
            self.stage_chosen.emit(stage)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Mark the stage under the mouse."""
        stage = self._stage_at(event.position())
        if stage != self._hovered:
            self._hovered = stage
            self.setCursor(Qt.CursorShape.PointingHandCursor if stage >= 0 else Qt.CursorShape.ArrowCursor)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """No stage is under the mouse."""
        self._hovered = -1
        self.update()

    def event(self, event: QEvent) -> bool:
        """Keep left and right for ourselves while we have the focus (elsewhere right steps a paused picture)."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in (
            Qt.Key.Key_Left, Qt.Key.Key_Right,
        ):  # fmt: skip
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right choose the neighbouring stage."""
        by = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if by is None or self._result is None or not self._count():
            super().keyPressEvent(event)
            return
        self.stage_chosen.emit(min(max(self._content.shown + by, 0), self._count() - 1))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus mark."""
        self._name(anew=True)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the focus mark."""
        self.update()
