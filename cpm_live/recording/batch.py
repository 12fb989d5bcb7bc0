"""Batch: a whole input through the machine, as fast as it goes, into annotated video and keypoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cpm_live.capture.base import Film, Named, Source, SourceLost
from cpm_live.core.errors import InputError
from cpm_live.core.picture_file import write_picture
from cpm_live.core.pose import Result
from cpm_live.core.skeleton import HAND
from cpm_live.drawing.paint import paint
from cpm_live.drawing.stages import LARGEST, WIDEST, paint_stages
from cpm_live.drawing.view import View
from cpm_live.engines.recipe import find
from cpm_live.pipeline.hands_beside import hand_limits
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.recording import video
from cpm_live.recording.keypoint_table import KeypointTable
from cpm_live.recording.keypoints import KeypointWriter, limits, since
from cpm_live.recording.sound import Sound
from cpm_live.recording.text_file import refuse_unwritable

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
LINE_SUFFIXES = ("", ".jsonl", ".ndjson", ".json", ".txt")
_TABLE = ".csv"


class _Lines(Protocol):
    def write(self, result: Result, time: float, name: str | None = None) -> None: ...
    def close(self) -> None: ...


class _Sink(Protocol):
    def write(self, picture: NDArray[np.uint8], seconds: float, name: str | None) -> None: ...
    def close(self, ends: float) -> str: ...


class _VideoSink:
    """A film, begun with its first picture: until there is one, what lies under its name stays."""

    def __init__(self, path: Path, source: Source, sound: bool) -> None:
        refuse_unwritable(path)
        info = source.info
        self._path, self._fps, self._files = path, info.fps or 10.0, info.files
        # What has sound that is wished.
        self._film = source if sound and isinstance(source, Film) and info.kind == "video" else None
        self._writer: video.VideoWriter | None = None
        self._sound: Sound | None = None

    def write(self, picture: NDArray[np.uint8], seconds: float, name: str | None) -> None:
        film = self._film
        if self._writer is None:
            if film is not None:
                self._sound = Sound(self._files[0], film.begins or 0.0)
            self._writer = video.VideoWriter(self._path, self._fps, sound=self._sound)
        if self._sound is not None and film is not None and film.joined:
            self._sound.end(f"it ends at {seconds:.1f} s, where times jump")
        self._writer.write(picture, seconds)

    def close(self, ends: float) -> str:
        if self._writer is not None:
            self._writer.close(ends)
        return self._sound.lost if self._sound is not None else ""


class _PictureSink:
    """One picture, or a folder of them under their own names."""

    def __init__(self, path: Path, folder: bool) -> None:
        self._path, self._folder = path, folder

    def write(self, picture: NDArray[np.uint8], seconds: float, name: str | None) -> None:
        path = self._path / (name or "frame.png") if self._folder else self._path
        write_picture(path, picture)

    def close(self, ends: float) -> str:
        return ""


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


def _sink(out: Path, source: Source, sound: bool) -> _Sink:
    suffix = out.suffix.lower()
    kind = source.info.kind
    if suffix in video.SUFFIXES:
        return _VideoSink(out, source, sound)
    if kind == "image" and suffix in IMAGE_SUFFIXES:
        return _PictureSink(out, folder=False)
    if kind == "folder" and (suffix not in IMAGE_SUFFIXES or out.is_dir()):
        return _PictureSink(out, folder=True)
    wanted = {"image": "a picture (.png, .jpg) or a video (.mp4, .mkv)", "folder": "a folder or a video (.mp4, .mkv)"}
    raise InputError(f"cannot write {out}: for this input --out is {wanted.get(kind, 'a video (.mp4 or .mkv)')}")


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
    sink = _sink(out, source, sound) if out else None
    widest = WIDEST if isinstance(sink, _VideoSink) else LARGEST
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
    frames, seen, seconds, first_ns, sound_lost = 0, 0, 0.0, 0, ""
    people: set[int] = set()
    left_out = 0
    lines: _Lines | None = None
    try:
        while not (cancelled := stop()):
            try:
                frame = source.read()
            except SourceLost as error:
                # The end of a live stream is the end of the input; whatever breaks off or falls silent has not ended.
                cancelled = stop()
                if not cancelled and not (error.ended and frames and info.kind == "stream" and info.live):
                    raise
                break
            if frame is None:
                break
            if keypoints is not None and lines is None:
                # Not before: of what is live it is the first frame that tells when times begin.
                lines = _lines(keypoints, machine, about | (since(frame) if info.live else {}), every_stage)
            first_ns = first_ns or frame.captured_ns
            seconds = frame.media_time if frame.media_time is not None else (frame.captured_ns - first_ns) / 1e9
            result = machine.find(frame) if source.info.unrelated else machine(frame)
            name = source.current.name if source.info.unrelated and isinstance(source, Named) else None
            if sink:
                sink.write(paint_stages(result, view, widest) if stages else paint(result, view), seconds, name)
            if lines:
                lines.write(result, seconds, name)
            frames += 1
            seen += bool(result.poses)
            people |= {pose.id for pose in result.poses}
            left_out += bool(result.left_out)
            tell(frames, result)
        if keypoints is not None and lines is None:
            lines = _lines(keypoints, machine, about, every_stage)
    finally:
        try:
            if sink:
                # The last picture of slides and of recorded screens stands for long.
                sound_lost = sink.close(source.ends if isinstance(source, Film) else 0.0)
        finally:
            if lines:
                lines.close()
    return Summary(frames, seen, seconds, cancelled, len(people), left_out, sound_lost)
