"""What a batch of scenes should answer. Pure, so that any process may make them; no torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cpm_live.core import finder_maps
from cpm_live.core.crop import input_to_cells
from cpm_live.training.planes import planes
from cpm_live.training.scenes import Scene, SceneMaker, Thing


@dataclass(frozen=True, slots=True)
class FinderTargets:
    """See ``core.finder_maps`` for the maps.

    Attributes:
        beliefs: (N, 3, h, w); belief_mask the same: 0 where the answer is not known.
        values: (N, 3, h, w) sizes and side; value_mask the same: 1 near the centres they belong to.
    """

    beliefs: NDArray[np.float32]
    belief_mask: NDArray[np.float32]
    values: NDArray[np.float32]
    value_mask: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SceneBatch(FinderTargets):
    """Scenes stacked, and what they should answer; a :class:`workers.Made`.

    Attributes:
        images: (N, 3, size, size) uint8 BGR.
    """

    large: ClassVar[tuple[str, ...]] = ("images", "beliefs", "belief_mask", "values", "value_mask")

    images: NDArray[np.uint8]

    @staticmethod
    def room(batch: int, size: int, stride: int) -> int:
        """The bytes of one."""
        return batch * (3 * size**2 + 4 * 3 * (size // stride) ** 2 * np.dtype(np.float32).itemsize)


class SceneBatches:
    """Makes batches of scenes, each from a seed of its own."""

    def __init__(self, scenes: SceneMaker, stride: int) -> None:
        self._scenes, self._stride = scenes, stride

    def make(self, jobs: list[int], size: int) -> SceneBatch:
        """The batch of these seeds."""
        scenes = [self._scenes.make(size, np.random.default_rng(seed)) for seed in jobs]
        targets = draw_targets(scenes, size, self._stride)
        images = planes([scene.image for scene in scenes])
        return SceneBatch(targets.beliefs, targets.belief_mask, targets.values, targets.value_mask, images)


def draw_targets(scenes: list[Scene], size: int, stride: int) -> FinderTargets:
    """The target maps of a batch."""
    cells = size // stride
    shape = (len(scenes), 3, cells, cells)
    beliefs, belief_mask = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    values, value_mask = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for n, scene in enumerate(scenes):
        for kind, boxes in enumerate(scene.ignore):
            for x, y, w, h in boxes:
                x0, y0 = max(0, int(x / stride)), max(0, int(y / stride))
                belief_mask[n, kind, y0 : int((y + h) / stride) + 1, x0 : int((x + w) / stride) + 1] = 0
        # The smallest last: in front of a person, the hand's size counts near the hand's centre.
        for thing in sorted(scene.things, key=lambda t: -t.size):
            gaussian = spot(thing, cells, stride)
            kind = thing.kind
            beliefs[n, kind] = np.maximum(beliefs[n, kind], gaussian)
            near = gaussian > 0.25
            belief_mask[n, kind][near] = 1
            values[n, kind][near] = finder_maps.size_to_map(thing.size / size)
            value_mask[n, kind][near] = 1
            if thing.side:
                values[n, 2][near] = thing.side
                value_mask[n, 2][near] = 1
    beliefs[:, 2] = 1 - beliefs[:, :2].max(axis=1)
    belief_mask[:, 2] = belief_mask[:, :2].min(axis=1)
    return FinderTargets(beliefs, belief_mask, values, value_mask)


def spot(thing: Thing, cells: int, stride: int) -> NDArray[np.float32]:
    """The belief (cells, cells) in one thing's centre."""
    axis = np.arange(cells, dtype=np.float32)
    cx, cy = input_to_cells(np.array([thing.x, thing.y]), stride)
    # Where the middle of a large person is, is less exact than that of a small one.
    sigma = float(np.clip(0.09 * thing.size / stride, 1.0, 2.2))
    return np.exp(-((axis[None, :] - cx) ** 2 + (axis[:, None] - cy) ** 2) / (2 * sigma**2), dtype=np.float32)
