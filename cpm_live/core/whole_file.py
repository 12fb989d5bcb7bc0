"""Files that appear whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LONGEST = 200
"""Of the name, before ``.part``: systems allow 255 bytes, and a letter may take more than one."""


_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds: on Windows nobody may have the old file open at that moment, and spreadsheets, virus scanners and whoever
reads what is written here often do, most of them for an instant."""


@contextmanager
def whole(path: Path, shared: bool = False) -> Iterator[Path]:
    """Where to write what shall be at ``path``: beside it, put in its place at the end. What was there before stays
    until then, and stays for good where writing fails. A link's target is written; devices and pipes are written as
    they are.

    Args:
        shared: several processes may write it at once, as in a cache. (Not for what is written again and again: each
            process that is killed meanwhile would leave a piece of its own.)

    Raises:
        OSError: it cannot be put there.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        yield path
        return
    short = path.name if len(os.fsencode(path.name)) <= _LONGEST else path.name[: _LONGEST // 4]
    temporary = path.with_name(f"{short}.{os.getpid()}.part" if shared else f"{short}.part")
    try:
        yield temporary
        _put(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def claim(path: Path, *beside: str) -> Path:
    """Make an empty file where none is, so that no other program is given its name: at ``path``, or beside it with a
    number.

    Args:
        beside: the suffixes of files that will be written beside it, and are to replace none either.

    Raises:
        OSError: it cannot be made.
    """
    name, count = path, 2
    while True:
        try:
            if any(os.path.lexists(name.with_suffix(suffix)) for suffix in beside):
                raise FileExistsError
            name.open("xb").close()
        except FileExistsError:
            name, count = path.with_name(f"{path.stem}-{count}{path.suffix}"), count + 1
        else:
            return name


@contextmanager
def claimed(path: Path, *beside: str) -> Iterator[Path]:
    """The same, and nothing is left of it where writing fails."""
    name = claim(path, *beside)
    try:
        yield name
    except Exception:
        with suppress(OSError):
            name.unlink()
        raise


def _put(temporary: Path, path: Path) -> None:
    for pause in _PAUSES if sys.platform == "win32" else ():
        try:
            os.replace(temporary, path)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    os.replace(temporary, path)
