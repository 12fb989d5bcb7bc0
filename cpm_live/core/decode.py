"""Decode: from belief maps to joint positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
_STEP = np.array([-1, 0, 1])


def decode(beliefs: NDArray[np.floating]) -> Float:
    """Peaks of belief maps with sub-cell precision.

    The arg max is refined by one Newton step on the logarithm of the map, as a Gaussian's peak asks
    (Zhang et al., Distribution-aware coordinates, CVPR 2020, without the blur), at most half a cell
    in each direction.

    Args:
        beliefs: (..., h, w), any number of leading axes.

    Returns:
        (..., 3): x and y in cells (fractional), score = the map's peak value clipped to 0..1.
    """
    maps = np.asarray(beliefs, np.float32)
    height, width = maps.shape[-2:]
    flat = maps.reshape(-1, height * width)
    best = flat.argmax(axis=1)
    rows = np.arange(len(flat))
    peak = flat[rows, best]
    y, x = np.divmod(best, width)
    # Neighbours outside the map repeat its border, so that a peak may sit there.
    ys = np.clip(y[:, None] + _STEP, 0, height - 1)[:, :, None]
    xs = np.clip(x[:, None] + _STEP, 0, width - 1)[:, None, :]
    patch = flat[rows[:, None, None], ys * width + xs]
    log = np.log(np.clip(patch, 1e-3, None))
    gx, gy = (log[:, 1, 2] - log[:, 1, 0]) / 2, (log[:, 2, 1] - log[:, 0, 1]) / 2
    hxx = log[:, 1, 2] - 2 * log[:, 1, 1] + log[:, 1, 0]
    hyy = log[:, 2, 1] - 2 * log[:, 1, 1] + log[:, 0, 1]
    hxy = (log[:, 2, 2] - log[:, 2, 0] - log[:, 0, 2] + log[:, 0, 0]) / 4
    det = hxx * hyy - hxy**2
    sound = (det > 1e-6) & (hxx < 0) & (hyy < 0)
    safe = np.where(sound, det, 1.0)
    step_x = np.where(sound, -(hyy * gx - hxy * gy) / safe, 0)
    step_y = np.where(sound, -(hxx * gy - hxy * gx) / safe, 0)
    out = np.stack([x + np.clip(step_x, -0.5, 0.5), y + np.clip(step_y, -0.5, 0.5), np.clip(peak, 0, 1)], axis=-1)
    return out.reshape(*maps.shape[:-2], 3).astype(np.float32)
