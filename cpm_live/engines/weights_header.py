"""The metadata of a checkpoint, read without torch or safetensors: the CPU engine's install has neither."""

from __future__ import annotations

import json
import struct
from pathlib import Path

_LONGEST = 100_000_000
BROKEN = (ValueError, KeyError, TypeError, RecursionError, struct.error)
"""What :func:`metadata` raises, and what reading its values may raise, where a file is none of ours."""


def metadata(weights: Path) -> dict[str, str]:
    """What a safetensors file says of itself: 8 bytes of length, then JSON.

    Raises:
        BROKEN: it is no such file.
        OSError: it cannot be read.
    """
    with weights.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > _LONGEST:
            raise ValueError(f"a header of {length} bytes")
        found: dict[str, str] = json.loads(file.read(length))["__metadata__"]
    return found
