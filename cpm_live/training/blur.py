"""Blur: what moves fast, and what stands far away."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def smear(picture: Image, length: int, rng: np.random.Generator) -> Image:
    """Motion blur ``length`` pixels long in any direction.

    The mean of copies along a line, of any number of channels; each pass doubles them, which is ten times quicker than
    one large kernel.
    """
    length = max(3, length)
    angle = rng.uniform(0, 2 * np.pi)
    way = length * np.array([np.cos(angle), np.sin(angle)])
    height, width = picture.shape[:2]
    room = length // 2 + 2
    out: Image = np.asarray(cv2.copyMakeBorder(picture, room, room, room, room, cv2.BORDER_REFLECT_101), np.uint8)
    for number in range(int(np.ceil(np.log2(length)))):
        x, y = (int(step) for step in np.round(way * 0.5 ** (number + 1)))
        both = cv2.addWeighted(_without(out, x, y), 0.5, _without(out, -x, -y), 0.5, 0)
        out = np.asarray(both, np.uint8)
    top, left = (out.shape[0] - height) // 2, (out.shape[1] - width) // 2
    return np.ascontiguousarray(out[top : top + height, left : left + width])


def _without(picture: Image, x: int, y: int) -> Image:
    """The picture without its first ``x`` columns and ``y`` rows; without its last ones where they are negative."""
    height, width = picture.shape[:2]
    return picture[max(0, y) : height + min(0, y), max(0, x) : width + min(0, x)]


def coarsen(picture: Image, least: float, rng: np.random.Generator) -> Image:
    """Less resolution at the same size: what is left of somebody of ``least`` to nine tenths of the pixels."""
    side = max(8, round(len(picture) * rng.uniform(least, 0.9)))
    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
