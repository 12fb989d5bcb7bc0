"""Worker processes that make batches ahead of time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import wait

import cv2

from cpm_live.training.examples import Batch, ExampleMaker, Job

_maker: ExampleMaker | None = None


class Workers:
    """A pool of processes with one maker.

    They are spawned and get their own copy of the encoded pictures. Forked ones would share them, but a fork
    of a process whose OpenCV, ONNX Runtime or torch has threads waits for ever on a lock one of them held.
    They use numpy and OpenCV only, never torch.
    """

    def __init__(self, maker: ExampleMaker, count: int) -> None:
        self._pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _begin, (maker,))

    def submit(self, jobs: list[Job], size: int) -> Future[Batch]:
        """Have this batch made."""
        return self._pool.submit(_make, jobs, size)

    def close(self) -> None:
        """Stop the processes; what is under way is thrown away."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _begin(maker: ExampleMaker) -> None:
    global _maker
    _maker = maker
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


def _make(jobs: list[Job], size: int) -> Batch:
    if _maker is None:
        raise RuntimeError("the worker was not begun")
    return _maker.make(jobs, size)
