"""Run a function on a thread of its own and have its answer on the GUI thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal, Slot

log = logging.getLogger("cpm_live.gui")


class Job(QObject):
    """One function, one thread, one answer.

    Args:
        work: runs on the thread; what it returns goes to ``done`` on the thread that made the job.
            It reports failures by what it returns; anything it raises is logged and ``done`` gets None.
    """

    _finished = Signal(object)

    def __init__(self, name: str, work: Callable[[], Any], done: Callable[[Any], None], parent: QObject) -> None:
        super().__init__(parent)
        self._work, self._done = work, done
        self._finished.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self.worker = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self.worker.start()

    def _run(self) -> None:
        try:
            answer = self._work()
        except Exception:
            log.exception("%s failed", self.worker.name)
            answer = None
        try:
            self._finished.emit(answer)
        except RuntimeError:
            # The window went away while we worked; nobody waits for the answer.
            log.debug("%s finished after its window", self.worker.name)

    @Slot(object)
    def _deliver(self, answer: object) -> None:
        self._done(answer)
        self.deleteLater()


def in_background(name: str, work: Callable[[], Any], done: Callable[[Any], None], parent: QObject) -> threading.Thread:
    """Start a :class:`Job`; its thread."""
    job = Job(name, work, done, parent)
    job.start()
    return job.worker
