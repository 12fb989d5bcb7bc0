"""Our icons: one-colour SVGs, coloured for the look in use."""

from __future__ import annotations

from functools import lru_cache
from math import ceil

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

from cpm_live.core.paths import resource

_SIZE = 20


@lru_cache
def _drawing(name: str) -> str:
    return resource(f"icons/{name}.svg").read_text(encoding="utf-8")


def pixmap(name: str, colour: QColor, size: int) -> QPixmap:
    """An icon in one colour, ``size`` pixels square."""
    picture = QPixmap(size, size)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    drawing = _drawing(name).replace("#000", colour.name())
    QSvgRenderer(QByteArray(drawing.encode())).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return picture


Colours = tuple[str, str, str]
"""Of an icon: normally, while its button is on, while it is disabled."""


def colours(palette: QPalette, checked: str | None = None) -> Colours:
    """An icon's colours in this palette; ``checked`` replaces the one for a button that is on."""
    group, role = QPalette.ColorGroup, QPalette.ColorRole
    on = checked or palette.color(group.Active, role.Highlight).name()
    # By group: a palette asked without one answers for the state that the button is in just now.
    return (
        palette.color(group.Active, role.ButtonText).name(),
        on,
        palette.color(group.Disabled, role.ButtonText).name(),
    )


def icon(name: str, wanted: Colours) -> QIcon:
    """An icon in these colours, sharp on the densest of the screens."""
    ratio = max((screen.devicePixelRatio() for screen in QGuiApplication.screens()), default=1.0)
    # Each takes about a millisecond: no more sizes than are needed.
    size = _SIZE * ceil(ratio)
    normal, on, disabled = wanted
    result = QIcon()
    for mode, state, colour in (
        (QIcon.Mode.Normal, QIcon.State.Off, normal),
        (QIcon.Mode.Normal, QIcon.State.On, on),
        (QIcon.Mode.Disabled, QIcon.State.Off, disabled),
    ):
        result.addPixmap(pixmap(name, QColor(colour), size), mode, state)
    return result
