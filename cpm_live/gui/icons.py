"""Our icons: one-colour SVGs, coloured for the look in use."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

from cpm_live.core.paths import resource

_SIZES = (20, 40, 60)
"""Pixels: once, twice and three times 20, for screens of any density."""


def pixmap(name: str, colour: QColor, size: int) -> QPixmap:
    """An icon in one colour, ``size`` pixels square."""
    drawing = resource(f"icons/{name}.svg").read_text(encoding="utf-8").replace("#000", colour.name())
    picture = QPixmap(size, size)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(QByteArray(drawing.encode())).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return picture


def icon(name: str, palette: QPalette, checked: QColor | None = None) -> QIcon:
    """An icon for this palette; ``checked`` colours it while its button is on."""
    result = QIcon()
    on = checked or palette.color(QPalette.ColorRole.Highlight)
    text = palette.color(QPalette.ColorRole.ButtonText)
    muted = palette.color(QPalette.ColorRole.PlaceholderText)
    for mode, state, colour in (
        (QIcon.Mode.Normal, QIcon.State.Off, text),
        (QIcon.Mode.Normal, QIcon.State.On, on),
        (QIcon.Mode.Disabled, QIcon.State.Off, muted),
        (QIcon.Mode.Disabled, QIcon.State.On, muted),
    ):
        for size in _SIZES:
            result.addPixmap(pixmap(name, colour, size), mode, state)
    return result
