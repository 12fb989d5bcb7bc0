"""Sights: what one look at one place brought, in frame pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box, Crop
from cpm_live.core.skeleton import Skeleton
from cpm_live.engines.base import Looked
from cpm_live.pipeline.colours import clothes
from cpm_live.pipeline.locate import plausible, pose_box, presence, without_outside
from cpm_live.pipeline.match import covered, oks, overlap, shared
from cpm_live.pipeline.options import Thresholds
from cpm_live.pipeline.tracks import Track

Array = NDArray[np.float32]

SAME = 0.5
"""Two poses more alike than this (OKS) are one person seen twice."""


@dataclass(slots=True, eq=False)
class Sight:
    """One look.

    Attributes:
        track: who was looked for.
        stages: (T, K, 3) in frame pixels; scores are 0 outside the frame.
        box: of the sure joints; None where nobody can be there.
    """

    track: Track
    crop: Crop
    stages: Array
    beliefs: Array
    presence: float
    box: Box | None
    colours: Array | None = None

    @property
    def joints(self) -> Array:
        """(K, 3): the last stage's joints."""
        last: Array = self.stages[-1]
        return last

    @property
    def scale(self) -> float:
        """The person's size for OKS: about the square root of their area."""
        return 0.7 * max(self.box[2], self.box[3]) if self.box else 1.0


def sights(
    looked: Looked,
    wanted: Sequence[tuple[Track, Crop]],
    image: NDArray[np.uint8],
    skeleton: Skeleton,
    limits: Thresholds,
    dressed: bool = True,
    least: float | None = None,
) -> list[Sight]:
    """An engine's answer as sights, one for each that was wanted.

    Args:
        dressed: with the colours of their clothes.
        least: see :func:`~cpm_live.pipeline.locate.plausible`.
    """
    height, width = image.shape[:2]
    out = []
    for (track, crop), cells, beliefs in zip(wanted, looked.joints, looked.beliefs, strict=True):
        stages = cells.copy()
        stages[..., :2] = crop.cells_to_frame(cells[..., :2])
        stages = without_outside(stages, width, height)
        last = stages[-1]
        box = pose_box(last, limits.follow)
        if box is not None and not plausible(box, width, height, least):
            box = None
        sight = Sight(track, crop, stages, beliefs, presence(last), box)
        if dressed:
            sight.colours = clothes(image, last, skeleton, limits.sure)
        out.append(sight)
    return out


def same(a: Sight, b: Sight, sigmas: NDArray[np.floating], least: float) -> bool:
    """Whether two sights are of one person."""
    if a.box is None or b.box is None:
        return False
    if oks(a.joints, b.joints, sigmas, max(a.scale, b.scale), least) > SAME:
        return True
    return overlap(a.box, b.box) > 0.75


def doubled(a: Sight, b: Sight, least: float) -> bool:
    """Whether two sights have part of a body in common: somebody new who shares a head and shoulders with
    somebody known is a piece of them."""
    if a.box is None or b.box is None:
        return False
    return shared(a.joints, b.joints, 0.08 * max(*a.box[2:], *b.box[2:]), least) >= 3


def nested(a: Sight, b: Sight) -> bool:
    """Whether one sight lies within another that is much larger: of hands, the fingers or a forearm taken for one."""
    if a.box is None or b.box is None:
        return False
    small, large = sorted((a.box, b.box), key=lambda box: max(box[2:]))
    return covered(small, large) > 0.8 and max(small[2:]) < 0.7 * max(large[2:])


def settle(seen: Sequence[Sight], now: float, least: float) -> None:
    """A joint that two people claim goes to the one who should have it there; the other has not seen it.

    Where people overlap the network sees the same shoulder for both. Changes the sights: stages, box.
    """
    for index, a in enumerate(seen):
        for b in seen[index + 1 :]:
            if a.box is None or b.box is None or overlap(a.box, b.box) == 0:
                continue
            near = 0.1 * min(max(a.box[2:]), max(b.box[2:]))
            both = (np.minimum(a.joints[:, 2], b.joints[:, 2]) >= least) & (
                np.hypot(*(a.joints[:, :2] - b.joints[:, :2]).T) < near
            )
            if not both.any():
                continue
            nearer = _off(a, now) <= _off(b, now)
            for sight, loses in ((a, both & ~nearer), (b, both & nearer)):
                if loses.any():
                    sight.stages = sight.stages.copy()
                    sight.stages[-1, loses, 2] = 0.0
                    sight.box = pose_box(sight.joints, least) or sight.box


def _off(sight: Sight, now: float) -> NDArray[np.floating]:
    """How far each joint (K,) is from where its track expects it; far for joints it never saw."""
    expected = sight.track.expected(now)
    if expected is None:
        return np.full(len(sight.joints), np.inf)
    far = np.hypot(*(sight.joints[:, :2] - expected[:, :2]).T) / sight.track.size
    return np.asarray(np.where(expected[:, 2] > 0, far, far + 1.0))
