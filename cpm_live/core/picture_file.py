"""Writing a picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.core.errors import InputError
from cpm_live.core.whole_file import whole


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a BGR picture (H, W, 3) in the format that its name ends in, PNG where it ends in none.

    Not by ``cv2.imwrite``, which knows no names beyond the system's code page on Windows.

    Raises:
        InputError: it is larger than such a file can be, or cannot be written; what was there before stays.
    """
    try:
        done, data = cv2.imencode(path.suffix.lower() or ".png", picture)
    except cv2.error:
        done = False
    if not done:
        raise InputError(
            f"cannot write {path}: {picture.shape[1]} x {picture.shape[0]} is more than such a file holds; use .png"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as temporary:
            temporary.write_bytes(data.tobytes())
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
