"""The region of interest: drawn with the mouse on the picture, kept in frame pixels."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from cpm_live.core.crop import Box
from cpm_live.gui.geometry import Fit

SMALLEST = 16
"""Frame pixels: ``Options`` takes no smaller region."""
_REACH = 9.0
"""Widget pixels from an edge within which the mouse takes hold of it."""
_DIM = QColor(6, 7, 10, 150)
_LINE, _SHADE = QColor(240, 242, 245), QColor(12, 14, 18, 200)

Edges = tuple[int, int]
"""Which edges are held: -1 the first (left, top), 1 the second (right, bottom), 0 none; as in the frame."""


class RegionTool:
    """The rectangle and the hand that draws it. All places given to it are in the widget.

    Attributes:
        region: in frame pixels; None for the whole frame.
        armed: the next drag draws a new one.
    """

    def __init__(self) -> None:
        self.region: Box | None = None
        self.armed = False
        self._fixed: tuple[float, float] | None = None
        self._moving: tuple[float, float] | None = None
        self._held: Edges = (0, 0)

    @property
    def dragging(self) -> bool:
        """Whether the mouse holds it now."""
        return self._moving is not None

    def shown(self, fit: Fit) -> Box | None:
        """What to paint: the one being drawn, else the region."""
        return self._drawn(fit) if self.dragging else self.region

    # -- the mouse --------------------------------------------------------------------------------

    def edges_at(self, at: QPointF, fit: Fit) -> Edges:
        """Which edges of the region lie under a place; (0, 0) for none."""
        if self.region is None or self.armed:
            return 0, 0
        area = area_of(self.region, fit)
        if not area.adjusted(-_REACH, -_REACH, _REACH, _REACH).contains(at):
            return 0, 0
        across = _near(at.x(), area.left(), area.right())
        return (-across if fit.mirror else across), _near(at.y(), area.top(), area.bottom())

    def press(self, at: QPointF, fit: Fit, new: bool) -> bool:
        """The button goes down; whether that is for us.

        Args:
            new: draw a new region, whatever lies here.
        """
        place = _edge_coordinates(at, fit)
        held = self.edges_at(at, fit)
        if new or self.armed:
            self._held, self._fixed, self._moving = (1, 1), place, place
        elif self.region is not None and held != (0, 0):
            x, y, w, h = self.region
            # The corner opposite to the held edges stays; an axis without a held edge keeps both its ends.
            self._fixed = (x + w if held[0] < 0 else x, y + h if held[1] < 0 else y)
            self._moving = (x if held[0] < 0 else x + w, y if held[1] < 0 else y + h)
            self._held = held
        return self.dragging

    def move(self, at: QPointF, fit: Fit) -> None:
        """The mouse moves with the button down."""
        if self._moving is not None:
            x, y = _edge_coordinates(at, fit)
            before = self._moving
            self._moving = (x if self._held[0] else before[0], y if self._held[1] else before[1])

    def release(self, fit: Fit) -> Box | None:
        """The button goes up: the new region; None where what was drawn is too small to be meant."""
        drawn = self._drawn(fit)
        self.cancel_drag()
        if drawn is None or min(drawn[2:]) < SMALLEST:
            return None
        self.armed = False
        self.region = drawn
        return drawn

    def cancel_drag(self) -> None:
        """Let go; the region stays as it was."""
        self._fixed = self._moving = None

    def cursor(self, at: QPointF, fit: Fit) -> Qt.CursorShape | None:
        """What the mouse looks like here; None where the region has no say."""
        if self.armed:
            return Qt.CursorShape.CrossCursor
        across, down = self._held if self.dragging else self.edges_at(at, fit)
        if across and down:
            falling = (across == down) != fit.mirror
            return Qt.CursorShape.SizeFDiagCursor if falling else Qt.CursorShape.SizeBDiagCursor
        if across:
            return Qt.CursorShape.SizeHorCursor
        return Qt.CursorShape.SizeVerCursor if down else None

    def _drawn(self, fit: Fit) -> Box | None:
        if self._fixed is None or self._moving is None:
            return None
        limits = (fit.width, fit.height)
        ends = [sorted(round(min(max(v, 0.0), limits[i])) for v in (self._fixed[i], self._moving[i])) for i in (0, 1)]
        (x0, x1), (y0, y1) = ends
        return float(x0), float(y0), float(x1 - x0), float(y1 - y0)


def area_of(region: Box, fit: Fit) -> QRectF:
    """Where a box of whole pixels lies in the widget, outer edges."""
    x, y, w, h = region
    corners = fit.to_widget([[x - 0.5, y - 0.5], [x + w - 0.5, y + h - 0.5]])
    (x0, y0), (x1, y1) = np.min(corners, axis=0), np.max(corners, axis=0)
    return QRectF(float(x0), float(y0), float(x1 - x0), float(y1 - y0))


def paint_region(painter: QPainter, region: Box, fit: Fit, picture: QRectF, accent: QColor) -> None:
    """Dim what is outside, draw the edge and its handles."""
    area = area_of(region, fit)
    outside = QPainterPath()
    outside.addRect(picture)
    inside = QPainterPath()
    inside.addRect(area)
    painter.fillPath(outside.subtracted(inside), _DIM)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(_SHADE, 3.0))
    painter.drawRect(area)
    painter.setPen(QPen(accent, 1.5, Qt.PenStyle.DashLine))
    painter.drawRect(area)
    painter.setPen(QPen(_SHADE, 1.0))
    painter.setBrush(_LINE)
    for x in (area.left(), area.center().x(), area.right()):
        for y in (area.top(), area.center().y(), area.bottom()):
            if QPointF(x, y) != area.center():
                painter.drawRect(QRectF(x - 3.5, y - 3.5, 7, 7))
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _edge_coordinates(at: QPointF, fit: Fit) -> tuple[float, float]:
    """Frame coordinates in which pixel 0's left edge is 0."""
    x, y = fit.to_frame((at.x(), at.y())).tolist()
    return x + 0.5, y + 0.5


def _near(value: float, first: float, second: float) -> int:
    """-1 near the first edge, 1 near the second, 0 near neither."""
    if abs(value - first) <= _REACH and abs(value - first) <= abs(value - second):
        return -1
    return 1 if abs(value - second) <= _REACH else 0
