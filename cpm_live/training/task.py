"""Tasks: what the training loop trains, apart from how it goes on. One for poses, one for finding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cpm_live.core.skeleton import Skeleton
from cpm_live.evaluation import evaluate
from cpm_live.evaluation.evaluate import Infer
from cpm_live.network.presets import Preset
from cpm_live.training import pictures
from cpm_live.training.absent import mark_absent
from cpm_live.training.batches import Batcher
from cpm_live.training.dataset import Sample, readable
from cpm_live.training.device import put
from cpm_live.training.distil import Teacher, teacher_targets
from cpm_live.training.examples import Batch
from cpm_live.training.noise import NoiseClip
from cpm_live.training.plan import Plan
from cpm_live.training.targets import draw_targets, map_losses, sample_losses, stage_losses, sum_losses


@dataclass(frozen=True, slots=True)
class Drawn:
    """One batch, ready for the network.

    Attributes:
        images: (N, 3, size, size) uint8 BGR.
        centres: (N, 2) in input pixels.
        losses: from the network's maps (N, T, maps, h, w) to the loss of each stage (T,).
    """

    images: NDArray[np.uint8]
    centres: NDArray[np.float32]
    losses: Callable[[Tensor], Tensor]


class Task(Protocol):
    """What the loop needs to know of what it trains.

    Attributes:
        skeleton: whose joints the maps are.
        epoch_size: examples per epoch, of this process' share of the data.
    """

    skeleton: Skeleton
    epoch_size: int

    def draw(self, size: int) -> Drawn:
        """The next batch, with pictures of this side."""
        ...

    def evaluate(self, infer: Infer) -> dict[str, Any]:
        """Figures on the validation split, empty without one; ``figures.headline`` shows them."""
        ...

    def state(self) -> Any:
        """What is left of this epoch: numbers, texts, lists and dicts of them."""
        ...

    def restore(self, state: Any) -> None:
        """Back to a saved :meth:`state`."""
        ...


@runtime_checkable
class Pictured(Protocol):
    """A task that can show what the network sees."""

    def picture(self, infer: Infer) -> NDArray[np.uint8] | None:
        """(H, W, 3) BGR of a few validation samples, None without any."""
        ...


@runtime_checkable
class Closable(Protocol):
    """A task that holds something beyond memory."""

    def close(self) -> None:
        """Give it back."""
        ...


class PoseTask:
    """Joints of one person or hand.

    Args:
        teacher: for distillation; ``plan.teacher`` is its share of the loss.
        workers: processes that make batches ahead.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        preset: Preset,
        plan: Plan,
        train: list[Sample],
        val: list[Sample],
        rng: np.random.Generator,
        teacher: Teacher | None = None,
        workers: int = 0,
    ) -> None:
        self.skeleton, self._preset, self._plan = skeleton, preset, plan
        self._given = val
        self._batches = Batcher(mark_absent(train, skeleton, plan.absent), skeleton, plan, rng, workers)
        self._teacher = teacher if plan.teacher > 0 else None
        self._clip = NoiseClip(plan.clip_noise) if plan.clip_noise > 0 else None
        self.epoch_size = self._batches.epoch_size

    @cached_property
    def _val(self) -> list[Sample]:
        """Found out at the first evaluation, not at the tenth: a damaged picture must not end the training."""
        return readable(self._given)

    @property
    def _margin(self) -> float:
        return sum(self._plan.augment.zoom) / 2

    def draw(self, size: int) -> Drawn:
        """See :meth:`Task.draw`."""
        batch = self._batches.draw(size)
        return Drawn(batch.images, batch.centres, lambda beliefs: self._losses(beliefs, batch))

    def _losses(self, beliefs: Tensor, batch: Batch) -> Tensor:
        plan, preset, device = self._plan, self._preset, beliefs.device
        cells = beliefs.shape[-1]
        targets = draw_targets(
            batch.joints, batch.weights, cells, preset.stride, plan.sigma, preset.background, device
        )  # fmt: skip
        per_map = map_losses(beliefs, targets, plan.peak_weight, plan.place)
        if plan.hard > 0:
            # Weighed: a source that is trusted less because its labels are worse loses more for just that reason.
            self._batches.hardness.note(batch.samples, sample_losses(per_map, targets) * batch.weights)
        losses = sum_losses(per_map, targets, self._clip)
        if self._teacher is None:
            return losses
        maps = self._teacher.maps(
            put(batch.images, device),
            put(batch.centres, device),
            cells,
            preset.background,
        )
        weights = put(batch.weights, device)
        taught = teacher_targets(maps, beliefs.shape[1], plan.teacher_stages, weights, preset.background)
        learned = stage_losses(beliefs, taught, plan.peak_weight, plan.place)
        return (1 - plan.teacher) * losses + plan.teacher * learned

    def evaluate(self, infer: Infer) -> dict[str, Any]:
        """See :meth:`Task.evaluate`."""
        if not self._val:
            return {}
        preset = self._preset
        errors = evaluate.measure(infer, self._val, self.skeleton, preset.size, preset.stride, self._margin)
        return evaluate.report(errors, self.skeleton, preset.name)

    def picture(self, infer: Infer) -> NDArray[np.uint8] | None:
        """See :meth:`Pictured.picture`."""
        if not self._val:
            return None
        return pictures.belief_sheet(
            infer, pictures.chosen(self._val), self.skeleton, self._preset, self._margin
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """See :meth:`Task.state`."""
        return {"batches": self._batches.state(), "clip": self._clip.state() if self._clip else []}

    def restore(self, state: dict[str, Any]) -> None:
        """See :meth:`Task.restore`."""
        self._batches.restore(state["batches"])
        if self._clip and state["clip"]:
            self._clip.restore(state["clip"])

    def close(self) -> None:
        """End the workers."""
        self._batches.close()
