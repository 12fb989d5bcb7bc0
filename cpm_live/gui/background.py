"""Run a function on a thread of its own and have its answer on the GUI thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal, Slot
from shiboken6 import isValid

log = logging.getLogger("cpm_live.gui")


class Job(QObject):
    """One function, one thread, one answer.

    Args:
        work: runs on the thread; what it returns goes to ``done`` on the thread that made the job.
            It reports failures by what it returns; anything it raises is logged and ``done`` gets None.
        parent: ``done`` is not called once that is gone.
    """

    _finished = Signal(object)

    def __init__(self, name: str, work: Callable[[], Any], done: Callable[[Any], None], parent: QObject) -> None:
        # Not the parent's child: Qt would take it apart with that, perhaps while the thread gives its answer.
        super().__init__()
        self._work, self._done, self._owner = work, done, parent
        _AT_WORK.add(self)
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
            # The application is over, and Qt has taken apart what there was of it.
            log.debug("%s finished after the application", self.worker.name)

    @Slot(object)
    def _deliver(self, answer: object) -> None:
        _AT_WORK.discard(self)
        if isValid(self._owner):
            self._done(answer)
        else:
            # The window went away while we worked; nobody waits for the answer.
            log.debug("%s finished after its window", self.worker.name)
        self.deleteLater()


_AT_WORK: set[Job] = set()
"""Those whose answer has not been taken."""


def in_background(name: str, work: Callable[[], Any], done: Callable[[Any], None], parent: QObject) -> threading.Thread:
    """Start a :class:`Job`; its thread."""
    job = Job(name, work, done, parent)
    job.start()
    return job.worker
