"""Poses as vectors at widget resolution: limbs, joints, labels. Stateless."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen

from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import Colour
from cpm_live.drawing.paint import line_width
from cpm_live.drawing.view import FULL, HIDDEN, HOLLOW, View, joint_marks
from cpm_live.gui.geometry import Fit

OUTLINE = QColor(12, 14, 18)
"""Opaque: Qt takes three times as long for half-transparent strokes."""
CHIP = QColor(12, 14, 18, 215)
INK = QColor(240, 242, 245)
_UNIT = 4 / 3
"""Widget pixels, which are finer than a small picture's: limbs are 2 to 12 of them wide."""


def limb_width(pose: Pose, fit: Fit) -> float:
    """Width of limbs in widget pixels, in proportion to the person as painted."""
    return line_width(pose, fit.scale, _UNIT)


def paint_figure(
    painter: QPainter, pose: Pose, stage: int, result: Result, view: View, fit: Fit, tint: Colour | None = None
) -> None:
    """Limbs over a dark outline, then joints as dots whose size is their belief.

    A joint that the network is not sure of is a ring, and the limbs to it are thin and half transparent.

    Args:
        tint: the limbs' colour, instead of the skeleton's own.
    """
    points = pose.points(stage)
    at = [QPointF(x, y) for x, y in fit.to_widget(points[:, :2]).tolist()]
    scores = points[:, 2].tolist()
    marks = joint_marks(pose, stage, view, result).tolist()
    width = limb_width(pose, fit)
    skeleton = result.skeleton
    # One path per colour: fewer calls, and half-transparent threads do not darken where they meet.
    outline, limbs, threads = QPainterPath(), dict[Colour, QPainterPath](), dict[Colour, QPainterPath]()
    for (a, b), own in zip(skeleton.limbs, skeleton.limb_colours, strict=True):
        weakest = min(marks[a], marks[b])
        if weakest == HIDDEN:
            continue
        paths = [(limbs if weakest == FULL else threads).setdefault(tint or own, QPainterPath())]
        for path in [*paths, outline] if weakest == FULL else paths:
            path.moveTo(at[a])
            path.lineTo(at[b])
    painter.setBrush(Qt.BrushStyle.NoBrush)
    cap = Qt.PenCapStyle.RoundCap
    for colour, path in threads.items():
        painter.strokePath(path, QPen(QColor(*colour, 150), max(1.2, width * 0.3), Qt.PenStyle.SolidLine, cap))
    painter.strokePath(outline, QPen(OUTLINE, width + 2.5, Qt.PenStyle.SolidLine, cap))
    for colour, path in limbs.items():
        painter.strokePath(path, QPen(QColor(*colour), width, Qt.PenStyle.SolidLine, cap))
    for joint, mark in enumerate(marks):
        if mark == HIDDEN:
            continue
        radius = width * (0.75 + 0.75 * scores[joint]) * (1.7 if view.highlight == joint else 1.0)
        _paint_joint(painter, at[joint], radius, QColor(*skeleton.colours[joint]), mark == HOLLOW)
        if view.joint == joint:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(OUTLINE, 4.5))
            painter.drawEllipse(at[joint], radius + 4.5, radius + 4.5)
            painter.setPen(QPen(INK, 2.0))
            painter.drawEllipse(at[joint], radius + 4.5, radius + 4.5)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _paint_joint(painter: QPainter, at: QPointF, radius: float, colour: QColor, hollow: bool) -> None:
    if hollow:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for shade, thick in ((OUTLINE, 4.0), (colour, 1.8)):
            painter.setPen(QPen(shade, thick))
            painter.drawEllipse(at, max(radius, 4.0), max(radius, 4.0))
        return
    # Two discs: a stroked one takes four times as long.
    painter.setPen(Qt.PenStyle.NoPen)
    for shade, wide in ((OUTLINE, radius + 0.8), (colour, radius - 0.8)):
        painter.setBrush(shade)
        painter.drawEllipse(at, wide, wide)


def paint_joint_label(painter: QPainter, pose: Pose, stage: int, joint: int, result: Result, fit: Fit) -> None:
    """The joint's name and belief beside it."""
    point = pose.points(stage)[joint]
    x, y = fit.to_widget(point[:2]).tolist()
    text = f"{result.skeleton.label(joint)}  {point[2]:.2f}"
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
    painter.setBrush(CHIP)
    painter.drawRoundedRect(rect, height / 2, height / 2)
    if dot is not None:
        painter.setBrush(dot)
        painter.drawEllipse(QPointF(left + 13, rect.center().y()), 4, 4)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(INK)
    painter.drawText(rect.adjusted(8 + lead, 0, -8, 0), Qt.AlignmentFlag.AlignVCenter, text)
