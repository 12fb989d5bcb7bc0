"""A frame: one picture of a source, with when it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture, shared by every thread and written by none.

    Attributes:
        image: BGR uint8 (H, W, 3), read-only.
        index: 0, 1, 2... within its source since it was opened.
        captured_ns: ``time.perf_counter_ns()`` when it was read. (Before Python 3.13 Windows' ``monotonic_ns`` goes in
            steps of 15.6 ms.)
        media_time: seconds from the start of a file or of a stream in segments; None for other live sources.

    Raises:
        InputError: the image is something else.
    """

    image: NDArray[np.uint8]
    index: int
    captured_ns: int
    media_time: float | None = None

    def __post_init__(self) -> None:
        image = self.image
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise InputError(f"a frame is BGR uint8 (H, W, 3), not {image.dtype} {image.shape}")
        image.flags.writeable = False

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.image.shape[0])


Picture = Frame | NDArray[np.integer[Any] | np.floating[Any]]
"""A frame, or a BGR uint8 array (H, W, 3), as OpenCV's type stubs call what it reads."""
