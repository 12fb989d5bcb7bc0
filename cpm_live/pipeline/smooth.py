"""Smoothing: a One-Euro filter per joint (Casiez et al., CHI 2012), in units of the person's size.

A constant-velocity Kalman filter was measured against it (``scripts/smoothing_compare.py``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

JUMP = 0.35
"""A joint that moves further than this share of the box between two frames did not move: it was seen elsewhere."""

APART_S = 0.99
"""Frames so far apart are no two moments of one movement: places that somebody goes to in a film, photographs. (The
machine's clock takes no step over a second.)"""


def cutoffs(smoothing: float) -> tuple[float, float]:
    """Cut-off at rest (Hz) and its rise with speed (Hz per box side per second) for a slider 0..1."""
    return 12.0 * (0.3 / 12.0) ** smoothing, 30.0 * (4.0 / 30.0) ** smoothing


class Smoother:
    """Smooths the joints of one track.

    Slow joints are filtered hard, fast ones hardly, so that a still person does not tremble and a moving
    one does not trail behind. Joints that the network is not sure of are passed on as they are and start
    afresh when it is: nothing is dragged into a place it was never seen at.
    """

    def __init__(self, joints: int) -> None:
        self._at = np.zeros((joints, 2))
        self._speed = np.zeros((joints, 2))
        self._known = np.zeros(joints, bool)

    def __call__(self, keypoints: Float, dt: float, size: float, smoothing: float, least: float) -> Float:
        """The smoothed joints (K, 3), an array of their own; scores stay.

        Args:
            keypoints: (K, 3) in frame pixels.
            dt: seconds since the last call.
            size: the longer side of the person's box.
            smoothing: 0 is raw.
            least: joints with a lower score are left alone.
        """
        seen = keypoints[:, :2].astype(float)
        sure = keypoints[:, 2] >= least
        moved = np.hypot(*(seen - self._at).T)
        going = sure & self._known & (moved < JUMP * size)
        self._known = sure
        if smoothing <= 0 or not 0 < dt < APART_S:
            self._at, self._speed = seen, np.zeros_like(seen)
            return keypoints.copy()
        floor, rise = cutoffs(smoothing)
        speed = self._speed + _share(1.0, dt) * ((seen - self._at) / dt - self._speed)
        cutoff = floor + rise * np.hypot(*speed.T) / max(size, 1.0)
        at = self._at + _share(cutoff, dt)[:, None] * (seen - self._at)
        self._at = np.where(going[:, None], at, seen)
        self._speed = np.where(going[:, None], speed, 0.0)
        out = keypoints.copy()
        out[:, :2] = self._at
        return out


def _share(cutoff: NDArray[np.float64] | float, dt: float) -> NDArray[np.float64]:
    """How much of the new value a first-order low-pass takes."""
    return np.asarray(1.0 / (1.0 + 1.0 / (2 * np.pi * np.asarray(cutoff) * dt)))
