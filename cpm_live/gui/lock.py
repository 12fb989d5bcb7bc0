"""Has the lock taken hold, and is it over? The machine decides; the window hears of it in results."""

from __future__ import annotations

import time

from cpm_live.core.pose import Result
from cpm_live.pipeline.options import Lock

_PATIENCE_S, _PATIENCE_RESULTS = 2.5, 8
"""So long, and so many results, the machine may take to find whom was pointed at: it gives up after a second of
its own clock, which a slow machine stretches."""


class LockWatch:
    """From the wish to lock until its end."""

    def __init__(self) -> None:
        self._asked_ns: int | None = None
        self._waited, self._since_ns = 0, 0
        self._holds: int | None = None
        self._before: int | None = None
        self._last: int | None = None

    def asked(self, lock: Lock) -> None:
        """Somebody was pointed at just now."""
        self._asked_ns, self._waited, self._holds = time.perf_counter_ns(), 0, None
        # A result that is under way may still tell of the lock before.
        self._before = None if lock == self._last else self._last

    def released(self) -> None:
        """The person at the screen wants no lock any more."""
        self._asked_ns = self._holds = None

    def take(self, result: Result) -> str:
        """Learn from a result; a line for the person where the lock has ended by itself, else empty."""
        self._last = result.locked
        if self._asked_ns is None or result.finished_ns < self._asked_ns:
            return ""
        if result.locked is not None and result.locked == self._before:
            return ""
        self._before = None
        if result.locked is not None:
            self._holds = result.locked
            return ""
        self._waited += 1
        if self._waited == 1:
            # Not since the wish: the picture may have stood still meanwhile.
            self._since_ns = result.finished_ns
        if self._holds is not None:
            gone = self._holds
            self.released()
            return f"The lock is released: #{gone} has left."
        if self._waited >= _PATIENCE_RESULTS and (result.finished_ns - self._since_ns) / 1e9 > _PATIENCE_S:
            self.released()
            return "Nobody was found there. Double-click a person to lock on them."
        return ""
