"""Batch: a whole input through the machine, as fast as it goes, into annotated video and keypoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cpm_live.capture.base import Film, Named, Source, SourceLost
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Result
from cpm_live.core.skeleton import HAND
from cpm_live.drawing.paint import paint
from cpm_live.drawing.stages import LARGEST, WIDEST, paint_stages
from cpm_live.drawing.view import View
from cpm_live.engines.recipe import find
from cpm_live.pipeline.hands_beside import hand_limits
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.recording.keypoint_table import KeypointTable
from cpm_live.recording.keypoints import KeypointWriter, limits, since
from cpm_live.recording.sinks import VideoSink, open_sink
from cpm_live.recording.text_file import refuse_unwritable

LINE_SUFFIXES = ("", ".jsonl", ".ndjson", ".json", ".txt")
_TABLE = ".csv"


class _Lines(Protocol):
    def write(self, result: Result, time: float, name: str | None = None) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Summary:
    """What a batch did.

    Attributes:
        frames: pictures read; with_pose: those where somebody was seen.
        people: how many different track numbers there were; left_out: frames in which somebody was left out because
            ``Options.people`` allows no more.
        seconds: length of the input, 0 for pictures.
        cancelled: stopped before the end; what is written so far is whole.
        sound_lost: what is missing of the film's sound, for people; empty where nothing is.
    """

    frames: int
    with_pose: int
    seconds: float
    cancelled: bool = False
    people: int = 0
    left_out: int = 0
    sound_lost: str = ""


def _lines(path: Path, machine: PoseMachine, about: dict[str, Any], every_stage: bool) -> _Lines:
    if path.suffix.lower() == _TABLE:
        return KeypointTable(path, every_stage)
    own = machine.options.thresholds(machine.recipe)
    about = about | limits(own.joint, own.hollow)
    if not machine.with_hands:
        return KeypointWriter(path, machine.recipe.skeleton, about, every_stage=every_stage)
    hands = hand_limits(find("hand"))
    more = limits(hands.joint, hands.hollow)
    return KeypointWriter(path, machine.recipe.skeleton, about, HAND, more, every_stage)


class Asked:
    """Asks whether to stop, and remembers the answer: an input that ended by itself was not cancelled."""

    def __init__(self, stop: Callable[[], bool]) -> None:
        self._stop = stop
        self.said = False

    def __call__(self) -> bool:
        """Whether to stop now."""
        self.said = self._stop()
        return self.said


def each_frame(source: Source, stop: Callable[[], bool]) -> Iterator[tuple[Frame, float, str | None]]:
    """All frames of an input, with the seconds since the first and, of pictures, their file's name.

    Args:
        stop: asked before each frame; True ends it.
    """
    frames, first_ns, info = 0, 0, source.info
    while not stop():
        try:
            frame = source.read()
        except SourceLost as error:
            # The end of a live stream is the end of the input; whatever breaks off or falls silent has not ended.
            if not stop() and not (error.ended and frames and info.kind == "stream" and info.live):
                raise
            return
        if frame is None:
            return
        frames += 1
        first_ns = first_ns or frame.captured_ns
        seconds = frame.media_time if frame.media_time is not None else (frame.captured_ns - first_ns) / 1e9
        yield frame, seconds, source.current.name if info.unrelated and isinstance(source, Named) else None


def run_batch(
    source: Source,
    machine: PoseMachine,
    out: Path | None,
    keypoints: Path | None,
    view: View | None = None,
    tell: Callable[[int, Result], None] = lambda done, result: None,
    stop: Callable[[], bool] = lambda: False,
    every_stage: bool = False,
    sound: bool = True,
    stages: bool = False,
) -> Summary:
    """Estimate every frame of a source; none is skipped.

    Args:
        out: annotated video (``.mp4``, ``.mkv``), picture, or folder of pictures; None for none.
        keypoints: JSON-lines file, or a table if it ends in ``.csv``; None for none.
        view: what is drawn.
        tell: called after each frame with how many are done.
        stop: asked before each frame; True ends early with whole files.
        every_stage: keypoints of all stages, not of the last one alone.
        sound: the annotated video of a film has the film's.
        stages: what is drawn are all stages side by side.

    Raises:
        InputError: damaged input, or a file that cannot be written.
    """
    view = view or View()
    # Nobody of the input before is in this one.
    machine.reset()
    if keypoints is not None:
        # Before the film is opened: where keypoints cannot be written, a film of before must not have been emptied.
        if keypoints.suffix.lower() not in (*LINE_SUFFIXES, _TABLE):
            raise InputError(f"cannot write {keypoints}: keypoints are JSON lines (.jsonl) or a table (.csv)")
        refuse_unwritable(keypoints)
    sink = open_sink(out, source, sound) if out else None
    widest = WIDEST if isinstance(sink, VideoSink) else LARGEST
    info = source.info
    about = {
        "model": machine.recipe.name,
        "source": info.label,
        "width": info.width,
        "height": info.height,
        "fps": info.fps,
        # Pictures that have nothing to do with each other are not smoothed over.
        "smoothing": 0.0 if info.unrelated else machine.options.smoothing,
    }
    if isinstance(source, Film) and not info.live:
        about["begins"] = round(info.late, 6)
    frames, seen, seconds, sound_lost = 0, 0, 0.0, ""
    people: set[int] = set()
    left_out = 0
    asked = Asked(stop)
    lines: _Lines | None = None
    try:
        for frame, seconds, name in each_frame(source, asked):
            if keypoints is not None and lines is None:
                # Not before: of what is live it is the first frame that tells when times begin.
                lines = _lines(keypoints, machine, about | (since(frame) if info.live else {}), every_stage)
            result = machine.find(frame) if source.info.unrelated else machine(frame)
            if sink:
                sink.write(paint_stages(result, view, widest) if stages else paint(result, view), seconds, name)
            if lines:
                lines.write(result, seconds, name)
            frames += 1
            seen += bool(result.poses)
            people |= {pose.id for pose in result.poses}
            left_out += bool(result.left_out)
            tell(frames, result)
        # Of an input that was stopped before its first frame nothing is known: like the film, what lay there stays.
        if keypoints is not None and lines is None and not asked.said:
            lines = _lines(keypoints, machine, about, every_stage)
    finally:
        try:
            if sink:
                # The last picture of slides and of recorded screens stands for long.
                sound_lost = sink.close(source.ends if isinstance(source, Film) else 0.0)
        finally:
            if lines:
                lines.close()
    return Summary(frames, seen, seconds, asked.said, len(people), left_out, sound_lost)
