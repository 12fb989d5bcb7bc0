"""Exported networks of checkpoints that come without one: made once, kept in the cache folder."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from cpm_live.core.errors import InputError
from cpm_live.core.paths import cache_dir
from cpm_live.engines import weights_header


def made_from(metadata: dict[str, str], weights: Path) -> bool:
    """Whether an exported network's metadata are those of the weights beside it: training may have gone on since.

    Weights that are not there, or are no safetensors file, have no say.
    """
    if not weights.is_file():
        return True
    try:
        theirs = weights_header.metadata(weights)["provenance"]
    except (ValueError, KeyError, TypeError, struct.error):
        return True
    return metadata.get("provenance") == theirs


def exported(weights: Path) -> Path:
    """The exported network of a checkpoint, made now if the cache has none.

    Raises:
        InputError: no such checkpoint, or torch is needed and not installed.
    """
    if not weights.is_file():
        raise InputError(f"no weights at {weights}; train them with cpm-live train, or choose another model")
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:24]
    path = cache_dir() / "onnx" / f"{weights.stem}-{digest}.onnx"
    if path.is_file():
        return path
    try:
        from cpm_live.engines.export import export
    except ModuleNotFoundError as error:
        raise InputError(
            f"{weights} has no .onnx of its own beside it, and making one needs {error.name}: "
            'pip install "cpm-live[train]"'
        ) from None
    return export(weights, path)
