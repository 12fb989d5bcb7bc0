"""The capture thread: reads, stamps and hands on; it never waits for whoever takes the frames."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from cpm_live.capture.base import Held, LeavesOut, Renamed, Seekable, Source, SourceInfo, SourceLost
from cpm_live.capture.open import SourceRequest, open_source
from cpm_live.core.address import without_password
from cpm_live.core.errors import InputError, first_line
from cpm_live.core.frame import Frame

BACK_OFF = (0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts to reopen a lost camera; the last one repeats."""
_STEPS = 3
"""Steps that may wait for their frames."""
_STEADY_S = 10.0
"""What delivered for so long had been well: its loss is a new one, and is mended as quickly as the first."""


@dataclass(frozen=True, slots=True)
class CaptureEvent:
    """What the capture thread has to say.

    Attributes:
        kind: ``opened``, ``failed`` (could not be opened), ``lost`` (trying again), ``ended`` or ``note``
            (something was left out).
        message: one line for people; empty for ``opened``.
        info: the source, once known.
    """

    kind: str
    message: str = ""
    info: SourceInfo | None = None


class CaptureThread(threading.Thread):
    """Opens a source on its own thread and reads it until stopped.

    Args:
        deliver: takes each frame; must not wait.
        tell: takes events; must not wait.
        opener: opens the source; a fake one in tests.
    """

    def __init__(
        self,
        request: SourceRequest,
        deliver: Callable[[Frame], None],
        tell: Callable[[CaptureEvent], None],
        opener: Callable[[SourceRequest], Source] = open_source,
    ) -> None:
        super().__init__(name="capture", daemon=True)
        self.request = request
        self._deliver, self._tell, self._opener = deliver, tell, opener
        self._stop_asked = threading.Event()
        self._running = threading.Event()
        self._running.set()
        self._steps, self._counting = 0, threading.Lock()
        self._sought: float | None = None
        self._backs = 0
        self._shown_at: float | None = None
        self._woken = threading.Event()
        self._left_out = self._unseen = 0
        self._attempts, self._opened, self._delivered = 0, 0.0, 0.0

    def stop(self) -> None:
        """Ask the thread to end; it does so after the frame it is waiting for."""
        self._stop_asked.set()
        self._running.set()
        self._woken.set()

    def pause(self, paused: bool) -> None:
        """Stop reading, or go on. What a live stream sends meanwhile is read and thrown away: else it would wait in
        the connection's buffers, and come late and at once. A live camera goes on filling its own."""
        if paused:
            self._running.clear()
        else:
            self._running.set()
            self._woken.set()

    def step(self) -> None:
        """While paused: read one frame more. A key held down asks more often than frames come: few wait."""
        with self._counting:
            self._steps = min(self._steps + 1, _STEPS)
        self._woken.set()

    def seek(self, seconds: float) -> None:
        """Go on at this time of a file, also while paused; of several wishes the last one counts."""
        with self._counting:
            self._sought, self._backs = seconds, 0
        self._woken.set()

    def back(self) -> None:
        """Go to the picture of a file before the last one; of a key that is held few wait, as for :meth:`step`."""
        with self._counting:
            self._backs = min(self._backs + 1, _STEPS)
        self._woken.set()

    def run(self) -> None:
        """The thread's body."""
        try:
            source = self._opener(self.request)
        except Exception as error:  # noqa: BLE001 - decoders raise what they like, and the window waits for word
            self._tell(CaptureEvent("failed", self._line(error)))
            return
        self._opened = time.monotonic()
        # Whoever pauses while it opens still wants to see what was opened.
        first, shown = True, None
        try:
            self._tell(CaptureEvent("opened", info=(told := source.info)))
            while not self._stop_asked.is_set():
                self._woken.clear()
                if (sought := self._take_seek()) is not None and isinstance(source, Seekable) and source.info.seconds:
                    source.seek(*sought, self._still_sought)
                    first, shown = True, None  # what stands there is to be seen
                paused = not (first or self._running.is_set())
                unseen = paused and not self._take_step()
                if unseen and not (source.info.live and source.info.kind == "stream"):
                    self._woken.wait()
                    continue
                if paused and isinstance(source, Held):
                    source.next_picture()
                if not (paused or first):
                    self._steps = 0  # asked for while it stood still, which is over
                first = False
                lost, frame = None, None
                try:
                    frame = source.read()
                except SourceLost as error:
                    lost = str(error)
                if lost is not None:
                    # Not while the error is dealt with: what is opened then remembers it (PyAV does), and with it the
                    # stream that was lost; of a camera that comes and goes for days all of them would stay.
                    self._tell(CaptureEvent("lost", f"{lost}; reconnecting", source.info))
                    source.close()
                    reopened = self._reopen(source)
                    if reopened is None:
                        return
                    source, told = reopened, reopened.info
                    continue
                self._tell_left_out(source)
                if frame is None:
                    self._tell(CaptureEvent("ended", f"{source.info.label} has ended", source.info))
                    return
                self._delivered = time.monotonic()
                if frame.image is not shown:
                    # Of a picture that stands for long, when it came.
                    shown, self._shown_at = frame.image, frame.media_time
                if source.info is not told:
                    self._tell(CaptureEvent("opened", info=(told := source.info)))
                if unseen:
                    self._unseen += 1
                    continue
                # Frames that were thrown away while paused are taken off: a recorder would count them as lost.
                self._deliver(replace(frame, index=frame.index - self._unseen) if self._unseen else frame)
        except Exception as error:  # noqa: BLE001 - as above
            self._tell(CaptureEvent("failed", self._line(error), source.info))
        finally:
            source.close()

    def _take_seek(self) -> tuple[float, bool] | None:
        """The time that is wished for, and whether the picture before it is."""
        with self._counting:
            sought, self._sought = self._sought, None
            if sought is not None:
                return sought, False
            if self._backs and self._shown_at is not None:
                self._backs -= 1
                return self._shown_at, True
            self._backs = 0
            return None

    def _still_sought(self) -> bool:
        return self._sought is None and not self._stop_asked.is_set()

    def _take_step(self) -> bool:
        with self._counting:
            asked = self._steps > 0
            self._steps -= asked
        return asked

    def _tell_left_out(self, source: Source) -> None:
        if not isinstance(source, LeavesOut) or len(source.left_out) <= self._left_out:
            return
        new = source.left_out[self._left_out :]
        self._left_out = len(source.left_out)
        others = f" and {len(new) - 1} more" if len(new) > 1 else ""
        self._tell(CaptureEvent("note", f"left out {new[0]}{others}: damaged, or of a kind that is not read here"))

    def _line(self, error: Exception) -> str:
        if isinstance(error, InputError):
            return str(error)
        return f"cannot use {without_password(self.request.text)}: {first_line(error)}"

    def _reopen(self, lost: Source) -> Source | None:
        if self._delivered - self._opened > _STEADY_S:
            self._attempts = 0
        while not self._stop_asked.wait(BACK_OFF[min(self._attempts, len(BACK_OFF) - 1)]):
            self._attempts += 1
            try:
                name = lost.name_now(self.request.text) if isinstance(lost, Renamed) else self.request.text
                source = self._opener(replace(self.request, text=name))
            except Exception as error:  # noqa: BLE001 - as above
                line = f"{lost.info.kind} lost: {self._line(error)}; reconnecting (attempt {self._attempts})"
                self._tell(CaptureEvent("lost", line))
                continue
            self._opened, self._unseen = time.monotonic(), 0
            # Whoever opens it anew, be it for another resolution, must not look for it where it was.
            self._tell(CaptureEvent("opened", info=replace(source.info, name_now=name)))
            return source
        return None
