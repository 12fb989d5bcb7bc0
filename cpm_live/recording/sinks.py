"""Where annotated pictures go: into a film, a picture, or a folder of them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cpm_live.capture.base import Film, Source
from cpm_live.core.errors import InputError
from cpm_live.core.picture_file import write_picture
from cpm_live.recording import video
from cpm_live.recording.sound import Sound
from cpm_live.recording.text_file import refuse_unwritable

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


class Sink(Protocol):
    """Takes pictures in order."""

    def write(self, picture: NDArray[np.uint8], seconds: float, name: str | None) -> None:
        """One picture (H, W, 3) uint8 BGR, at a time from the start; ``name`` is the file it came from."""
        ...

    def close(self, ends: float) -> str:
        """End it, the last picture standing until ``ends``. What of the sound is missing, for people."""
        ...


class VideoSink:
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
        """See :meth:`Sink.write`."""
        film = self._film
        if self._writer is None:
            if film is not None:
                self._sound = Sound(self._files[0], film.begins or 0.0)
            self._writer = video.VideoWriter(self._path, self._fps, sound=self._sound)
        if self._sound is not None and film is not None and film.joined:
            self._sound.end(f"it ends at {seconds:.1f} s, where times jump")
        self._writer.write(picture, seconds)

    def close(self, ends: float) -> str:
        """See :meth:`Sink.close`."""
        if self._writer is not None:
            self._writer.close(ends)
        return self._sound.lost if self._sound is not None else ""


class PictureSink:
    """One picture, or a folder of them under their own names."""

    def __init__(self, path: Path, folder: bool) -> None:
        self._path, self._folder = path, folder

    def write(self, picture: NDArray[np.uint8], seconds: float, name: str | None) -> None:
        """See :meth:`Sink.write`."""
        path = self._path / (name or "frame.png") if self._folder else self._path
        write_picture(path, picture)

    def close(self, ends: float) -> str:
        """Nothing is left to be done."""
        return ""


def open_sink(out: Path, source: Source, sound: bool) -> Sink:
    """What ``out`` names, for the pictures of a source.

    Raises:
        InputError: this input's pictures do not go there, or it cannot be written.
    """
    suffix = out.suffix.lower()
    kind = source.info.kind
    if suffix in video.SUFFIXES:
        return VideoSink(out, source, sound)
    if kind == "image" and suffix in IMAGE_SUFFIXES:
        return PictureSink(out, folder=False)
    if kind == "folder" and (suffix not in IMAGE_SUFFIXES or out.is_dir()):
        return PictureSink(out, folder=True)
    wanted = {"image": "a picture (.png, .jpg) or a video (.mp4, .mkv)", "folder": "a folder or a video (.mp4, .mkv)"}
    raise InputError(f"cannot write {out}: for this input --out is {wanted.get(kind, 'a video (.mp4 or .mkv)')}")
