"""Poses as vectors at widget resolution: limbs, joints, boxes, labels. Stateless."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen

from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import Colour
from cpm_live.drawing.paint import line_width
from cpm_live.drawing.view import View, visible_joints
from cpm_live.gui.geometry import Fit

OUTLINE = QColor(12, 14, 18, 210)
_CHIP = QColor(12, 14, 18, 215)
_INK = QColor(240, 242, 245)


def limb_width(pose: Pose, fit: Fit) -> float:
    """Width of limbs in widget pixels, in proportion to the person as painted."""
    return float(np.clip(line_width(pose) * fit.scale, 2.0, 12.0))


def paint_figure(painter: QPainter, pose: Pose, stage: int, result: Result, view: View, fit: Fit) -> None:
    """Limbs over a dark outline, then joints as dots whose size is their belief."""
    at = [QPointF(x, y) for x, y in fit.to_widget(pose.stages[stage, :, :2]).tolist()]
    scores = pose.stages[stage, :, 2].tolist()
    shown = visible_joints(pose, stage, view, result.joint_threshold).tolist()
    width = limb_width(pose, fit)
    skeleton = result.skeleton
    # One path per colour: fewer calls, and the half-transparent outline does not darken where limbs meet.
    outline, limbs = QPainterPath(), dict[Colour, QPainterPath]()
    for (a, b), colour in zip(skeleton.limbs, skeleton.limb_colours, strict=True):
        if shown[a] and shown[b]:
            for path in (outline, limbs.setdefault(colour, QPainterPath())):
                path.moveTo(at[a])
                path.lineTo(at[b])
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.strokePath(outline, QPen(OUTLINE, width + 2.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    for colour, path in limbs.items():
        pen = QPen(QColor(*colour), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
        painter.strokePath(path, pen)
    for joint, visible in enumerate(shown):
        if not visible:
            continue
        radius = width * (0.75 + 0.75 * scores[joint]) * (1.7 if view.highlight == joint else 1.0)
        painter.setPen(QPen(OUTLINE, 1.6))
        painter.setBrush(QColor(*skeleton.colours[joint]))
        painter.drawEllipse(at[joint], radius, radius)
        if view.joint == joint:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(OUTLINE, 4.5))
            painter.drawEllipse(at[joint], radius + 4.5, radius + 4.5)
            painter.setPen(QPen(_INK, 2.0))
            painter.drawEllipse(at[joint], radius + 4.5, radius + 4.5)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def paint_box(painter: QPainter, pose: Pose, fit: Fit) -> None:
    """The pose's box with its track number."""
    x, y, w, h = pose.box
    corners = fit.to_widget([[x, y], [x + w, y + h]])
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    for colour, thick in ((OUTLINE, 3.0), (_INK, 1.4)):
        painter.setPen(QPen(colour, thick))
        painter.drawRect(QRectF(x0, y0, x1 - x0, y1 - y0))
    paint_chip(painter, QPointF(x0, y0 - 12), f"#{pose.id}" + (f" {pose.side}" if pose.side else ""), None, "left")


def paint_joint_label(painter: QPainter, pose: Pose, stage: int, joint: int, result: Result, fit: Fit) -> None:
    """The joint's name and belief beside it."""
    x, y = fit.to_widget(pose.stages[stage, joint, :2]).tolist()
    text = f"{result.skeleton.label(joint)}  {pose.stages[stage, joint, 2]:.2f}"
    away = limb_width(pose, fit) * 2.4 + 8
    colour = QColor(*result.skeleton.colours[joint])
    # On the side that has more room.
    if x < fit.left + fit.width * fit.scale / 2:
        paint_chip(painter, QPointF(x + away, y), text, colour, "left")
    else:
        paint_chip(painter, QPointF(x - away, y), text, colour, "right")


def paint_chip(painter: QPainter, at: QPointF, text: str, dot: QColor | None, align: str) -> None:
    """Small writing on a dark pill; ``at`` is the middle of its left or right edge."""
    metrics = QFontMetricsF(painter.font())
    lead = 14.0 if dot is not None else 0.0
    width, height = metrics.horizontalAdvance(text) + 16 + lead, metrics.height() + 6
    left = at.x() if align == "left" else at.x() - width
    area = painter.viewport()
    left = min(max(left, 2.0), max(2.0, area.width() - width - 2))
    top = min(max(at.y() - height / 2, 2.0), max(2.0, area.height() - height - 2))
    rect = QRectF(left, top, width, height)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_CHIP)
    painter.drawRoundedRect(rect, height / 2, height / 2)
    if dot is not None:
        painter.setBrush(dot)
        painter.drawEllipse(QPointF(left + 13, rect.center().y()), 4, 4)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(_INK)
    painter.drawText(rect.adjusted(8 + lead, 0, -8, 0), Qt.AlignmentFlag.AlignVCenter, text)
