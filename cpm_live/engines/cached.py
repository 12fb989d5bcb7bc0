"""What was made once and is kept in the cache folder: how much it is, and doing away with it.

Entries are never in the way (each belongs to one network and one set of versions), but nobody else removes those of
a driver, a torch or weights that are long gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cpm_live.core.errors import InputError
from cpm_live.core.paths import cache_dir
from cpm_live.engines import build_cache, export_cache


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of what is kept.

    Attributes:
        what: for people.
        files: all of it.
        size: bytes.
    """

    what: str
    files: tuple[Path, ...]
    size: int


def kept() -> list[Kept]:
    """What the cache folder holds of ours, kind by kind; other files there are not ours to count or remove."""
    out = []
    for what, where in (("exported networks", export_cache.folder()), ("TensorRT engines", build_cache.folder())):
        files = tuple(path for path in sorted(where.glob("*")) if path.is_file())
        out.append(Kept(what, files, sum(map(_size, files))))
    return out


def clean() -> list[Kept]:
    """Remove all of it; it is made again when it is needed.

    Returns:
        What there was.

    Raises:
        InputError: some of it cannot be removed; the rest is.
    """
    there, freed, stuck = kept(), 0, []
    for kind in there:
        for path in kind.files:
            size = _size(path)
            try:
                path.unlink(missing_ok=True)
                freed += size
            except OSError as error:
                stuck.append(f"{path}: {error.strerror}")
    if stuck:
        more = f" and {len(stuck) - 1} more" if len(stuck) > 1 else ""
        raise InputError(f"{freed / 1e6:.1f} MB removed from {cache_dir()}, but not {stuck[0]}{more}; close cpm-live")
    return there


def _size(path: Path) -> int:
    """Bytes; 0 for what has just gone, as the pieces of a build do."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
