"""Decode: from belief maps to joint positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
_STEP = np.array([[-1], [0], [1]])


def decode(beliefs: NDArray[np.floating]) -> Float:
    """Peaks of belief maps with sub-cell precision.

    The arg max is refined by one Newton step on the logarithm of the map, as a Gaussian's peak asks
    (Zhang et al., Distribution-aware coordinates, CVPR 2020, without the blur), at most half a cell
    in each direction; not along an axis on which the peak is the map's first or last cell.

    Args:
        beliefs: (..., h, w), any number of leading axes.

    Returns:
        (..., 3): x and y in cells (fractional), score = the map's peak value clipped to 0..1.
    """
    maps = np.asarray(beliefs, np.float32)
    height, width = maps.shape[-2:]
    flat = maps.reshape(-1, height * width)
    best = flat.argmax(axis=1)
    y = best // width
    x = best - y * width
    # Neighbours outside the map repeat its border, so that a peak may sit there.
    ys = np.minimum(np.maximum(y + _STEP, 0), height - 1)
    xs = np.minimum(np.maximum(x + _STEP, 0), width - 1)
    first = np.arange(len(flat)) * (height * width)
    patch = flat.reshape(-1)[(first + ys * width)[:, None] + xs]
    log = np.log(np.maximum(patch, 1e-3))
    (aa, ab, ac), (ba, bb, bc), (ca, cb, cc) = log
    gx, gy = (bc - ba) / 2, (cb - ab) / 2
    hxx, hyy = bc - 2 * bb + ba, cb - 2 * bb + ab
    hxy = (cc - ca - ac + aa) / 4
    det = hxx * hyy - hxy**2
    sound = (det > 1e-6) & (hxx < 0) & (hyy < 0)
    safe = np.where(sound, -det, 1.0)
    out = np.empty((len(flat), 3), np.float32)
    ways = ((x, width, hyy * gx - hxy * gy), (y, height, hxx * gy - hxy * gx))
    for column, (at, cells, way) in enumerate(ways):
        step = np.minimum(np.maximum(np.where(sound, way / safe, 0.0), -0.5), 0.5)
        out[:, column] = at + step * ((at > 0) & (at < cells - 1))
    out[:, 2] = np.minimum(np.maximum(patch[1, 1], 0.0), 1.0)
    return out.reshape(*maps.shape[:-2], 3)
