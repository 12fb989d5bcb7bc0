"""Worker processes that make batches ahead of time."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from queue import SimpleQueue
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.training.examples import Batch, ExampleMaker, Job

_maker: ExampleMaker | None = None
_slots: list[NDArray[np.uint8]] = []


@dataclass(frozen=True, slots=True)
class Pending:
    """A batch under way: all of it but the pictures, and the number of the slot where those will lie, (N, 3, size,
    size)."""

    future: Future[Batch]
    slot: int
    shape: tuple[int, int, int, int]


class Workers:
    """A pool of processes with one maker.

    They are spawned and get their own copy of the encoded pictures. Forked ones would share them, but a fork
    of a process whose OpenCV, ONNX Runtime or torch has threads waits for ever on a lock one of them held.
    They use numpy and OpenCV only, never torch.

    The crops come back through shared memory: through the pool's pipe, a trainer that keeps a GPU busy gets a few
    dozen megabytes a second only.

    Args:
        count: processes.
        room: the most bytes that a batch's pictures take.
        ahead: so many batches are under way or waiting at most; one more waits for the first to be taken.
    """

    def __init__(self, maker: ExampleMaker, count: int, room: int, ahead: int) -> None:
        context = multiprocessing.get_context("spawn")
        shared = [context.RawArray("B", room) for _ in range(ahead)]
        self._slots = [np.frombuffer(slot, np.uint8) for slot in shared]
        self._free: SimpleQueue[int] = SimpleQueue()
        for slot in range(ahead):
            self._free.put(slot)
        self._pool = ProcessPoolExecutor(count, context, _begin, (maker, shared))

    def submit(self, jobs: list[Job], size: int) -> Pending:
        """Have this batch made."""
        slot = self._free.get()
        return Pending(self._pool.submit(_make, jobs, size, slot), slot, (len(jobs), 3, size, size))

    def take(self, pending: Pending) -> Batch:
        """The batch, once it is made."""
        batch = pending.future.result()
        room = self._slots[pending.slot][: math.prod(pending.shape)]
        whole = replace(batch, images=room.reshape(pending.shape).copy())
        self._free.put(pending.slot)
        return whole

    def drop(self, pending: Pending) -> None:
        """It is not wanted any more."""
        pending.future.cancel()
        # Only now: a worker may be writing there.
        pending.future.add_done_callback(lambda _: self._free.put(pending.slot))

    def close(self) -> None:
        """Stop the processes; what is under way is thrown away."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _begin(maker: ExampleMaker, shared: list[Any]) -> None:
    global _maker, _slots
    _maker, _slots = maker, [np.frombuffer(slot, np.uint8) for slot in shared]
    cv2.setNumThreads(1)
    # Ctrl-C and SIGTERM may reach the whole group: the trainer decides when its workers end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A trainer killed with SIGKILL cannot stop its workers: they watch it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _make(jobs: list[Job], size: int, slot: int) -> Batch:
    """A batch without its pictures: they lie in the slot."""
    if _maker is None:
        raise RuntimeError("the worker was not begun")
    batch = _maker.make(jobs, size)
    _slots[slot][: batch.images.size] = batch.images.reshape(-1)
    return replace(batch, images=batch.images[:0])
