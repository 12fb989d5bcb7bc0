"""What the window writes: names for recordings, and snapshots of what is shown, as PNG."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import cv2

from cpm_live.core.errors import InputError
from cpm_live.core.paths import pictures_dir, videos_dir
from cpm_live.core.pose import Result
from cpm_live.core.whole_file import claimed, whole
from cpm_live.drawing.paint import paint
from cpm_live.drawing.stages import paint_stages
from cpm_live.drawing.view import View

OTHER_FOLDER = "right-click the record button for another folder"


def name_of_now(folder: Path, suffix: str) -> Path:
    """What a file that is begun now is called. Whoever writes it numbers it where the name is taken: to look here would
    keep the window waiting for a disk."""
    return folder / f"{time.strftime('cpm-live-%Y%m%d-%H%M%S')}{suffix}"


def recording_path(chosen: Path | None) -> Path:
    """Of now, in the chosen folder or among the user's videos.

    Raises:
        InputError: there is no such place.
    """
    return name_of_now(_folder(chosen, videos_dir), ".mp4")


def _folder(chosen: Path | None, usual: Callable[[], Path]) -> Path:
    try:
        return chosen or usual()
    except InputError as error:
        raise InputError(f"{error}, or {OTHER_FOLDER}") from None


def write_snapshot(result: Result, view: View, chosen: Path | None, stages: bool = False) -> Path | str:
    """Write a PNG into the chosen folder, or among the user's pictures; its path, or one line saying why not.

    Takes tens of milliseconds: not on the GUI thread.

    Args:
        stages: all of them side by side, not the one of the view.
    """
    try:
        folder = _folder(chosen, pictures_dir)
    except InputError as error:
        return str(error)
    ok, data = cv2.imencode(".png", paint_stages(result, view) if stages else paint(result, view))
    if not ok:
        return f"cannot encode the snapshot for {folder}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with claimed(name_of_now(folder, ".png")) as path, whole(path) as temporary:
            temporary.write_bytes(data.tobytes())
    except OSError as error:
        return f"cannot write a snapshot into {folder}: {error.strerror or error}; {OTHER_FOLDER}"
    return path
