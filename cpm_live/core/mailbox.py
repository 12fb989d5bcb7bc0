"""A mailbox of one slot: the newest thing wins, and what it replaced is counted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """One slot between two threads.

    ``put`` replaces what is there and never waits; ``take`` waits. Both are one critical section each.

    Args:
        on_full: called (outside the lock, on the putting thread) only when the slot goes from empty to
            full: the cue for a consumer that cannot wait, such as an event loop.
    """

    def __init__(self, on_full: Callable[[], None] | None = None) -> None:
        self._condition = threading.Condition()
        self._item: T | None = None
        self._closed = False
        self._skipped = 0
        self._on_full = on_full

    def put(self, item: T) -> None:
        """Place an item, replacing one that nobody took. Ignored after :meth:`close`."""
        with self._condition:
            if self._closed:
                return
            was_empty = self._item is None
            if not was_empty:
                self._skipped += 1
            self._item = item
            self._condition.notify()
        if was_empty and self._on_full is not None:
            self._on_full()

    def take(self, timeout: float | None = None) -> T | None:
        """The newest item, waiting for one; None after ``timeout`` seconds or once closed and empty."""
        with self._condition:
            self._condition.wait_for(lambda: self._item is not None or self._closed, timeout)
            item, self._item = self._item, None
            return item

    def take_now(self) -> T | None:
        """The newest item, or None if there is none; never waits."""
        with self._condition:
            item, self._item = self._item, None
            return item

    def clear(self) -> None:
        """Throw away what is there (it does not count as skipped)."""
        with self._condition:
            self._item = None

    def close(self) -> None:
        """Wake everybody who waits; later puts are ignored."""
        with self._condition:
            self._closed = True
            self._item = None
            self._condition.notify_all()

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    @property
    def skipped(self) -> int:
        """How many items were replaced before anybody took them."""
        with self._condition:
            return self._skipped
