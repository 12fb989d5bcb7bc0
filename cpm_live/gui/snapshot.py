"""What the window writes: names for recordings, and snapshots of what is shown, as PNG."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2

from cpm_live.core.errors import InputError
from cpm_live.core.paths import pictures_dir, videos_dir
from cpm_live.core.pose import Result
from cpm_live.core.whole_file import claimed, whole
from cpm_live.drawing.paint import paint
from cpm_live.drawing.view import View

OTHER_FOLDER = "right-click the record button for another folder"
_NAMING = threading.Lock()
_given: set[Path] = set()


def fresh_path(folder: Path, suffix: str) -> Path:
    """A name of now that no file has yet, and that nobody else was given: files appear a while after their name."""
    stem = time.strftime("cpm-live-%Y%m%d-%H%M%S")
    path = folder / f"{stem}{suffix}"
    count = 2
    with _NAMING:
        while path in _given or path.exists():
            path = folder / f"{stem}-{count}{suffix}"
            count += 1
        _given.add(path)
    return path


def recording_path(chosen: Path | None) -> Path:
    """A fresh name for a recording in the chosen folder, or in the user's videos.

    Raises:
        InputError: there is no such place.
    """
    folder = _folder(chosen, videos_dir)
    try:
        return fresh_path(folder, ".mp4")
    except OSError as error:
        # An unreadable folder, or a share that is gone.
        raise InputError(f"cannot record into {folder}: {error.strerror or error}; {OTHER_FOLDER}") from None


def _folder(chosen: Path | None, usual: Callable[[], Path]) -> Path:
    try:
        return chosen or usual()
    except InputError as error:
        raise InputError(f"{error}, or {OTHER_FOLDER}") from None


def write_snapshot(result: Result, view: View, chosen: Path | None) -> Path | str:
    """Write a PNG into the chosen folder, or among the user's pictures; its path, or one line saying why not.

    Takes tens of milliseconds: not on the GUI thread.
    """
    try:
        folder = _folder(chosen, pictures_dir)
    except InputError as error:
        return str(error)
    ok, data = cv2.imencode(".png", paint(result, view))
    if not ok:
        return f"cannot encode the snapshot for {folder}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Another window may have been given the same name.
        with claimed(fresh_path(folder, ".png")) as path, whole(path) as temporary:
            temporary.write_bytes(data.tobytes())
    except OSError as error:
        return f"cannot write a snapshot into {folder}: {error.strerror or error}; {OTHER_FOLDER}"
    return path
