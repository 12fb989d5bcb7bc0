"""Finding: places where somebody may be, from the finder, or by searching with the pose network without one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box
from cpm_live.core.errors import InputError
from cpm_live.core.findings import Findings, Found
from cpm_live.pipeline.locate import search_boxes

log = logging.getLogger("cpm_live.pipeline")


class Finder(Protocol):
    """What ``pipeline.finder`` makes: finds people or hands in a whole frame."""

    def __call__(self, image: NDArray[np.uint8], kind: str, region: Box | None = None) -> Findings:
        """``kind`` is ``person`` or ``hand``; only inside ``region`` where one is given."""
        ...

    def reset(self) -> None:
        """Another source begins: what was seen before tells nothing of what comes."""
        ...

    def close(self) -> None:
        """The finder is not used again."""
        ...


FinderOpener = Callable[[], Finder | None]


def open_default_finder(threads: int = 0) -> Finder | None:
    """The shipped finder; None where its weights are not there: then the pose network searches."""
    from cpm_live.pipeline.finder import open_finder

    try:
        return open_finder(threads)
    except InputError as error:
        log.warning("no finder, the pose network searches instead: %s", error)
        return None


class Search:
    """Offers one place after the other, so that a search costs no more than following.

    Args:
        margin: of the recipe: an offer is so much smaller than the place to look at.
    """

    def __init__(self, kind: str, margin: float) -> None:
        self._kind, self._margin = kind, margin
        self._try = 0

    def next(self, width: int, height: int, region: Box | None) -> Found:
        """The next place in a frame of this size."""
        places = search_boxes(width, height, region)
        x, y, w, h = places[self._try % len(places)]
        self._try += 1
        return Found(self._kind, x + (w - 1) / 2, y + (h - 1) / 2, max(w, h) / self._margin, 0.0)

    def reset(self) -> None:
        """Start from the whole frame again."""
        self._try = 0
