"""Batches: which samples come up, cropped and stacked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.skeleton import Skeleton
from cpm_live.training.augment import augment, recolour_empty
from cpm_live.training.dataset import Sample
from cpm_live.training.plan import Plan
from cpm_live.training.synthetic import draw_sample, empty_picture


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples stacked.

    Attributes:
        images: (N, 3, size, size) uint8 BGR.
        joints: (N, K, 3) in input pixels, v as in ``augment.Example``.
        centres: (N, 2) in input pixels.
        weights: (N,) loss weights.
    """

    images: NDArray[np.uint8]
    joints: NDArray[np.float32]
    centres: NDArray[np.float32]
    weights: NDArray[np.float32]


class Batcher:
    """Draws augmented batches; every sample comes up once (or ``repeat`` times) per epoch, shuffled."""

    def __init__(self, samples: list[Sample], skeleton: Skeleton, plan: Plan, rng: np.random.Generator) -> None:
        self.samples, self.skeleton, self.plan, self.rng = samples, skeleton, plan, rng
        self.usable = [
            index
            for index, sample in enumerate(samples)
            if plan.sources.get(sample.source, 1.0) > 0 and (sample.joints[:, 2] > 0).sum() >= 3
        ]
        if not self.usable:
            raise ValueError("no usable training sample: every source has weight 0 or too few joints")
        self.repeats = np.array([plan.repeat.get(samples[i].source, 1.0) for i in self.usable])
        self.epoch_size = int(self.repeats.sum() / ((1 - plan.synthetic) * (1 - plan.negative)))
        self.queue: list[int] = []

    def state(self) -> list[int]:
        """What is left of this epoch."""
        return list(self.queue)

    def restore(self, state: list[int]) -> None:
        """Back to a saved :meth:`state`."""
        self.queue = list(state)

    def _next(self) -> Sample:
        if not self.queue:
            whole = np.floor(self.repeats + self.rng.random(len(self.repeats))).astype(int)
            order = np.repeat(np.asarray(self.usable), whole)
            self.rng.shuffle(order)
            self.queue = order.tolist()
        return self.samples[self.queue.pop()]

    def _any(self) -> Sample:
        return self.samples[self.usable[int(self.rng.integers(len(self.usable)))]]

    def _other(self) -> NDArray[np.uint8]:
        return self._any().image()

    def draw(self, size: int) -> Batch:
        """The next batch, cropped to ``size``."""
        examples, weights = [], []
        for _ in range(self.plan.batch):
            if self.rng.random() < self.plan.negative:
                sample = self._any()
                picture = empty_picture(sample.image(), sample.joints, size, self.rng)
                examples.append(recolour_empty(picture, self.skeleton, self.rng))
                weights.append(1.0)
                continue
            if self.rng.random() < self.plan.synthetic:
                image, joints = draw_sample(self.skeleton.name, self.rng, self._other)
                weight = 1.0
            else:
                sample = self._next()
                image, joints = sample.image(), sample.joints
                weight = self.plan.sources.get(sample.source, 1.0)
            examples.append(augment(image, joints, self.skeleton, size, self.plan.augment, self.rng, self._other))
            weights.append(weight)
        return Batch(
            np.ascontiguousarray(np.stack([e.image for e in examples]).transpose(0, 3, 1, 2)),
            np.stack([e.joints for e in examples]),
            np.stack([e.centre for e in examples]),
            np.asarray(weights, np.float32),
        )


def describe(samples: list[Sample]) -> dict[str, Any]:
    """How many samples each source has."""
    counts: dict[str, int] = {}
    for sample in samples:
        counts[sample.source] = counts.get(sample.source, 0) + 1
    return counts
