"""Batches: which samples come up when. Making them is ``examples``' part, here or in worker processes."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import Skeleton
from cpm_live.training.ahead import Ahead
from cpm_live.training.dataset import Sample
from cpm_live.training.examples import DRAWN, EMPTY, Batch, ExampleMaker, Job
from cpm_live.training.hard import Hardness
from cpm_live.training.plan import Plan
from cpm_live.training.synthetic import FIGURES

log = logging.getLogger("cpm_live.training")

_FEWEST = 3
"""Labelled joints of a sample that is trained on; fewer say neither where somebody is nor how large."""


class Batcher:
    """Draws augmented batches; every sample comes up once (or ``repeat`` times) per epoch, shuffled.

    All choices are made here, in order, from ``rng``; each example has a seed of its own. So the batches are the
    same with any number of workers, and what was chosen but not yet used is part of :meth:`state`.

    Args:
        workers: processes that make batches ahead; 0 makes them here when they are asked for.
    """

    def __init__(
        self, samples: list[Sample], skeleton: Skeleton, plan: Plan, rng: np.random.Generator, workers: int = 0
    ) -> None:
        self._plan, self._rng = plan, rng
        fewest = min(_FEWEST, len(skeleton))
        wanted = [number for number, sample in enumerate(samples) if plan.sources.get(sample.source, 1.0) > 0]
        usable = [number for number in wanted if (samples[number].joints[:, 2] > 0).sum() >= fewest]
        if not usable:
            raise InputError(
                f"no usable training sample: every source has weight 0 or fewer than {fewest} labelled joints"
            )
        if left := len(wanted) - len(usable):
            log.warning(
                "%d of %d samples have fewer than %d labelled joints and are left out", left, len(wanted), fewest
            )
        self._usable = np.asarray(usable, np.int64)
        self._repeats = np.array([plan.repeat.get(samples[i].source, 1.0) for i in usable], np.float64)
        if not self._repeats.sum() > 0:
            raise InputError("no usable training sample: every source's repeat is 0")
        # Nobody has drawn other skeletons' figures.
        self._drawn = plan.synthetic if skeleton.name in FIGURES else 0.0
        self.epoch_size = max(1, int(self._repeats.sum() / ((1 - self._drawn) * (1 - plan.negative))))
        self._queue: list[int] = []
        self.hardness = Hardness(len(samples))
        maker = ExampleMaker(samples, usable, skeleton, plan)
        room = plan.batch * 3 * max(side for _, side in plan.sizes) ** 2
        self._ahead = Ahead(self._choose, maker, plan.batch, room, workers)

    def state(self) -> dict[str, Any]:
        """What is left of this epoch, what is chosen already, and the memory of losses."""
        return {
            "queue": list(self._queue),
            "ahead": self._ahead.jobs(),
            "losses": self.hardness.losses.tolist(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Back to a saved :meth:`state`. Raises ``InputError`` for one of other data."""
        if len(state["losses"]) != len(self.hardness.losses):
            raise InputError(
                f"the run was made with {len(state['losses'])} samples, now there are {len(self.hardness.losses)}: "
                "resume with the same data, or start anew with --init ema.safetensors"
            )
        self._queue = list(state["queue"])
        self._ahead.restore([(number, seed) for jobs in state["ahead"] for number, seed in jobs])
        self.hardness.losses[:] = state["losses"]

    def draw(self, size: int) -> Batch:
        """The next batch, cropped to ``size``."""
        return self._ahead.draw(size)

    def close(self) -> None:
        """End the workers."""
        self._ahead.close()

    def _choose(self, count: int) -> list[Job]:
        jobs = []
        for _ in range(count):
            if self._rng.random() < self._plan.negative:
                number = EMPTY
            elif self._rng.random() < self._drawn:
                number = DRAWN
            else:
                number = self._next()
            jobs.append((number, int(self._rng.integers(2**62))))
        return jobs

    def _next(self) -> int:
        while not self._queue:
            order = self._shuffled()
            self._queue = order.tolist()
        return self._queue.pop()

    def _shuffled(self) -> NDArray[np.int64]:
        whole = np.floor(self._repeats + self._rng.random(len(self._repeats))).astype(int)
        order = np.repeat(self._usable, whole)
        self._rng.shuffle(order)
        if self._plan.hard > 0 and self.hardness.knows:
            swapped = self._rng.random(len(order)) < self._plan.hard
            chances = self.hardness.chances(self._usable, self._repeats)
            order[swapped] = self._rng.choice(self._usable, int(swapped.sum()), p=chances)
        return order
