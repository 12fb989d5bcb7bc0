"""Snapshots: what is shown, as a PNG."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import cv2

from cpm_live.core.pose import Result
from cpm_live.core.whole_file import claimed, whole
from cpm_live.drawing.paint import paint
from cpm_live.drawing.view import View

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


def write_snapshot(result: Result, view: View, folder: Path) -> Path | str:
    """Write a PNG; its path, or one line saying why not. Takes tens of milliseconds: not on the GUI thread."""
    ok, data = cv2.imencode(".png", paint(result, view))
    if not ok:
        return f"cannot encode the snapshot for {folder}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Another window may have been given the same name.
        with claimed(fresh_path(folder, ".png")) as path, whole(path) as temporary:
            temporary.write_bytes(data.tobytes())
    except OSError as error:
        return f"cannot write a snapshot into {folder}: {error.strerror or error}; choose another folder"
    return path
