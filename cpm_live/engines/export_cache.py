"""Exported networks of checkpoints that come without one: made once, kept in the cache folder."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

from cpm_live.core.errors import InputError
from cpm_live.core.extras import install
from cpm_live.core.paths import cache_dir
from cpm_live.engines import weights_header

_PACKAGE = Path(__file__).parents[1]
_MAKING = threading.Lock()
"""torch's exporter keeps what it is about for the whole process: two at once fail, whatever they export."""


def folder() -> Path:
    """Where they lie."""
    return cache_dir() / "onnx"


def made_from(metadata: dict[str, str], weights: Path) -> bool:
    """Whether an exported network's metadata are those of the weights beside it: training may have gone on since.

    Weights that are not there, or are no safetensors file, have no say.
    """
    if not weights.is_file():
        return True
    try:
        theirs = weights_header.metadata(weights)["provenance"]
    except weights_header.BROKEN:
        return True
    return metadata.get("provenance") == theirs


def exported(weights: Path, again: bool = False) -> Path:
    """The exported network of a checkpoint, made now if the cache has none.

    Args:
        again: make it in any case: the one in the cache is damaged.

    Raises:
        InputError: no such checkpoint, or torch is needed and not installed.
    """
    if not weights.is_file():
        raise InputError(f"no weights at {weights}; train them with cpm-live train, or let the recipe name others")
    digest = hashlib.sha256(weights.read_bytes())
    for source in (*sorted((_PACKAGE / "network").glob("*.py")), _PACKAGE / "engines" / "export.py"):
        # The same weights in other code are another network.
        digest.update(source.read_bytes())
    path = folder() / f"{weights.stem}-{digest.hexdigest()[:24]}.onnx"
    if os.path.isfile(path) and not again:  # pathlib's own raises where the folder may not be looked into
        return path
    try:
        from cpm_live.engines.export import export
    except ModuleNotFoundError as error:
        beside = weights.with_suffix(".onnx")
        why = f"{beside} was made from other weights" if beside.is_file() else "there is no .onnx beside it"
        raise InputError(f"{weights}: {why}, and making one needs {error.name}: {install('train')}") from None
    with _MAKING:
        # Another thread, as of a machine for another camera, may have made it meanwhile.
        return path if os.path.isfile(path) and not again else export(weights, path)
