"""Large pictures that stand still are halved once, whoever looks at them and however often.

A photograph of 50 megapixels is cropped ten times a second by the worker, and as often for the window's thumbnails:
halving it takes as long as the networks.
"""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_LARGE = 4_000_000
"""Pixels; parts of smaller pictures are halved in less than a millisecond."""
_OFTEN = 2.0
"""So many times the picture was halved in parts before all of it is: a film's frames never are."""
_KEPT = 2
"""Pictures that are remembered: the one that is shown, and the next one."""


def half(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (H, W, 3) of half the size; an odd last row or column is left out."""
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    even = picture[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(slots=True, eq=False)
class _Known:
    """A picture that was looked at: how many of its pixels were halved so far, and its halves, once there are some."""

    picture: weakref.ref[NDArray[np.uint8]]
    halves: list[NDArray[np.uint8]]
    pixels: float = 0.0


class Halves:
    """Remembers the last pictures, for as long as somebody else does. For any thread."""

    def __init__(self) -> None:
        self._known: list[_Known] = []
        self._lock = threading.Lock()

    def of(self, picture: NDArray[np.uint8], times: int, pixels: float) -> NDArray[np.uint8] | None:
        """The whole picture, halved so often; None where halving a part of so many pixels is less work.

        Args:
            picture: (H, W, 3); one that may be written to is never remembered.
        """
        size = picture.shape[0] * picture.shape[1]
        if size < _LARGE or picture.flags.writeable:
            return None
        with self._lock:
            known = self._of(picture)
            known.pixels += pixels
            if not known.halves and known.pixels <= _OFTEN * size:
                return None
            # Whoever else asks meanwhile waits for less time than it would take them.
            while len(known.halves) < times:
                known.halves.append(half(known.halves[-1] if known.halves else picture))
            return known.halves[times - 1]

    def _of(self, picture: NDArray[np.uint8]) -> _Known:
        self._known = [known for known in self._known if known.picture() is not None]
        for known in self._known:
            if known.picture() is picture:
                return known
        # Let go with the picture, not when somebody asks for another one.
        halves: list[NDArray[np.uint8]] = []
        known = _Known(weakref.ref(picture, lambda _: halves.clear()), halves)
        self._known = [*self._known[-(_KEPT - 1) :], known]
        return known


HALVES = Halves()
"""Worker, finder and window look at the same pictures."""
