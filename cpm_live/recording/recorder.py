"""The recorder thread: draws and encodes results in order; what it cannot keep is counted, never hidden."""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from cpm_live.core.errors import InputError, first_line
from cpm_live.core.pose import Result
from cpm_live.core.whole_file import claimed, whole
from cpm_live.drawing.paint import paint
from cpm_live.drawing.view import View

if TYPE_CHECKING:
    from cpm_live.recording.beside import KeypointsBeside
    from cpm_live.recording.video import VideoWriter

log = logging.getLogger("cpm_live.recording")

MAX_BYTES = 256 << 20
"""Frames that may wait for the encoder: about 10 s of 640x480 at 30 fps."""
_SIDECAR = ".json"
STILL_NS = 1_000_000_000 // 30
"""How long a frame is shown after which the source stood still."""


class Recorder(threading.Thread):
    """Writes results to one video file, each with its pose drawn on its own frame.

    Frames have the times they were taken, less the time for which the source was paused. Beside the video
    ``<name>.json`` tells what was written and what was lost; ``<name>.jsonl`` has the keypoints, if they are wished.

    Args:
        path: ``.mp4`` or ``.mkv``. Where another program has taken the name meanwhile it gets a number.
        done: called on this thread when the file is finished or failed.
        keypoints: a line for each picture, beside the video.
    """

    def __init__(
        self,
        path: Path,
        done: Callable[[Recorder], None],
        max_bytes: int = MAX_BYTES,
        keypoints: bool = False,
    ) -> None:
        super().__init__(name="recorder", daemon=True)
        self.path = path
        self.written = 0
        self.dropped = 0
        self._given = 0
        self.error = ""
        self.empty = False
        """It ended before any picture came, and there is no file."""
        self._done, self._max_bytes, self._with_keypoints = done, max_bytes, keypoints
        self._keypoints: KeypointsBeside | None = None
        self._queue: deque[tuple[Result, View, int]] = deque()
        self._bytes = 0
        self._ending = False
        self._condition = threading.Condition()
        self._seconds = 0.0
        self.skipped = 0
        self._last: tuple[int, int, int] | None = None
        self._at_ns = 0
        self._paused = self._still = False

    def put(self, result: Result, view: View) -> None:
        """Queue a result with what is shown of it; dropped and counted when the queue is full. Never waits."""
        size = _size(result)
        with self._condition:
            if self._ending or self.error:
                return
            self._count(result)
            self._given += 1
            # One always fits, however large it is.
            if self._queue and self._bytes + size > self._max_bytes:
                self.dropped += 1
                return
            self._queue.append((result, view, self._at_ns))
            self._bytes += size
            self._condition.notify()

    def _count(self, result: Result) -> None:
        """What was skipped before this result, and when it is shown in the film."""
        # Not the result itself: its maps and picture would stay for as long as the recorder does.
        last, self._last = self._last, (result.generation, result.frame.index, result.frame.captured_ns)
        if last is None:
            return
        generation, index, captured_ns = last
        if result.generation == generation:
            self.skipped += max(0, result.frame.index - index - 1)
        since = result.frame.captured_ns - captured_ns
        self._at_ns += min(since, STILL_NS) if self._still else since
        self._still = self._paused

    def pause(self, paused: bool) -> None:
        """The source stands still, or goes on: the film does, too."""
        with self._condition:
            self._paused = paused
            self._still = self._still or paused

    def finish(self) -> None:
        """No more results will come; write what is queued and end the file."""
        with self._condition:
            self._ending = True
            self._condition.notify()

    @property
    def seconds(self) -> float:
        """Length of what is written so far."""
        return self._seconds

    def summary(self) -> str:
        """One line for people."""
        text = f"{self.path.name}: {self.written} frames, {self._seconds:.1f} s"
        if self.dropped:
            text += f", {self.dropped} dropped because drawing, encoder or disk was too slow"
        if self.skipped:
            text += f", {self.skipped} skipped because the machine was too slow for every frame"
        return text

    def failure(self) -> str:
        """One line for people: what went wrong, and what there is all the same."""
        if not self.written:
            return self.error
        lost = f", {self.dropped} are lost" if self.dropped else ""
        return f"{self.error}; {self.written} frames ({self._seconds:.1f} s) are kept{lost}"

    def run(self) -> None:
        """The thread's body."""
        writer: VideoWriter | None = None
        try:
            while (item := self._take()) is not None:
                result, view, at_ns = item
                if writer is None:
                    writer = self._writer()
                self._seconds = at_ns / 1e9
                writer.write(paint(result, view), self._seconds)
                if self._keypoints is not None:
                    self._keypoints.write(result, view, self._seconds)
                self.written += 1
            self.empty = writer is None
        except InputError as error:
            self.error = str(error)
        except Exception as error:  # noqa: BLE001 - encoders raise what they like, and nothing may be lost silently
            self.error = f"cannot go on recording {self.path.name}: {first_line(error)}"
        finally:
            self._end(writer)
            if self.error:
                # A window that is being closed shows nothing any more.
                log.error("recording: %s", self.error)
            self._done(self)

    def _writer(self) -> VideoWriter:
        """Of a file that is nobody else's; nothing is left of one that cannot be written."""
        # Loading the encoder takes a tenth of a second, which the window's start can do without.
        from cpm_live.recording.beside import SUFFIX, KeypointsBeside
        from cpm_live.recording.video import SUFFIXES, VideoWriter

        if self.path.suffix.lower() not in SUFFIXES:
            return VideoWriter(self.path)  # which says so
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Both at once: encoder and first picture take a while, in which another program may come.
            wished = self._with_keypoints
            with (
                claimed(self.path, _SIDECAR, *([SUFFIX] if wished else [])) as self.path,
                claimed(self.path.with_suffix(SUFFIX)) if wished else nullcontext() as lines,
            ):
                writer = VideoWriter(self.path, live=True)
            if lines is not None:
                self._keypoints = KeypointsBeside(lines)
            return writer
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error.strerror or error}") from None

    def _end(self, writer: VideoWriter | None) -> None:
        with self._condition:
            self._ending = True
            self.dropped += len(self._queue)
            self._queue.clear()
        if writer is None:
            return
        for ended in (writer, self._keypoints):
            try:
                if ended is not None:
                    ended.close()
            except InputError as error:
                self.error = self.error or str(error)
        if self.error:
            from cpm_live.recording.video import what_is_there

            # More was given to the encoder than has come to the disk.
            self.written, self._seconds = what_is_there(self.path)
            self.dropped = self._given - self.written
        try:
            sidecar = {
                "video": self.path.name,
                "keypoints": self._keypoints.path.name if self._keypoints is not None else None,
                "frames": self.written,
                "seconds": round(self._seconds, 3),
                "dropped_by_recorder": self.dropped,
                "skipped_by_pose": self.skipped,
                "error": self.error,
            }
            with whole(self.path.with_suffix(_SIDECAR)) as temporary:
                temporary.write_text(json.dumps(sidecar, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            self.error = self.error or f"cannot write {self.path.with_suffix(_SIDECAR)}: {error.strerror}"

    def _take(self) -> tuple[Result, View, int] | None:
        with self._condition:
            self._condition.wait_for(lambda: bool(self._queue) or self._ending)
            if not self._queue:
                return None
            item = self._queue.popleft()
            self._bytes -= _size(item[0])
            return item


def _size(result: Result) -> int:
    """Bytes that a queued result holds on to: the picture and all belief maps."""
    return result.frame.image.nbytes + sum(pose.beliefs.nbytes for pose in (*result.poses, *result.hands))
