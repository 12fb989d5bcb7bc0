"""The file a run is resumed from: whole or not there, whatever happens while it is written."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import torch

from cpm_live.core.errors import InputError, first_line
from cpm_live.core.whole_file import whole

VERSION = 2


def write(path: Path, state: dict[str, Any]) -> None:
    """Write a state of tensors and plain values."""
    # In memory first: torch hides why a file cannot be written.
    buffer = io.BytesIO()
    torch.save({**state, "version": VERSION}, buffer)
    with whole(path) as temporary, temporary.open("wb") as handle:
        handle.write(buffer.getbuffer())
        handle.flush()
        # After a power cut, too, the name must stand for a whole file.
        os.fsync(handle.fileno())


def read(path: Path) -> dict[str, Any]:
    """A state back. Raises ``InputError`` for a file that is damaged or of another version."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - torch raises many unrelated types for a damaged file
        raise InputError(
            f"cannot read {path}: {first_line(error)}; start anew in another --out with --init "
            f"{path.with_name('ema.safetensors')}"
        ) from None
    if not isinstance(state, dict) or state.get("version") != VERSION:
        raise InputError(
            f"{path} is of another version of cpm-live; start anew in another --out with --init "
            f"{path.with_name('ema.safetensors')}"
        )
    return state
