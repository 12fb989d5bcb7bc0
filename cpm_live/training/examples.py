"""Examples: from a job (which sample, which seed) to crops. Pure, so that any process may do it."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.skeleton import Skeleton
from cpm_live.training.augment import augment, recolour_empty
from cpm_live.training.dataset import Damage, Sample
from cpm_live.training.plan import Plan
from cpm_live.training.planes import planes
from cpm_live.training.synthetic import draw_sample, empty_picture

_FEW, _BAD_SHARE = 3, 0.05
"""Pictures, and share of all: more that cannot be read are no accident."""
DRAWN, EMPTY = -1, -2
"""In place of a sample's number: a drawn figure, a picture without anybody."""

Job = tuple[int, int]
"""What one example is made of: the sample's number (or ``DRAWN``, ``EMPTY``) and the seed of all its chances."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples stacked; a :class:`workers.Made`.

    Attributes:
        images: (N, 3, size, size) uint8 BGR.
        joints: (N, K, 3) in input pixels, v as in ``augment.Example``.
        centres: (N, 2) in input pixels.
        weights: (N,) loss weights.
        samples: (N,) which sample each is of, ``DRAWN`` or ``EMPTY``.
    """

    large: ClassVar[tuple[str, ...]] = ("images",)

    images: NDArray[np.uint8]
    joints: NDArray[np.float32]
    centres: NDArray[np.float32]
    weights: NDArray[np.float32]
    samples: NDArray[np.int64]


class ExampleMaker:
    """Makes batches; the same jobs give the same batch, in whichever process.

    Args:
        usable: numbers of the samples that may be drawn from, ascending.

    Raises:
        InputError: from :meth:`make`: many pictures cannot be read, or one has another size than its labels are for.
    """

    def __init__(self, samples: list[Sample], usable: list[int], skeleton: Skeleton, plan: Plan) -> None:
        self._samples, self._usable, self._skeleton, self._plan = samples, usable, skeleton, plan
        self._damage = Damage(max(_FEW, _BAD_SHARE * len(usable)))
        self._together: dict[tuple[str, str], list[NDArray[np.float32]]] = {}
        for sample in samples:
            self._together.setdefault((sample.source, sample.name), []).append(_whereabouts(sample))

    def make(self, jobs: list[Job], size: int) -> Batch:
        """The batch of these jobs, cropped to ``size``."""
        examples, weights = [], []
        for number, seed in jobs:
            rng = np.random.default_rng(seed)

            def other(rng: np.random.Generator = rng) -> NDArray[np.uint8]:
                return self._any(rng)[1]

            def another(rng: np.random.Generator = rng) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
                sample, image = self._any(rng)
                return image, sample.joints

            weight = 1.0
            if number == EMPTY:
                sample, image = self._any(rng)
                everybody = np.concatenate(self._together[sample.source, sample.name])
                picture = empty_picture(image, everybody, size, rng)
                examples.append(recolour_empty(picture, self._skeleton, rng))
            else:
                if number == DRAWN:
                    image, joints = draw_sample(self._skeleton.name, rng, other)
                else:
                    sample, image = self._readable(bisect_left(self._usable, number))
                    joints = sample.joints
                    weight = self._plan.sources.get(sample.source, 1.0)
                examples.append(augment(image, joints, self._skeleton, size, self._plan.augment, rng, other, another))
            weights.append(weight)
        return Batch(
            planes([e.image for e in examples]),
            np.stack([e.joints for e in examples]),
            np.stack([e.centre for e in examples]),
            np.asarray(weights, np.float32),
            np.array([number for number, _ in jobs], np.int64),
        )

    def _any(self, rng: np.random.Generator) -> tuple[Sample, NDArray[np.uint8]]:
        return self._readable(int(rng.integers(len(self._usable))))

    def _readable(self, place: int) -> tuple[Sample, NDArray[np.uint8]]:
        number, image = self._damage.pick(self._usable, place, self._samples.__getitem__)
        return self._samples[number], image


def _whereabouts(sample: Sample) -> NDArray[np.float32]:
    """Where somebody is, as joints (N, 3): the labelled ones and, of those who have next to none, their box."""
    if (sample.joints[:, 2] > 0).sum() >= 3:
        return sample.joints
    corners = sample.corners
    return np.concatenate([sample.joints, np.column_stack([corners, np.ones(len(corners), np.float32)])])
