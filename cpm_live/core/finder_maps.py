"""What the finder's maps mean: beliefs of a centre, then sizes and sides. Training and decoding share this.

Maps of every stage: person, hand, background (beliefs, 0..1), then the size of a person, of a hand
(log2 of the longer side of the box as a share of the input, plus ``SIZE_OFFSET``), then the side of a
hand (-1 the person's right, +1 their left). Sizes and sides mean something near a centre only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import cells_to_input

KINDS = ("person", "hand")
BACKGROUND = 2
SIZES = 3
SIDE = 5
MAPS = 6
SIZE_OFFSET = 2.0


def size_to_map(share: float) -> float:
    """A box's longer side, as a share of the input's, as its map holds it."""
    return float(np.log2(max(share, 1e-3))) + SIZE_OFFSET


def map_to_size(value: float) -> float:
    """Back to the share of the input's side."""
    return float(2.0 ** (np.clip(value, -6.0, 6.0) - SIZE_OFFSET))


def peaks(belief: NDArray[np.float32], threshold: float) -> Iterator[tuple[int, int, float, float, float]]:
    """The local maxima of one belief map, strongest first.

    Args:
        belief: (h, w).

    Yields:
        row, column, x and y in cells (the centroid of the peak and its neighbours: to half a cell), peak value.
    """
    height, width = belief.shape
    padded = np.pad(belief, 1, constant_values=-np.inf)
    around = np.stack(
        [padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    )
    tops = (belief >= around.max(axis=0)) & (belief >= threshold)
    rows, columns = np.nonzero(tops)
    for index in np.argsort(-belief[rows, columns], kind="stable"):
        row, column = int(rows[index]), int(columns[index])
        y0, y1, x0, x1 = max(0, row - 1), row + 2, max(0, column - 1), column + 2
        patch = np.clip(belief[y0:y1, x0:x1], 0, None)
        total = float(patch.sum()) or 1.0
        x = float((patch.sum(axis=0) * np.arange(x0, x0 + patch.shape[1])).sum()) / total
        y = float((patch.sum(axis=1) * np.arange(y0, y0 + patch.shape[0])).sum()) / total
        yield row, column, x, y, float(belief[row, column])


@dataclass(frozen=True, slots=True)
class Find:
    """One peak of the finder: kind (index into ``KINDS``), centre and size in input pixels, peak belief, side
    (-1 the person's right hand .. +1 their left)."""

    kind: int
    x: float
    y: float
    size: float
    score: float
    side: float


def read_maps(maps: NDArray[np.float32], stride: int, threshold: float) -> list[Find]:
    """The finds of one stage's maps (6, h, w), strongest first per kind.

    Of two finds of a kind closer than half the larger one's size, the weaker one is left out.
    """
    finds: list[Find] = []
    side = maps.shape[-1] * stride
    for kind in range(len(KINDS)):
        kept: list[Find] = []
        for row, column, cx, cy, score in peaks(maps[kind], threshold):
            x, y = (float(v) for v in cells_to_input(np.array([cx, cy]), stride))
            size = map_to_size(float(maps[SIZES + kind, row, column])) * side
            if all(np.hypot(x - k.x, y - k.y) > 0.5 * max(size, k.size) for k in kept):
                kept.append(Find(kind, x, y, size, score, float(maps[SIDE, row, column])))
        finds += kept
    return finds
