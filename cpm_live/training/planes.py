"""Pictures as networks take them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


def planes(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pictures (size, size, 3) of one size as one array (N, 3, size, size), several times as fast as transposing."""
    height, width = images[0].shape[:2]
    out = np.empty((len(images), 3, height, width), np.uint8)
    for image, place in zip(images, out, strict=True):
        cv2.split(image, list(place))
    return out
