"""Still pictures: one image, or a folder of them in order of name."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from cpm_live.capture.base import SourceInfo
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame

log = logging.getLogger("cpm_live.capture")

_RATE = 10.0
"""Frames per second of pictures that are held."""

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"))

_OTHERS = frozenset((".heic", ".heif", ".avif", ".gif", ".jxl"))
"""Pictures, too, but not ones that are read here."""


def is_image(path: Path) -> bool:
    """Whether the file's name ends as a picture's."""
    # macOS leaves ._photo.jpg beside photo.jpg, which is no picture.
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _order(path: Path) -> list[tuple[int, str]]:
    """Frame 2 comes before frame 10."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), part) if number % 2 else (0, part) for number, part in enumerate(parts)]


class ImageSource:
    """One picture or a folder of pictures.

    Args:
        path: file or folder.
        hold: live use: show each picture for this many seconds (repeated at 10 Hz, so that switching models or
            sources acts on it at once) and begin again after the last. A folder is a film then, of slides: one can
            go to any of them (:class:`~cpm_live.capture.base.Seekable`).

    Attributes:
        paths: the pictures that are left to show.
        left_out: names of those of a folder that cannot be read; one bad picture does not end the others.

    Raises:
        InputError: missing, no pictures in the folder, or none of them can be decoded.
    """

    def __init__(self, path: Path, hold: float | None = None) -> None:
        others: list[str] = []
        if path.is_dir():
            try:
                entries = list(path.iterdir())
                self.paths = sorted((entry for entry in entries if is_image(entry) and entry.is_file()), key=_order)
            except OSError as error:
                raise InputError(f"cannot read folder {path}: {error.strerror}") from None
            if not self.paths:
                deeper = "; folders in it are not looked into" if any(entry.is_dir() for entry in entries) else ""
                raise InputError(f"no pictures ({', '.join(sorted(SUFFIXES))}) in folder {path}{deeper}")
            others = sorted(entry.name for entry in entries if entry.suffix.lower() in _OTHERS)
        elif path.is_file():
            self.paths = [path]
        else:
            raise InputError(f"no file or folder {path}; check the path")
        self.hold = hold
        self._reads = max(1, round(hold * _RATE)) if hold else 1
        self._index = self._given = 0
        self.current = self.paths[0]
        """The picture that the last :meth:`read` gave."""
        self._cached: tuple[Path, np.ndarray] | None = None
        self.left_out: list[str] = others
        kind = "folder" if path.is_dir() else "image"
        label = path.name or str(path)
        self.info = SourceInfo(kind, label, live=False, mirror=False, fps=_RATE if hold else 0.0)
        self._count()
        _, first = self._from(0)
        self.info = replace(self.info, width=first.shape[1], height=first.shape[0])

    def _count(self) -> None:
        slides = self.hold is not None and len(self.paths) > 1
        seconds = len(self.paths) * self._reads / _RATE if slides else 0.0
        self.info = replace(self.info, frames=len(self.paths), seconds=seconds, files=tuple(self.paths))
        self._go_to(self._index)

    def _load(self, path: Path) -> np.ndarray:
        if self._cached and self._cached[0] == path:
            return self._cached[1]
        try:
            data = np.fromfile(path, np.uint8)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from None
        try:
            image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        except cv2.error:
            limit = "set OPENCV_IO_MAX_IMAGE_PIXELS to read more than 268 megapixels"
            raise InputError(f"cannot decode picture {path}; it is too large ({limit})") from None
        if image is None:
            raise InputError(f"cannot decode picture {path}; it is damaged or not a picture")
        self._cached = (path, image)
        return image

    def _from(self, place: int) -> tuple[Path, np.ndarray]:
        """The picture at a place, or the first readable one after it; what cannot be read is left out for good."""
        while True:
            path = self.paths[place % len(self.paths)]
            try:
                return path, self._load(path)
            except InputError as error:
                self._leave_out(path, error)

    def _leave_out(self, path: Path, error: InputError) -> None:
        if len(self.paths) == 1:
            raise error
        log.warning("left out: %s", error)
        self.paths.remove(path)
        self.left_out.append(path.name)
        self._count()

    def read(self) -> Frame | None:
        """The next picture; None after the last, unless held."""
        place = self._index // self._reads
        if self.hold is None and place >= len(self.paths):
            return None
        if self.hold is not None and self._given:
            time.sleep(1 / _RATE)
        self.current, image = self._from(place)
        if self.hold is None and place >= len(self.paths):
            return None  # the last ones could not be read
        # Slides begin again at their beginning, as a film does; a picture by itself goes on.
        at = self._index if self.info.seconds else self._given
        frame = Frame(image, self._given, time.perf_counter_ns(), at / _RATE)
        self._given += 1
        self._go_to(self._index + 1)
        return frame

    def _go_to(self, index: int) -> None:
        self._index = index % (len(self.paths) * self._reads) if self.hold is not None else index

    def next_picture(self) -> None:
        """The next read gives another picture, however long the last one was to be held."""
        if self.hold is not None:
            self._go_to(-(-self._index // self._reads) * self._reads)

    def seek(self, seconds: float, before: bool = False, wanted: Callable[[], bool] = lambda: True) -> None:
        """See :meth:`Seekable.seek`; the first or the last picture where there is none at that time."""
        place = min(max(0, int((seconds * _RATE + 0.5) // self._reads) - before), len(self.paths) - 1)
        if before:
            # Not the one that is given in place of a damaged one: that is where one came from.
            place = self._readable_before(place)
        self._go_to(place * self._reads)

    def _readable_before(self, place: int) -> int:
        while place > 0:
            try:
                self._load(self.paths[place])
                break
            except InputError as error:
                self._leave_out(self.paths[place], error)
                place -= 1
        return place

    def close(self) -> None:
        """Forget the decoded picture."""
        self._cached = None
