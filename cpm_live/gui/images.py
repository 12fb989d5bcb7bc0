"""Numpy arrays as Qt images, without copying. The array must outlive the image's use."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from cpm_live.core.frame import Frame
from cpm_live.drawing.colours import glow

_SMOOTH = 96
"""Belief maps are refined to about this many cells before they are coloured: colours in between cells
would otherwise be mixtures of the two cells' colours, which is not how heat looks."""


_SMALL = 0.5
"""Times that a frame is painted larger than it is: from there on a copy in Qt's own format is worth making."""


class FrameImage:
    """A frame as Qt paints it quickest.

    Qt scales BGR in twice the time that it takes for its own format, on threads that the network wants, too. Painted
    much smaller, a large frame takes longer to copy than that saves.
    """

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._copy: NDArray[np.uint8] | None = None

    def of(self, frame: Frame, scale: float) -> QImage:
        """The frame's image, to be painted ``scale`` times as large; good until the next one is asked for."""
        if scale < _SMALL:
            return bgr_image(frame.image)
        if self._copy is None or self._frame is not frame:
            self._frame, self._copy = frame, np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2BGRA), np.uint8)
        height, width = self._copy.shape[:2]
        return QImage(self._copy.data, width, height, 4 * width, QImage.Format.Format_RGB32)


def bgr_image(array: NDArray[np.uint8]) -> QImage:
    """A BGR array (H, W, 3) as an image of the same memory."""
    array = np.ascontiguousarray(array)
    height, width = array.shape[:2]
    return QImage(array.data, width, height, 3 * width, QImage.Format.Format_BGR888)


def refined(belief: NDArray[np.float32]) -> NDArray[np.float32]:
    """A belief map (h, w) on a finer grid with the same outer edges."""
    factor = max(1, _SMOOTH // max(belief.shape))
    if factor == 1:
        return belief
    size = (belief.shape[1] * factor, belief.shape[0] * factor)
    fine: NDArray[np.float32] = np.clip(cv2.resize(belief, size, interpolation=cv2.INTER_CUBIC), 0.0, 1.0)
    return fine


def glow_array(belief: NDArray[np.float32], strength: float) -> NDArray[np.uint8]:
    """A belief map as premultiplied BGRA, ready for :func:`glow_image`."""
    return np.ascontiguousarray(glow(refined(belief), strength))


def glow_image(colours: NDArray[np.uint8]) -> QImage:
    """Premultiplied BGRA (h, w, 4) as an image of the same memory."""
    height, width = colours.shape[:2]
    return QImage(colours.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
