"""Finding: places where somebody may be, from the finder, or by searching with the pose network without one."""

from __future__ import annotations

import logging
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box
from cpm_live.core.errors import InputError, first_line
from cpm_live.core.findings import Findings, Found
from cpm_live.engines.base import opened_warm
from cpm_live.pipeline.locate import search_boxes

log = logging.getLogger("cpm_live.pipeline")


class Finder(Protocol):
    """What ``pipeline.finder`` makes: finds people or hands in a whole frame."""

    def __call__(self, image: NDArray[np.uint8], kind: str, region: Box | None = None) -> Findings:
        """``kind`` is ``person`` or ``hand``; only inside ``region`` where one is given."""
        ...

    def warm_up(self, kind: str = "person") -> None:
        """Run once what looking for this kind takes."""
        ...

    def reset(self) -> None:
        """Another source begins: what was seen before tells nothing of what comes."""
        ...

    def close(self) -> None:
        """The finder is not used again."""
        ...


class FinderOpener(Protocol):
    """Opens a finder on engines of a kind; None where there is none to be had."""

    def __call__(self, kind: str = "cpu", /) -> Finder | None:
        """Raises ``InputError`` where another kind than the CPU cannot be had."""
        ...


def engine_beside(poses: str) -> str:
    """The kind of engine for the finder beside poses on this one.

    On a GPU frames in which the finder runs take a third of the time that they take with it on the CPU
    (``benchmarks/people.py --engine cuda --finder cuda``). TensorRT's engines are built for the pose networks only.
    """
    return {"cuda": "cuda", "tensorrt": "cuda", "openvino": "openvino"}.get(poses, "cpu")


def open_default_finder(threads: int = 0, kind: str = "cpu") -> Finder | None:
    """The shipped finder; None where its weights are not there: then the pose network searches.

    Raises:
        InputError: it cannot be had on this kind of engine, which is not the CPU.
    """
    from cpm_live.pipeline.finder import open_finder

    try:
        return open_finder(threads, kind)
    except InputError as error:
        if kind != "cpu":
            raise
        log.warning("no finder, the pose network searches instead: %s", error)
        return None


def open_finder_beside(poses: str, model: str, threads: int = 0) -> Finder | None:
    """The shipped finder for poses on this kind of engine; on the CPU where it does not run beside them.

    Args:
        model: what it will be asked for: ``person`` or ``hand``.
    """
    from cpm_live.pipeline.finder import open_finder

    kind = engine_beside(poses)
    if kind != "cpu":
        try:
            return opened_warm(lambda: open_finder(threads, kind), lambda finder: finder.warm_up(model))
        except Exception as error:  # noqa: BLE001 - engines raise what their libraries raise; the CPU is still there
            log.warning("the finder runs on the CPU: %s", first_line(error))
    return open_default_finder(threads)


def around(point: tuple[float, float], kind: str, width: int, height: int) -> list[Found]:
    """Guesses about somebody at a point that was pointed at, in a frame of this size."""
    shares = (0.15, 0.3) if kind == "hand" else (0.4, 0.8)
    return [Found(kind, *point, share * min(width, height), 0.0) for share in shares]


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
