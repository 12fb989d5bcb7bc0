"""Batches made ahead of time: chosen in order, made here or in worker processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from cpm_live.training.workers import Made, Maker, Pending, Workers

J = TypeVar("J")
M = TypeVar("M", bound=Made)


@dataclass(slots=True)
class _Chosen(Generic[J, M]):
    """A batch chosen ahead of time, and perhaps under way in a worker."""

    jobs: list[J]
    size: int = 0
    made: Pending[M] | None = None


class Ahead(Generic[J, M]):
    """A queue of batches.

    All choices are made here, in order; a maker makes the same batch of the same jobs in whichever process. So the
    batches are the same with any number of workers, and what was chosen but not yet used can be saved.

    Args:
        choose: the next so many jobs.
        batch: jobs of one batch.
        room: the most bytes that the large arrays of a batch take, see :class:`workers.Made`.
        workers: processes that make batches ahead; 0 makes them here when they are asked for.
    """

    def __init__(
        self, choose: Callable[[int], list[J]], maker: Maker[J, M], batch: int, room: int, workers: int = 0
    ) -> None:
        self._choose, self._maker, self._batch = choose, maker, batch
        self._depth = 2 * workers
        self._workers = Workers(maker, workers, room, self._depth + 1) if workers else None
        self._chosen: deque[_Chosen[J, M]] = deque()

    def jobs(self) -> list[list[J]]:
        """What is chosen and not yet drawn, batch by batch."""
        return [chosen.jobs for chosen in self._chosen]

    def restore(self, jobs: list[J]) -> None:
        """Have these drawn next. Batches may have another size than when they were chosen."""
        size = self._batch
        self._chosen = deque(_Chosen(jobs[at : at + size]) for at in range(0, len(jobs), size))
        if self._chosen and (missing := size - len(self._chosen[-1].jobs)):
            self._chosen[-1].jobs.extend(self._choose(missing))

    def draw(self, size: int) -> M:
        """The next batch, with pictures of this side."""
        while len(self._chosen) <= self._depth:
            self._chosen.append(_Chosen(self._choose(self._batch)))
        if self._workers is not None:
            # No more than there is room for: a run with more workers, or larger batches, had more of them ahead.
            for chosen in islice(self._chosen, self._depth + 1):
                if chosen.size != size:
                    # Pictures grow now and then: what was begun at the old size is begun again.
                    if chosen.made is not None:
                        self._workers.drop(chosen.made)
                    chosen.size, chosen.made = size, self._workers.submit(chosen.jobs, size)
        first = self._chosen.popleft()
        if self._workers is not None and first.made is not None:
            return self._workers.take(first.made)
        return self._maker.make(first.jobs, size)

    def close(self) -> None:
        """End the workers."""
        if self._workers is not None:
            self._workers.close()
            self._workers = None
            for chosen in self._chosen:
                chosen.size, chosen.made = 0, None
