"""Files that the command line names: where they lie, that nothing is written over what is read, and what could not be
read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cpm_live.core.errors import InputError, printable

if TYPE_CHECKING:
    from cpm_live.capture.base import Source
    from cpm_live.recording.batch import Summary


def place(option: str, path: Path | None) -> Path | None:
    """A path to write to, with the person's home for ``~``."""
    if path is None:
        return None
    try:
        path = path.expanduser()
        path.exists()
        path.absolute()
    except FileNotFoundError:
        raise InputError(f"cannot use {option} {path}: the folder that you are in is gone; cd to another") from None
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot use {option} {str(path)[:200]}: {reason}") from None
    return path


def _identity(path: Path) -> tuple[int, int] | str:
    """What ``samefile`` compares; the name on Windows' drives that number no files."""
    status = path.stat()
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.normcase(os.path.realpath(path))


def same_file(one: Path, other: Path) -> bool:
    """Whether both are there, and are one file, by whatever names."""
    return one.exists() and other.exists() and _identity(one) == _identity(other)


def refuse_own_input(opened: Source, out: Path | None, keypoints: Path | None) -> None:
    """Writing over what is being read, or over what is being written, would destroy it."""
    files = opened.info.files
    # Looked up once: a folder may hold thousands, and so may the one that is written to.
    read = {_identity(path) for path in files if path.exists()}
    annotated = [out / picture.name for picture in files] if out is not None and opened.info.kind == "folder" else []
    for path in (out, keypoints, *annotated):
        if path is not None and path.exists() and _identity(path) in read:
            raise InputError(f"{path} is the input itself; choose another place to write to")
    if annotated and keypoints is not None and keypoints.resolve() in [path.resolve() for path in annotated]:
        raise InputError(f"--keypoints {keypoints} is where an annotated picture goes; give it another name")


def cut_short(source: Source, summary: Summary) -> str:
    """What to say of a video (also one behind a URL) that ended long before it should have; empty where it did not.

    Frames alone would not tell: a webcam that slowed down in the dark gives fewer than its rate promises.
    """
    from cpm_live.capture.base import Film

    info = source.info
    if info.kind not in ("video", "stream") or info.live or not info.frames or not info.fps:
        return ""
    if isinstance(source, Film) and source.joined:
        return ""  # how long all parts are nobody knows
    seconds = max(summary.seconds + 1 / info.fps, source.ends if isinstance(source, Film) else 0.0)
    if summary.frames >= 0.9 * info.frames or seconds >= 0.9 * info.frames / info.fps:
        return ""
    return f"only {summary.frames} of about {info.frames} frames could be read; it is damaged or cut off"


def left_out(source: Source) -> str:
    """What to say of pictures of a folder that cannot be read; empty where there are none."""
    from cpm_live.capture.base import LeavesOut

    bad = source.left_out if isinstance(source, LeavesOut) else []
    more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
    return f"left out, since they cannot be read: {printable(', '.join(bad[:5]))}{more}" if bad else ""
