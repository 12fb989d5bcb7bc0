"""The finder's last answer: it does not run in every frame, and what it saw is shown until it is stale."""

from __future__ import annotations

from dataclasses import replace

from cpm_live.core.pose import Result

FRESH_S = 1.5
"""After so long the picture has moved on, and the finder's map is not laid over it any more."""


class LastFindings:
    """Remembers the last result in which the finder ran. One thread adds, any may read."""

    def __init__(self) -> None:
        self._last: Result | None = None
        self._seen: float | None = None
        self._began_again = False

    def add(self, result: Result) -> None:
        """Learn from a result; all of them, in order."""
        now = result.frame.media_time
        if result.finder is not None:
            self._last, self._began_again = result, False
        elif now is not None and self._seen is not None and now < self._seen:
            self._began_again = True
        self._seen = now

    def last(self, result: Result) -> Result | None:
        """The last result of the same source in which the finder ran; None where it has not run yet."""
        last = self._last
        return last if last is not None and last.generation == result.generation else None

    def age_s(self, result: Result) -> float:
        """How long before ``result`` the finder ran, in seconds of the source; 0 where it has not run yet."""
        last = self.last(result)
        if last is None:
            return 0.0
        now, then = result.frame, last.frame
        at, before = now.media_time, then.media_time
        if at is not None and before is not None and at >= before and not self._began_again:
            return at - before
        # A camera, or a clip that began again: the same place in it may come by any number of times.
        return max(0.0, (now.captured_ns - then.captured_ns) / 1e9)

    def filled(self, result: Result) -> Result:
        """The result with the finder's last answer, where it has none of its own and that one is fresh."""
        last = self.last(result)
        if result.finder is not None or last is None or self.age_s(result) > FRESH_S:
            return result
        if last.frame.image.shape != result.frame.image.shape:
            return result  # a camera that goes on at another resolution: in other pixels
        return replace(result, finder=last.finder)
