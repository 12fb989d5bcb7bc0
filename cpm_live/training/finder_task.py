"""The finder's task: centres, sizes and sides of people and hands in scenes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cpm_live.core import finder_maps
from cpm_live.core.crop import input_to_cells
from cpm_live.core.skeleton import FINDER
from cpm_live.evaluation import finding
from cpm_live.evaluation.evaluate import Infer
from cpm_live.network.presets import Preset
from cpm_live.training.dataset import readable
from cpm_live.training.finder_data import Picture
from cpm_live.training.plan import Plan
from cpm_live.training.scenes import Scene, SceneMaker, Settings, Thing
from cpm_live.training.task import Drawn

SIZE_WEIGHT, SIDE_WEIGHT = 0.05, 0.02
"""Of the sizes' and sides' squared errors beside the beliefs'."""


@dataclass(frozen=True, slots=True)
class FinderTargets:
    """What a batch of scenes should answer; see ``core.finder_maps`` for the maps.

    Attributes:
        beliefs: (N, 3, h, w); belief_mask the same: 0 where the answer is not known.
        values: (N, 3, h, w) sizes and side; value_mask the same: 1 near the centres they belong to.
    """

    beliefs: Tensor
    belief_mask: Tensor
    values: Tensor
    value_mask: Tensor


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
    return FinderTargets(*(torch.from_numpy(value) for value in (beliefs, belief_mask, values, value_mask)))


def spot(thing: Thing, cells: int, stride: int) -> NDArray[np.float32]:
    """The belief (cells, cells) in one thing's centre."""
    axis = np.arange(cells, dtype=np.float32)
    cx, cy = input_to_cells(np.array([thing.x, thing.y]), stride)
    # Where the middle of a large person is, is less exact than that of a small one.
    sigma = float(np.clip(0.09 * thing.size / stride, 1.0, 2.2))
    return np.exp(-((axis[None, :] - cx) ** 2 + (axis[:, None] - cy) ** 2) / (2 * sigma**2), dtype=np.float32)


def stage_losses(maps: Tensor, targets: FinderTargets, peak_weight: float) -> Tensor:
    """The loss of each stage (T,).

    Args:
        maps: (N, T, 6, h, w).
    """
    device = maps.device
    truth, mask = targets.beliefs.to(device)[:, None], targets.belief_mask.to(device)[:, None]
    focus = torch.cat([1 + peak_weight * truth[:, :, :2], torch.ones_like(truth[:, :, 2:])], dim=2) * mask
    belief = ((maps[:, :, :3] - truth).square() * focus).mean(dim=(0, 2, 3, 4))
    values, near = targets.values.to(device)[:, None], targets.value_mask.to(device)[:, None]
    error = (maps[:, :, 3:] - values).square() * near
    size = error[:, :, :2].sum(dim=(0, 2, 3, 4)) / near[:, :, :2].sum().clamp(min=1)
    side = error[:, :, 2].sum(dim=(0, 2, 3)) / near[:, :, 2].sum().clamp(min=1)
    total: Tensor = belief + SIZE_WEIGHT * size + SIDE_WEIGHT * side
    return total


class FinderTask:
    """People and hands in whole frames."""

    skeleton = FINDER

    def __init__(
        self, preset: Preset, plan: Plan, train: list[Picture], val: list[Picture], rng: np.random.Generator
    ) -> None:
        self._preset, self._plan = preset, plan
        self._scenes = SceneMaker(train, Settings(), rng)
        good = {sample.name for sample in readable([picture.sample for picture in val])}
        seen = [picture for picture in val if picture.sample.name in good]
        self._val = finding.whole_frames(seen, preset.size) + finding.made_scenes(seen, preset.size) if seen else []
        self.epoch_size = len(train)

    def draw(self, size: int) -> Drawn:
        """See :meth:`Task.draw`."""
        scenes = [self._scenes.make(size) for _ in range(self._plan.batch)]
        targets = draw_targets(scenes, size, self._preset.stride)
        images: NDArray[np.uint8] = np.ascontiguousarray(np.stack([s.image for s in scenes]).transpose(0, 3, 1, 2))
        centres = np.zeros((len(scenes), 2), np.float32)
        return Drawn(images, centres, lambda maps: stage_losses(maps, targets, self._plan.peak_weight))

    def evaluate(self, infer: Infer) -> dict[str, Any]:
        """See :meth:`Task.evaluate`."""
        if not self._val:
            return {}
        return finding.report(
            finding.measure(infer, self._val, self._preset.stride), self._preset.name, images=len(self._val)
        )

    def state(self) -> list[int]:
        """Scenes are drawn freely: there is no order to remember."""
        return []

    def restore(self, state: list[int]) -> None:
        """See :meth:`state`."""
