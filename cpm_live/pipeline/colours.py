"""Colours: what somebody wears, so that two people who cross are told apart by more than their way."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.core.skeleton import Skeleton

Array = NDArray[np.float32]
_SHOULDERS = ("right_shoulder", "left_shoulder")


def clothes(image: NDArray[np.uint8], joints: Array, skeleton: Skeleton, least: float) -> Array | None:
    """Colours of the chest: mean and spread of Lab in a 2 x 2 grid (4, 6) below the shoulders.

    None where the shoulders are not sure, too close together (seen from the side), or the skeleton has none.
    """
    if not set(_SHOULDERS) <= set(skeleton.joints):
        return None
    a, b = (joints[skeleton.index(name)] for name in _SHOULDERS)
    width = float(np.hypot(*(a[:2] - b[:2])))
    if min(a[2], b[2]) < least or width < 12:
        return None
    x, y = (a[:2] + b[:2]) / 2
    half = 0.35 * width
    x0, x1 = int(max(0, x - half)), int(min(image.shape[1], x + half))
    y0, y1 = int(max(0, y + 0.15 * width)), int(min(image.shape[0], y + 0.85 * width))
    if x1 - x0 < 8 or y1 - y0 < 8:
        return None
    patch = cv2.resize(image[y0:y1, x0:x1], (16, 16), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(patch, cv2.COLOR_BGR2LAB).astype(np.float32)
    cells = lab.reshape(2, 8, 2, 8, 3).transpose(0, 2, 1, 3, 4).reshape(4, 64, 3)
    return np.concatenate([cells.mean(axis=1), cells.std(axis=1)], axis=1).astype(np.float32)


def likeness(a: Array | None, b: Array | None) -> float:
    """How alike two people's clothes are, 0..1; 0.5 where one is not known."""
    if a is None or b is None:
        return 0.5
    return float(np.exp(-((np.sqrt(((a - b) ** 2).mean()) / 18.0) ** 2)))


def blend(old: Array | None, new: Array | None, share: float = 0.1) -> Array | None:
    """The old colours, moved a little towards the new ones."""
    if old is None or new is None:
        return new if old is None else old
    return ((1 - share) * old + share * new).astype(np.float32)
