"""How large a camera's pictures should be, as people write it: ``1280x720``."""

from __future__ import annotations

import re

from cpm_live.core.errors import InputError

Resolution = tuple[int, int]
"""Width and height in pixels."""

USUAL: Resolution = (640, 480)
"""What every camera has, and enough for the networks: they look at 192 to 256 px of whoever is in the picture."""
OFFERED: tuple[Resolution, ...] = (USUAL, (1280, 720), (1920, 1080))
"""What the window's menu offers."""


def parsed(text: str) -> Resolution:
    """``640x480`` as (640, 480). Raises ``InputError`` for anything else, as of the command line."""
    match = re.fullmatch(r"(\d{2,5})x(\d{2,5})", text.strip().lower())
    if not match:
        raise InputError(f"--size {text!r} is not a size; write it as 1280x720")
    return int(match[1]), int(match[2])


def written(size: Resolution) -> str:
    """(640, 480) as ``640x480``."""
    return f"{size[0]}x{size[1]}"
