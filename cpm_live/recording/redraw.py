"""Keypoints from a file, drawn on the pictures that they are of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cpm_live.capture.base import Film, Source
from cpm_live.drawing.paint import paint
from cpm_live.drawing.view import NO_MAP, View
from cpm_live.recording.batch import Asked, Summary, each_frame
from cpm_live.recording.keypoint_reader import KeypointFile
from cpm_live.recording.sinks import open_sink


def redraw(
    source: Source,
    keypoints: KeypointFile,
    out: Path,
    boxes: bool = False,
    tell: Callable[[int], None] = lambda done: None,
    stop: Callable[[], bool] = lambda: False,
    sound: bool = True,
) -> Summary:
    """Draw what a file says of each frame of a source.

    Args:
        out: video (``.mp4``, ``.mkv``), picture, or folder of pictures.
        boxes: with boxes and track numbers.
        tell: called after each frame with how many are done.
        stop: asked before each frame; True ends early with a whole file.
        sound: the video of a film has the film's.

    Raises:
        InputError: damaged input, or a file that cannot be written.
    """
    sink, view = open_sink(out, source, sound), View(joint=NO_MAP, boxes=boxes)
    frames, seen, seconds, sound_lost = 0, 0, 0.0, ""
    people: set[int] = set()
    asked = Asked(stop)
    try:
        for frame, seconds, name in each_frame(source, asked):
            result = keypoints.of(frame, name, source.info.kind == "image")
            sink.write(paint(result, view), seconds, name)
            frames += 1
            seen += bool(result.poses)
            people |= {pose.id for pose in result.poses}
            tell(frames)
    finally:
        sound_lost = sink.close(source.ends if isinstance(source, Film) else 0.0)
    return Summary(frames, seen, seconds, asked.said, len(people), 0, sound_lost)
