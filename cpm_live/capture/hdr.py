"""Films in HDR, as phones record them, on screens that have none: how bright and how colourful they are.

The curves are those of ITU-R BT.2100, white where BT.2408 has it (203 of 1,000 or 10,000 cd/m2). What is brighter is
pressed together below a screen's white.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

PQ, HLG, BT2020 = 16, 18, 9
"""FFmpeg's numbers of transfer functions (``color_trc``), and of the colours of both (``color_primaries``)."""
UNTOLD = 2
"""Of any of these: the film does not say."""
_WHITE = 203.0
_KNEE = 0.8
"""Of a screen's white: what is darker stays as it is."""
_SCREEN_GAMMA = 2.4
# From BT.2020's red, green and blue to BT.709's, as a screen codes them. Exact for greys; for other colours fitted, on
# photographs, to the way by linear light (BT.2087), which takes ten times as long. HLG's has its screen's gamma in it
# (BT.2100, table 5): that is one of the brightness, and the curve below takes it for one of each colour.
_NARROWER = np.array([[1.477, -0.380, -0.097], [-0.184, 1.200, -0.016], [-0.048, -0.077, 1.125]])
_NARROWER_HLG = np.array([[1.271, -0.196, -0.075], [-0.108, 1.115, -0.007], [-0.007, 0.053, 0.954]])


def for_screens(image: NDArray[np.uint8], transfer: int, primaries: int) -> NDArray[np.uint8]:
    """A picture (H, W, 3), BGR, as an ordinary screen shows it; the same one if it is made for such.

    Args:
        transfer, primaries: FFmpeg's numbers; primaries that are not told are those that go with the transfer.
    """
    bright = transfer in (PQ, HLG)
    if bright:
        image = np.asarray(cv2.LUT(image, _curve(transfer)), np.uint8)
    if primaries == BT2020 or (bright and primaries == UNTOLD):
        narrower = _NARROWER_HLG if transfer == HLG else _NARROWER
        image = np.asarray(cv2.transform(image, narrower[::-1, ::-1]), np.uint8)
    return image


@lru_cache
def _curve(transfer: int) -> NDArray[np.uint8]:
    """(256,): from a stored value to a screen's."""
    stored = np.arange(256) / 255
    light = (_pq(stored) if transfer == PQ else _hlg(stored)) / _WHITE
    over = np.maximum(light - _KNEE, 0.0) / (1 - _KNEE)
    shown = np.minimum(light, _KNEE) + (1 - _KNEE) * (1 - np.exp(-over))
    return np.round(255 * shown ** (1 / _SCREEN_GAMMA)).astype(np.uint8)


def _pq(stored: NDArray[np.float64]) -> NDArray[np.float64]:
    """cd/m2 (BT.2100, table 4)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = stored ** (1 / m2)
    return np.asarray(10000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1))


def _hlg(stored: NDArray[np.float64]) -> NDArray[np.float64]:
    """cd/m2 of a screen that has 1,000 (BT.2100, table 5); each colour by itself."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(stored <= 0.5, stored**2 / 3, (np.exp((stored - c) / a) + b) / 12)
    return np.asarray(1000 * scene**1.2)
