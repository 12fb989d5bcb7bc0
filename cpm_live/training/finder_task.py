"""The finder's task: centres, sizes and sides of people and hands in scenes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from cpm_live.core.skeleton import FINDER
from cpm_live.evaluation import finding
from cpm_live.evaluation.evaluate import Infer
from cpm_live.network.presets import Preset
from cpm_live.training.ahead import Ahead
from cpm_live.training.dataset import readable
from cpm_live.training.device import put
from cpm_live.training.finder_data import Picture
from cpm_live.training.finder_targets import FinderTargets, SceneBatch, SceneBatches
from cpm_live.training.plan import Plan
from cpm_live.training.scenes import SceneMaker, Settings
from cpm_live.training.task import Drawn

SIZE_WEIGHT, SIDE_WEIGHT = 0.05, 0.02
"""Of the sizes' and sides' squared errors beside the beliefs'."""


def stage_losses(maps: Tensor, targets: FinderTargets, peak_weight: float) -> Tensor:
    """The loss of each stage (T,).

    Args:
        maps: (N, T, 6, h, w).
    """
    truth, mask = (put(array, maps.device)[:, None] for array in (targets.beliefs, targets.belief_mask))
    focus = torch.cat([1 + peak_weight * truth[:, :, :2], torch.ones_like(truth[:, :, 2:])], dim=2) * mask
    belief = ((maps[:, :, :3] - truth).square() * focus).mean(dim=(0, 2, 3, 4))
    values, near = (put(array, maps.device)[:, None] for array in (targets.values, targets.value_mask))
    error = (maps[:, :, 3:] - values).square() * near
    size = error[:, :, :2].sum(dim=(0, 2, 3, 4)) / near[:, :, :2].sum().clamp(min=1)
    side = error[:, :, 2].sum(dim=(0, 2, 3)) / near[:, :, 2].sum().clamp(min=1)
    total: Tensor = belief + SIZE_WEIGHT * size + SIDE_WEIGHT * side
    return total


class FinderTask:
    """People and hands in whole frames.

    Args:
        workers: processes that make batches ahead.
    """

    skeleton = FINDER

    def __init__(
        self,
        preset: Preset,
        plan: Plan,
        train: list[Picture],
        val: list[Picture],
        rng: np.random.Generator,
        workers: int = 0,
    ) -> None:
        self._preset, self._plan, self._rng = preset, plan, rng
        maker = SceneBatches(SceneMaker(train, Settings()), preset.stride)
        room = SceneBatch.room(plan.batch, max(side for _, side in plan.sizes), preset.stride)
        self._scenes = Ahead(self._choose, maker, plan.batch, room, workers)
        good = {sample.name for sample in readable([picture.sample for picture in val])}
        seen = [picture for picture in val if picture.sample.name in good]
        self._val = finding.whole_frames(seen, preset.size) + finding.made_scenes(seen, preset.size) if seen else []
        self.epoch_size = len(train)

    def draw(self, size: int) -> Drawn:
        """See :meth:`Task.draw`."""
        batch = self._scenes.draw(size)
        centres = np.zeros((len(batch.images), 2), np.float32)
        return Drawn(batch.images, centres, lambda maps: stage_losses(maps, batch, self._plan.peak_weight))

    def _choose(self, count: int) -> list[int]:
        return [int(seed) for seed in self._rng.integers(2**62, size=count)]

    def evaluate(self, infer: Infer) -> dict[str, Any]:
        """See :meth:`Task.evaluate`."""
        if not self._val:
            return {}
        return finding.report(
            finding.measure(infer, self._val, self._preset.stride), self._preset.name, images=len(self._val)
        )

    def state(self) -> list[list[int]]:
        """Scenes are drawn freely: there is no order to remember, but for those that are chosen already."""
        return self._scenes.jobs()

    def restore(self, state: list[list[int]]) -> None:
        """See :meth:`state`."""
        self._scenes.restore([seed for seeds in state for seed in seeds])

    def close(self) -> None:
        """End the workers."""
        self._scenes.close()
