"""Who is who, on the picture: boxes with track numbers, the lock, the one whose joints the panels show. Stateless."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from cpm_live.core.crop import Box
from cpm_live.core.findings import Found
from cpm_live.core.pose import Pose
from cpm_live.core.skeleton import Colour
from cpm_live.drawing.paint import LOCKED
from cpm_live.gui.figure_painter import OUTLINE, paint_chip
from cpm_live.gui.geometry import Fit

_INK = QColor(240, 242, 245)
_LOCKED = QColor(*LOCKED)


def box_area(box: Box, fit: Fit) -> QRectF:
    """Where a pose's box lies in the widget."""
    x, y, w, h = box
    corners = fit.to_widget([[x, y], [x + w, y + h]])
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    return QRectF(x0, y0, x1 - x0, y1 - y0)


def pose_name(pose: Pose) -> str:
    """A pose's number and side as people read them."""
    return f"#{pose.label}"


def paint_box(painter: QPainter, pose: Pose, fit: Fit, tint: Colour | None) -> None:
    """The pose's box with its track number and side."""
    area = box_area(pose.box, fit)
    colour = QColor(*tint) if tint else _INK
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for shade, thick in ((OUTLINE, 3.0), (colour, 1.4)):
        painter.setPen(QPen(shade, thick))
        painter.drawRect(area)
    paint_chip(painter, QPointF(area.left(), area.top() - 12), pose_name(pose), QColor(*tint) if tint else None, "left")


def paint_lock(painter: QPainter, pose: Pose, fit: Fit) -> None:
    """The one that the machine is locked on: a box in the accent's colour with strong corners, and its number."""
    area = box_area(pose.box, fit).adjusted(-5, -5, 5, 5)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for shade, thick in ((OUTLINE, 3.0), (_LOCKED, 1.2)):
        painter.setPen(QPen(shade, thick))
        painter.drawRoundedRect(area, 4, 4)
    _paint_corners(painter, area, _LOCKED, 3.2)
    paint_chip(painter, QPointF(area.left(), area.top() - 14), f"locked on {pose_name(pose)}", _LOCKED, "left")


def paint_chosen(painter: QPainter, pose: Pose, fit: Fit) -> None:
    """Of several people, the one whose joints and stages are shown beside the picture: four corners."""
    _paint_corners(painter, box_area(pose.box, fit).adjusted(-5, -5, 5, 5), _INK, 2.0)


def paint_found(painter: QPainter, found: list[Found], fit: Fit) -> None:
    """What the finder's peaks mean: a dashed square of the size it believes in, and how much it does."""
    for one in found:
        area = box_area(one.box, fit)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for shade, thick, style in ((OUTLINE, 3.0, Qt.PenStyle.SolidLine), (_INK, 1.3, Qt.PenStyle.DashLine)):
            painter.setPen(QPen(shade, thick, style))
            painter.drawRect(area)
        centre = QPointF(*fit.to_widget((one.x, one.y)).tolist())
        for shade, thick in ((OUTLINE, 4.0), (_INK, 1.6)):
            painter.setPen(QPen(shade, thick))
            painter.drawLine(centre - QPointF(6, 0), centre + QPointF(6, 0))
            painter.drawLine(centre - QPointF(0, 6), centre + QPointF(0, 6))
        paint_chip(painter, QPointF(area.left(), area.bottom() + 12), one.label, None, "left")


def _paint_corners(painter: QPainter, area: QRectF, colour: QColor, thick: float) -> None:
    reach = max(8.0, min(26.0, 0.2 * min(area.width(), area.height())))
    path = QPainterPath()
    for x, towards in ((area.left(), 1), (area.right(), -1)):
        for y, down in ((area.top(), 1), (area.bottom(), -1)):
            path.moveTo(x + towards * reach, y)
            path.lineTo(x, y)
            path.lineTo(x, y + down * reach)
    cap, join = Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.strokePath(path, QPen(OUTLINE, thick + 2.2, Qt.PenStyle.SolidLine, cap, join))
    painter.strokePath(path, QPen(colour, thick, Qt.PenStyle.SolidLine, cap, join))
