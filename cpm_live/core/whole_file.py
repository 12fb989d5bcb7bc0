"""Files that appear whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LONGEST = 200
"""Of the name, before ``.part``: systems allow 255 bytes, and a letter may take more than one."""


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
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
