"""Match: which pose belongs to whom. Similarity of poses (OKS) and the best assignment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box

Float = NDArray[np.floating]


LOOSEST = 0.07
"""COCO's sigmas say how well people agree on a joint, which for fingers is very well. Following asks only
whether it is the same hand, a frame later: no joint is judged more strictly than this."""


def follow_sigmas(sigmas: Sequence[float]) -> Float:
    """A skeleton's sigmas (K,) for following."""
    return np.maximum(np.asarray(sigmas), LOOSEST)


def oks(a: Float, b: Float, sigmas: Float, scale: float, least: float) -> float:
    """Object keypoint similarity of two poses (K, 3), 0..1, over the joints that both believe in.

    Each joint counts as much as the less sure of the two believes in it. With fewer than three such
    joints there is nothing to compare: 0.

    Args:
        sigmas: per-joint fall-off (K,), as COCO's.
        scale: the size of the person in pixels (square root of COCO's area).
        least: joints with a lower score do not count.
    """
    weight = np.minimum(a[:, 2], b[:, 2])
    both = weight >= least
    if int(both.sum()) < 3:
        return 0.0
    far = ((a[both, :2] - b[both, :2]) ** 2).sum(axis=1)
    near = np.exp(-far / (2 * (max(scale, 1.0) * 2 * np.asarray(sigmas)[both]) ** 2))
    return float((near * weight[both]).sum() / weight[both].sum())


def shared(a: Float, b: Float, near: float, least: float) -> int:
    """How many joints two poses (K, 3) have in the same place: closer than ``near`` pixels."""
    both = np.minimum(a[:, 2], b[:, 2]) >= least
    return int((both & (np.hypot(*(a[:, :2] - b[:, :2]).T) < near)).sum())


def stretched(before: Float, now: Float, limbs: Sequence[tuple[int, int]], least: float) -> bool:
    """Whether a limb grew from one frame to the next as limbs do not: its ends are on two people.

    Args:
        before, now: poses (K, 3).
        limbs: pairs of joints whose distance changes slowly.
    """
    for a, b in limbs:
        if min(before[a, 2], before[b, 2], now[a, 2], now[b, 2]) >= least:
            was = float(np.hypot(*(before[a, :2] - before[b, :2])))
            if float(np.hypot(*(now[a, :2] - now[b, :2]))) > 1.45 * was + 8:
                return True
    return False


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / max(a[2] * a[3] + b[2] * b[3] - shared, 1e-6)


def covered(a: Box, b: Box) -> float:
    """The share of ``a`` that lies in ``b``."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height) / max(a[2] * a[3], 1e-6)


def assign(gain: Float, least: float) -> list[tuple[int, int]]:
    """The pairs (row, column) of largest total gain; pairs below ``least`` stay apart.

    The Hungarian method (shortest augmenting paths) for a handful of rows. scipy has one too, but importing
    it takes over a second, which the app's start does not have.
    """
    rows, columns = gain.shape
    if rows == 0 or columns == 0:
        return []
    if rows == 1:
        # One person in the picture: nearly always.
        column = int(gain[0].argmax())
        return [(0, column)] if gain[0, column] >= least else []
    if rows > columns:
        return [(r, c) for c, r in assign(gain.T, least)]
    # Pairs that may not be cost 0, as staying apart does: they take nothing from the others.
    cost = -np.where(gain >= least, gain, 0.0)
    potential_r, potential_c = np.zeros(rows + 1), np.zeros(columns + 1)
    owner = np.zeros(columns + 1, int)  # 1-based row of each column; column 0 is where a new row starts
    for row in range(1, rows + 1):
        owner[0], at = row, 0
        best = np.full(columns + 1, np.inf)
        came = np.zeros(columns + 1, int)
        used = np.zeros(columns + 1, bool)
        while True:
            used[at] = True
            r = owner[at]
            step = cost[r - 1] - potential_r[r] - potential_c[1:]
            closer = ~used[1:] & (step < best[1:])
            best[1:][closer], came[1:][closer] = step[closer], at
            free = np.where(used, np.inf, best)
            free[0] = np.inf
            following = int(free.argmin())
            delta = free[following]
            potential_r[owner[used]] += delta
            potential_c[used] -= delta
            best[~used] -= delta
            at = following
            if owner[at] == 0:
                break
        while at:
            owner[at] = owner[came[at]]
            at = came[at]
    pairs = [(int(owner[c]) - 1, c - 1) for c in range(1, columns + 1) if owner[c]]
    return sorted((r, c) for r, c in pairs if gain[r, c] >= least)
