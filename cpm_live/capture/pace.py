"""Pacing: each frame at its time, for sources that could give them all at once."""

from __future__ import annotations

import time

_PAUSE = 0.25
"""Seconds between two reads: a longer time is a pause, in which the clock stood still."""
LONGEST = 1.0
"""Seconds that one read waits at most, so that a stop is heard."""


class Pace:
    """A clock that begins with the first frame. A read is ``enter``, ``wait``, ``leave``."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """The next frame is the first one."""
        self._started = time.perf_counter()
        self._left: float | None = None

    def enter(self) -> None:
        """A read begins. After a pause the frames go on where they stood, without racing to catch up."""
        away = time.perf_counter() - self._left if self._left is not None else 0.0
        if away > _PAUSE:
            self._started += away

    def ahead(self, seconds: float) -> float:
        """How long it is until then, in seconds from the first frame."""
        return self._started + seconds - time.perf_counter()

    def skip(self, seconds: float) -> None:
        """All that comes, comes so much sooner."""
        self._started -= seconds

    def wait(self, seconds: float) -> None:
        """Until a frame's time, in seconds from the first; what is left of a longer gap is skipped."""
        ahead = self.ahead(seconds)
        if ahead > 0:
            time.sleep(min(ahead, LONGEST))
            self.skip(max(0.0, ahead - LONGEST))
        elif ahead < -LONGEST:
            self.skip(ahead)

    def leave(self) -> None:
        """The read is over."""
        self._left = time.perf_counter()
