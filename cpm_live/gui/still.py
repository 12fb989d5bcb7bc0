"""The frame as it lies in the picture; of one that stands still what was painted is kept."""

from __future__ import annotations

from math import ceil

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QImage, QPainter

from cpm_live.core.frame import Frame
from cpm_live.gui.geometry import Fit
from cpm_live.gui.images import FrameImage
from cpm_live.gui.theme import PICTURE_BACKGROUND


def frame_area(fit: Fit) -> QRectF:
    """Where the frame lies in the widget."""
    return QRectF(fit.left, fit.top, fit.width * fit.scale, fit.height * fit.scale)


def into_frame(painter: QPainter, fit: Fit) -> None:
    """From here to ``restore`` the painter's units are frame pixels, edges at integers."""
    painter.save()
    painter.setClipRect(frame_area(fit))
    painter.translate(fit.left, fit.top)
    painter.scale(fit.scale, fit.scale)
    if fit.mirror:
        painter.translate(fit.width, 0)
        painter.scale(-1, 1)


class StillFrame:
    """Paints frames.

    Scaling a large one takes longer than all that is painted over it, and a photograph is painted ten times a second,
    a film that is paused with each move of the mouse: what is painted a second time is from then on only copied.
    """

    def __init__(self) -> None:
        self._images = FrameImage()
        self._frame: Frame | None = None
        self._place: tuple[Fit, QSize, float] | None = None
        self._painted: QImage | None = None

    def paint(self, painter: QPainter, frame: Frame, fit: Fit, size: QSize, ratio: float) -> None:
        """Paint a frame where it lies in a widget, of a background that is painted already.

        Args:
            size: the widget's.
            ratio: device pixels per widget pixel.
        """
        place = (fit, size, ratio)
        # Of a picture that is held each frame is another one, and the picture in it the same.
        again = self._frame is not None and self._frame.image is frame.image and self._place == place
        self._frame, self._place = frame, place
        if not again:
            self._painted = None
            self._scale(painter, frame, fit, ratio)
            return
        if self._painted is None:
            self._painted = QImage(ceil(size.width() * ratio), ceil(size.height() * ratio), QImage.Format.Format_RGB32)
            self._painted.fill(PICTURE_BACKGROUND)
            # Rounded as in the widget.
            self._painted.setDevicePixelRatio(ratio)
            on_it = QPainter(self._painted)
            on_it.setRenderHints(painter.renderHints())
            self._scale(on_it, frame, fit, ratio)
            on_it.end()
            self._painted.setDevicePixelRatio(1.0)
            self._images = FrameImage()
        painter.save()
        painter.scale(1 / ratio, 1 / ratio)
        painter.drawImage(0, 0, self._painted)
        painter.restore()

    def _scale(self, painter: QPainter, frame: Frame, fit: Fit, ratio: float) -> None:
        into_frame(painter, fit)
        painter.drawImage(QRectF(0, 0, fit.width, fit.height), self._images.of(frame, fit.scale * ratio))
        painter.restore()
