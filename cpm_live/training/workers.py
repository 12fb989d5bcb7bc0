"""Worker processes that make batches ahead of time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from queue import SimpleQueue
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.core.errors import InputError


class Made(Protocol):
    """A batch: a dataclass of arrays.

    Attributes:
        large: names of the arrays that come back through shared memory.
    """

    large: ClassVar[tuple[str, ...]]
    __dataclass_fields__: ClassVar[dict[str, Any]]


J = TypeVar("J")
M = TypeVar("M", bound=Made)
MadeT = TypeVar("MadeT", bound=Made, covariant=True)


class Maker(Protocol[J, MadeT]):
    """Makes batches of jobs; it is copied into every process."""

    def make(self, jobs: list[J], size: int) -> MadeT:
        """The batch, with pictures of this side."""
        ...


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a slot a large array lies."""

    name: str
    start: int
    shape: tuple[int, ...]
    kind: str

    def within(self, slot: NDArray[np.uint8]) -> NDArray[Any]:
        """It, or the room for it."""
        kind = np.dtype(self.kind)
        count = int(np.prod(self.shape))
        return slot[self.start : self.start + count * kind.itemsize].view(kind).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class Pending(Generic[M]):
    """A batch under way: all of it but the large arrays, where in its slot those will lie, and the slot's number."""

    future: Future[tuple[M, list[_Place]]]
    slot: int


_maker: Maker[Any, Any] | None = None
_slots: list[NDArray[np.uint8]] = []
_ALIGNED = 64
SPARE = 16 * _ALIGNED
"""Of a slot: between its arrays."""
_TRAINERS = (signal.SIGINT, signal.SIGTERM)
_PATIENCE_S = 5.0
"""Seconds that batches which are under way at the end may take."""


class Workers(Generic[J, M]):
    """A pool of processes with one maker.

    They are spawned and get their own copy of the encoded pictures. Forked ones would share them, but a fork
    of a process whose OpenCV, ONNX Runtime or torch has threads waits for ever on a lock one of them held.
    They use numpy and OpenCV only, never torch.

    The large arrays come back through shared memory: through the pool's pipe, a trainer that keeps a GPU busy gets a
    few dozen megabytes a second only.

    Args:
        count: processes.
        room: the most bytes that a batch's large arrays take.
        ahead: so many batches are under way or waiting at most; one more waits for the first to be taken.
    """

    def __init__(self, maker: Maker[J, M], count: int, room: int, ahead: int) -> None:
        context = multiprocessing.get_context("spawn")
        shared = [context.RawArray("B", room + SPARE) for _ in range(ahead)]
        self._slots = [np.frombuffer(slot, np.uint8) for slot in shared]
        self._free: SimpleQueue[int] = SimpleQueue()
        for slot in range(ahead):
            self._free.put(slot)
        self._pool = ProcessPoolExecutor(count, context, _begin, (maker, shared))

    def submit(self, jobs: list[J], size: int) -> Pending[M]:
        """Have this batch made. Raises ``InputError`` where a process was ended."""
        slot = self._free.get()
        try:
            with _not_interrupted():
                return Pending(self._pool.submit(_make, jobs, size, slot), slot)
        except BrokenProcessPool:
            raise self._broken() from None

    def take(self, pending: Pending[M]) -> M:
        """The batch, once it is made. Raises ``InputError`` where a process was ended."""
        try:
            batch, places = pending.future.result()
        except BrokenProcessPool:
            raise self._broken() from None
        slot = self._slots[pending.slot]
        whole: M = replace(batch, **{place.name: place.within(slot).copy() for place in places})
        self._free.put(pending.slot)
        return whole

    def drop(self, pending: Pending[M]) -> None:
        """It is not wanted any more."""
        pending.future.cancel()
        # Only now: a worker may be writing there.
        pending.future.add_done_callback(lambda _: self._free.put(pending.slot))

    def _broken(self) -> InputError:
        self.close()
        return InputError(
            "a process that made batches was ended, perhaps for want of memory; go on with --resume and fewer --workers"
        )

    def close(self) -> None:
        """Stop the processes; what is under way is thrown away."""
        # Where one was killed the pool asks the others to end and waits for them; but they leave that to the trainer,
        # who kills what is left.
        processes = list((self._pool._processes or {}).values())
        whole = all(process.is_alive() for process in processes)

        def kill() -> None:
            for process in processes:
                process.kill()

        late = threading.Timer(_PATIENCE_S if whole else 0.0, kill)
        late.daemon = True
        late.start()
        try:
            self._pool.shutdown(wait=True, cancel_futures=True)
        finally:
            late.cancel()


@contextmanager
def _not_interrupted() -> Iterator[None]:
    """Processes that are started inside hear nothing of Ctrl-C and SIGTERM, which may reach the whole group, also while
    they do not know yet that those are the trainer's (see :func:`_begin`). The trainer hears of them afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    # First, since its start ends with both let in again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _TRAINERS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(maker: Maker[Any, Any], shared: list[Any]) -> None:
    global _maker, _slots
    _maker, _slots = maker, [np.frombuffer(slot, np.uint8) for slot in shared]
    cv2.setNumThreads(1)
    # The trainer decides when its workers end.
    for number in _TRAINERS:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A trainer killed with SIGKILL cannot stop its workers: they watch it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _make(jobs: list[Any], size: int, slot: int) -> tuple[Any, list[_Place]]:
    """A batch without its large arrays: they lie in the slot."""
    if _maker is None:
        raise RuntimeError("the worker was not begun")
    batch = _maker.make(jobs, size)
    places, start = [], 0
    for name in batch.large:
        array: NDArray[Any] = getattr(batch, name)
        places.append(_Place(name, start, array.shape, array.dtype.str))
        places[-1].within(_slots[slot])[...] = array
        start += -(-array.nbytes // _ALIGNED) * _ALIGNED
    return replace(batch, **{name: getattr(batch, name)[:0] for name in batch.large}), places
