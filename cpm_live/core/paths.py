"""Where our own files lie: in the wheel, or beside the package in a checkout."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import platformdirs

from cpm_live.core.errors import InputError

_PACKAGE = Path(__file__).resolve().parents[1]


def data_root() -> Path:
    """The folder that holds ``engines/`` (recipes) and ``resources/`` (weights, icons)."""
    packaged = _PACKAGE / "_data"
    return packaged if packaged.is_dir() else _PACKAGE.parent


def resource(name: str) -> Path:
    """A file under ``resources/``."""
    return data_root() / "resources" / name


def cache_dir() -> Path:
    """Our cache folder, made if need be: exported networks, compiled engines.

    Raises:
        InputError: it cannot be made, or nobody knows where the user's home is.
    """
    path = _of_the_user(lambda: platformdirs.user_cache_dir("cpm-live", appauthor=False))
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        todo = "make room for it" if sys.platform == "win32" else "set XDG_CACHE_HOME to a folder of yours"
        raise InputError(f"the cache folder {path} cannot be made: {error.strerror}; {todo}") from None
    return path


def pictures_dir() -> Path:
    """Where snapshots go unless the user chose another folder.

    Raises:
        InputError: nobody knows where the user's home is.
    """
    return _of_the_user(platformdirs.user_pictures_dir) / "cpm-live"


def videos_dir() -> Path:
    """Where recordings go unless the user chose another folder.

    Raises:
        InputError: nobody knows where the user's home is.
    """
    return _of_the_user(platformdirs.user_videos_dir) / "cpm-live"


def _of_the_user(where: Callable[[], str]) -> Path:
    try:
        return Path(where())
    except RuntimeError:
        # As in containers that run as a user of whom only the number is known.
        raise InputError("this user has no home folder; set HOME to a folder of yours") from None
