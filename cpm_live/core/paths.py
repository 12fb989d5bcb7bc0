"""Where our own files lie: in the wheel, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parents[1]


def data_root() -> Path:
    """The folder that holds ``engines/`` (recipes) and ``resources/`` (weights, icons)."""
    packaged = _PACKAGE / "_data"
    return packaged if packaged.is_dir() else _PACKAGE.parent


def resource(name: str) -> Path:
    """A file under ``resources/``."""
    return data_root() / "resources" / name


def cache_dir() -> Path:
    """Our cache folder, made if need be: exported networks, compiled engines."""
    return Path(platformdirs.user_cache_dir("cpm-live", appauthor=False, ensure_exists=True))


def pictures_dir() -> Path:
    """Where snapshots go unless the user chose another folder."""
    return Path(platformdirs.user_pictures_dir()) / "cpm-live"


def videos_dir() -> Path:
    """Where recordings go unless the user chose another folder."""
    return Path(platformdirs.user_videos_dir()) / "cpm-live"
