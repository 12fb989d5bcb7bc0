"""The finder: where in a whole frame people or hands are.

The CPM papers' first step ("person" network), with our own network: it also says how
large somebody is, and which hand a hand is. The whole frame goes in, letterboxed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpm_live.core import finder_maps
from cpm_live.core.crop import Box, Crop
from cpm_live.core.errors import InputError
from cpm_live.core.findings import Findings, Found
from cpm_live.core.pose import Side
from cpm_live.engines.base import Engine
from cpm_live.engines.recipe import Recipe, find
from cpm_live.engines.select import open_engine
from cpm_live.pipeline.locate import holds, inside
from cpm_live.pipeline.wrist_guide import WristGuide, open_guide

SIDE_SURE = 0.35
"""Absolute value of the side's map from which a hand is called left or right."""


class Finder:
    """Finds people or hands with an engine that runs the finder's network.

    Args:
        engine: owned by the finder from now on; used by the thread that calls it.
        recipe: the finder's.
        guide: helps to find the hands of people; owned, too.

    Raises:
        InputError: the network is not a finder's.
    """

    def __init__(self, engine: Engine, recipe: Recipe, guide: WristGuide | None = None) -> None:
        preset = engine.preset
        if preset.joints != len(finder_maps.KINDS) or preset.maps != finder_maps.MAPS:
            raise InputError(f"recipe {recipe.name}: {recipe.weights.name} is not a finder's network")
        self._engine, self._threshold, self._guide = engine, recipe.finder_threshold, guide

    def __call__(self, image: NDArray[np.uint8], kind: str, region: Box | None = None) -> Findings:
        """Find everybody of a kind.

        Args:
            image: (H, W, 3) uint8, BGR.
            kind: ``"person"`` or ``"hand"``.
            region: where in the frame to look, in pixels; everywhere if not given.

        Returns:
            Finds with their centre in the region, those of the kind first, each kind's best first; a person's box is
            that of the visible joints. With a guide, hands come with those at people's wrists.
        """
        started = time.perf_counter()
        height, width = image.shape[:2]
        area = inside(region, width, height) if region else (0.0, 0.0, float(width), float(height))
        preset = self._engine.preset
        crop = Crop.around(area, preset.size, preset.stride, 1.0)
        maps = self._engine.look(image, [crop], len(finder_maps.KINDS)).beliefs[0]
        guide = self._guide if kind == "hand" else None
        last = _read(maps[-1], crop, area, self._threshold)
        found, others = [f for f in last if f.kind == kind], [f for f in last if f.kind != kind]
        if guide is not None:
            found = [f for f in guide(image, others, found) if holds(area, (f.x, f.y))]
        early = _Early(maps, crop, area, self._threshold)
        beliefs = np.clip(maps[:, : finder_maps.SIZES], 0.0, 1.0)
        return Findings((*found, *others), beliefs, crop, (time.perf_counter() - started) * 1e3, early)

    def warm_up(self, kind: str = "person") -> None:
        """Run once what looking for this kind takes."""
        self._engine.warm_up()
        if self._guide is not None and kind == "hand":
            self._guide.warm_up()

    def reset(self) -> None:
        """Forget whom the guide was asked about: another source begins."""
        if self._guide is not None:
            self._guide.reset()

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()
        if self._guide is not None:
            self._guide.close()


@dataclass(frozen=True, slots=True, eq=False)
class _Early:
    """What earlier stages believe, read when somebody asks: ``Findings.early``. Not a closure: results are pickled."""

    maps: NDArray[np.float32]
    crop: Crop
    area: Box
    threshold: float

    def __call__(self, stage: int) -> tuple[Found, ...]:
        return tuple(_read(self.maps[stage], self.crop, self.area, self.threshold))


def _read(maps: NDArray[np.float32], crop: Crop, area: Box, threshold: float) -> list[Found]:
    """What one stage's maps (6, h, w) say of an area, in frame pixels."""
    found: list[Found] = []
    for peak in finder_maps.read_maps(maps, crop.stride, threshold):
        x, y = (float(v) for v in crop.to_frame(np.array([peak.x, peak.y])))
        if not holds(area, (x, y)):
            continue
        what = finder_maps.KINDS[peak.kind]
        side: Side = None
        if what == "hand" and abs(peak.side) >= SIDE_SURE:
            side = "right" if peak.side < 0 else "left"
        found.append(Found(what, x, y, peak.size / crop.scale, min(1.0, peak.score), side))
    return found


def open_finder(threads: int = 0, kind: str = "cpu") -> Finder:
    """The shipped finder, and the guide for hands, on engines of this kind.

    Raises:
        InputError: no weights, or the engine cannot be opened.
    """
    recipe = find("finder")
    return Finder(open_engine(recipe, kind, threads), recipe, open_guide(threads, kind))
