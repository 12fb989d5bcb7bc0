"""The gate between source and worker: what nobody sees, records or is sent is not estimated."""

from __future__ import annotations

import threading
from collections.abc import Callable

from cpm_live.core.frame import Frame
from cpm_live.core.mailbox import Mailbox


class Gate:
    """Lets frames through to the worker's mailbox while somebody wants to know who is in them.

    The first frame of each source goes through in any case: a window that is opened minimised loads its model, and has
    a picture. Whoever looks again is given the newest one at once, as a source that was paused gives none.

    Args:
        used: whether results are wanted though nobody looks, as for a recording. Asked with each frame.

    Attributes:
        frames: here the worker takes them.
    """

    def __init__(self, used: Callable[[], bool]) -> None:
        self.frames: Mailbox[tuple[int, Frame]] = Mailbox()
        self._used = used
        self._watched = True
        self._lock = threading.Lock()
        self._generation: int | None = None
        self._kept: tuple[int, Frame] | None = None

    def put(self, generation: int, frame: Frame) -> None:
        """A frame of a source. Never waits."""
        with self._lock:
            first, self._generation = generation != self._generation, generation
            if self._watched or first or self._used():
                self._kept = None
                self.frames.put((generation, frame))
            else:
                self._kept = generation, frame

    def watch(self, on: bool) -> None:
        """Somebody looks at what is found, or nobody does: the window is minimised."""
        with self._lock:
            self._watched = on
            kept, self._kept = self._kept, None
            if on and kept is not None:
                self.frames.put(kept)
            elif not on:
                self._kept = kept

    def clear(self) -> None:
        """Throw away what waits."""
        with self._lock:
            self._kept = None
            self.frames.clear()
