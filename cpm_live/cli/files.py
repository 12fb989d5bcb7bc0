"""Files that the command line names: where they lie, and that nothing is written over what is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cpm_live.core.errors import InputError

if TYPE_CHECKING:
    from cpm_live.capture.base import Source


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
