"""What stands on the picture and is of nobody in it: the scale of belief, and what is said while there is no picture.
Stateless."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from cpm_live.drawing.colours import glow_table
from cpm_live.gui.figure_painter import CHIP, INK
from cpm_live.gui.images import glow_image

_SCALE = (72.0, 6.0)
"""Width and height of the scale's bar."""
_LEAST_ROOM = 320.0
"""A picture that is narrower has no room for a scale beside what is said on it."""

_MOST_ROOM = 0.65
"""The share of the picture's width that the scale may take: beside it stands "Paused"."""


def paint_scale(painter: QPainter, area: QRectF, strength: float, title: str) -> float:
    """What glows and which of its colours is which value, at the picture's lower right; where its left end lies."""
    if area.width() < _LEAST_ROOM:
        return area.right()
    metrics = QFontMetricsF(painter.font())
    room = area.width() * _MOST_ROOM - metrics.horizontalAdvance(": 01") - 30 - _SCALE[0]
    words = (f"{metrics.elidedText(title, Qt.TextElideMode.ElideRight, room)}: 0", "1")
    wide = [metrics.horizontalAdvance(word) for word in words]
    width, height = 16 + wide[0] + 7 + _SCALE[0] + 7 + wide[1], metrics.height() + 6
    chip = QRectF(area.right() - 12 - width, area.bottom() - 24 - height / 2, width, height)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(CHIP)
    painter.drawRoundedRect(chip, height / 2, height / 2)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    bar = QRectF(chip.left() + 8 + wide[0] + 7, chip.center().y() - _SCALE[1] / 2, *_SCALE)
    # Over the grey that a picture is on the whole, as it glows there.
    painter.fillRect(bar, QColor("#6a6f78"))
    painter.drawImage(bar, glow_image(glow_table(strength)[None]))
    painter.setPen(INK)
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(QRectF(chip.left() + 8, chip.top(), wide[0] + 2, height), middle, words[0])
    painter.drawText(QRectF(bar.right() + 7, chip.top(), wide[1] + 2, height), middle, words[1])
    return chip.left()


def no_picture(seconds: int) -> str:
    """How long there has been none, for people."""
    size, unit = (3600, "h") if seconds >= 7200 else (60, "min") if seconds >= 120 else (1, "s")
    return f"No picture for {seconds // size} {unit}"


def paint_waiting(painter: QPainter, area: QRect, text: str) -> None:
    """A lens, why there is no picture, and the keys that bring one."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    centre, usual = QPointF(area.center()), painter.font()
    painter.setPen(QPen(QColor("#4a5160"), 2.0))
    frame = QRectF(centre.x() - 34, centre.y() - 74, 68, 50)
    painter.drawRoundedRect(frame, 8, 8)
    painter.drawEllipse(frame.center(), 11, 11)
    painter.drawEllipse(frame.center(), 4, 4)
    title = QFont(usual)
    title.setPointSizeF(title.pointSizeF() * 1.25)
    painter.setFont(title)
    painter.setPen(QColor("#d5d9e0"))
    width = max(100, area.width() - 40)
    centred = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
    painter.drawText(QRectF(20, centre.y() - 8, width, 60), centred, text)
    painter.setFont(usual)
    painter.setPen(QColor("#8b93a1"))
    hint = "C  camera    ·    O  open a file    ·    D  demo    ·    ?  all keys"
    painter.drawText(QRectF(20, centre.y() + 32, width, 40), centred, hint)
