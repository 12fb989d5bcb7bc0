"""When the finder runs: always while nobody is followed, now and then otherwise, soon when beliefs drop."""

from __future__ import annotations

SOON = 3
"""Frames from one run to the next while somebody is hard to see."""
_ASSUMED_FPS = 25.0
"""``every`` frames last at most this long, so that a slow machine still finds people within half a second."""


class Schedule:
    """Counts frames and seconds since the last run."""

    def __init__(self) -> None:
        self._frames = 0
        self._ran_s: float | None = None

    def due(self, now: float, following: int, worried: bool, every: int, idle: int = 1) -> bool:
        """Whether to run in this frame; call once a frame.

        Args:
            now: seconds on the machine's clock.
            following: how many are followed.
            worried: somebody was lost just now, or is hardly believed in.
            every: frames between runs while all is well.
            idle: frames between runs while nobody is followed.
        """
        self._frames += 1
        late = self._ran_s is None or self._frames >= every or now - self._ran_s >= every / _ASSUMED_FPS - 1e-6
        if (
            (following == 0 and (self._ran_s is None or self._frames >= idle))
            or late
            or (worried and self._frames >= SOON)
        ):
            self._frames, self._ran_s = 0, now
            return True
        return False

    def reset(self) -> None:
        """Due at once."""
        self._frames, self._ran_s = 0, None
