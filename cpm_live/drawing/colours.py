"""Colours of belief maps."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=8)
def glow_table(strength: float = 0.75) -> NDArray[np.uint8]:
    """256 premultiplied BGRA colours (256, 4): transparent where belief is 0, plasma's yellow at 1.

    Premultiplied little-endian ARGB32 is what Qt paints fastest.
    """
    values = np.arange(256, dtype=np.uint8)[:, None]
    bgr = cv2.applyColorMap(values, cv2.COLORMAP_PLASMA)[:, 0].astype(np.float32)
    alpha = np.clip(np.linspace(0, 1.25, 256), 0, 1) ** 0.8 * strength
    alpha[:10] *= np.linspace(0, 1, 10)
    out = np.column_stack([bgr * alpha[:, None], 255 * alpha])
    table: NDArray[np.uint8] = np.round(out).astype(np.uint8)
    table.flags.writeable = False
    return table


@lru_cache(maxsize=8)
def glow_tables(strength: float = 0.75) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The same as two tables (1, 256, 3) for pictures: what is added, and what is left of the picture in 255ths."""
    table = glow_table(strength)
    left = np.repeat(255 - table[None, :, 3:], 3, axis=2)
    return np.ascontiguousarray(table[None, :, :3]), np.ascontiguousarray(left)


def levels(belief: NDArray[np.floating]) -> NDArray[np.uint8]:
    """A belief map (h, w) in 0..1 as 0..255."""
    return np.clip(np.asarray(belief) * 255.0 + 0.5, 0, 255).astype(np.uint8)


def glow(belief: NDArray[np.floating], strength: float = 0.75) -> NDArray[np.uint8]:
    """A belief map (h, w) in 0..1 as premultiplied BGRA (h, w, 4)."""
    return glow_table(strength)[levels(belief)]


def heat(belief: NDArray[np.floating]) -> NDArray[np.uint8]:
    """A belief map (h, w) in 0..1 as opaque BGR (h, w, 3), dark where belief is 0, for thumbnails."""
    return cv2.applyColorMap(levels(belief), cv2.COLORMAP_INFERNO)  # type: ignore[return-value]
