"""Colours of belief maps."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=8)
def glow_table(strength: float = 0.75) -> NDArray[np.uint8]:
    """256 premultiplied BGRA colours (256, 4): transparent where belief is 0, turbo's warm end at 1.

    Premultiplied little-endian ARGB32 is what Qt paints fastest (DESIGN section 7).
    """
    values = np.arange(256, dtype=np.uint8)[:, None]
    bgr = cv2.applyColorMap(values, cv2.COLORMAP_TURBO)[:, 0].astype(np.float32)
    alpha = np.clip(np.linspace(0, 1.25, 256), 0, 1) ** 0.8 * strength
    alpha[:10] *= np.linspace(0, 1, 10)
    out = np.column_stack([bgr * alpha[:, None], 255 * alpha])
    table: NDArray[np.uint8] = np.round(out).astype(np.uint8)
    table.flags.writeable = False
    return table


def glow(belief: NDArray[np.floating], strength: float = 0.75) -> NDArray[np.uint8]:
    """A belief map (h, w) in 0..1 as premultiplied BGRA (h, w, 4)."""
    levels = np.clip(np.asarray(belief) * 255.0 + 0.5, 0, 255).astype(np.uint8)
    return glow_table(strength)[levels]


def heat(belief: NDArray[np.floating]) -> NDArray[np.uint8]:
    """A belief map (h, w) in 0..1 as opaque BGR (h, w, 3), dark where belief is 0, for thumbnails."""
    levels = np.clip(np.asarray(belief) * 255.0 + 0.5, 0, 255).astype(np.uint8)
    return cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)  # type: ignore[return-value]
