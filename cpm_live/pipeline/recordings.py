"""The recordings of a live session: one at a time, and those before it that are still being finished."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cpm_live.core.pose import Result
from cpm_live.drawing.view import View
from cpm_live.pipeline.events import Event
from cpm_live.recording.recorder import Recorder


class Recordings:
    """Starts and ends them, and tells what becomes of them.

    Args:
        tell: takes events, on any thread.
    """

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self.current: Recorder | None = None
        """The recorder at work, if any."""
        self._finishing: list[Recorder] = []

    def start(self, path: Path, keypoints: bool, paused: bool) -> None:
        """Begin one; a second one beside it ``recording-failed``."""
        if self.current is not None:
            line = f"cannot record {path.name}: {self.current.path.name} is still being recorded"
            self._tell(Event("recording-failed", line, path=path))
            return
        self.current = Recorder(path, self._done, keypoints=keypoints)
        self.current.pause(paused)
        # Before it can fail, which would be told first.
        self._tell(Event("recording", f"recording {path.name}", path=path))
        self.current.start()

    def stop(self) -> None:
        """Finish the file in the background; an event follows."""
        recorder, self.current = self.current, None
        if recorder is not None:
            self._finishing = [*(other for other in self._finishing if other.is_alive()), recorder]
            recorder.finish()

    def pause(self, paused: bool) -> None:
        """The source stands still, or goes on."""
        if self.current is not None:
            self.current.pause(paused)

    def put(self, result: Result, view: View) -> None:
        """What is to be recorded, if anything is."""
        recorder = self.current
        if recorder is not None:
            recorder.put(result, view)

    def end(self, timeout: float) -> bool:
        """Wait until all that were stopped are finished, each for so long; whether they are."""
        for recorder in self._finishing:
            recorder.join(timeout)
        return not any(recorder.is_alive() for recorder in self._finishing)

    def _done(self, recorder: Recorder) -> None:
        if self.current is recorder:
            self.current = None
        if recorder.empty:
            self._tell(Event("recording-empty", "nothing was recorded: no picture came meanwhile", path=recorder.path))
        elif recorder.error:
            self._tell(Event("recording-failed", recorder.failure(), path=recorder.path))
        else:
            self._tell(Event("recording-done", recorder.summary(), path=recorder.path))
