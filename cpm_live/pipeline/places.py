"""Places: where tracks, sights and what the finder offers lie, measured against each other."""

from __future__ import annotations

import numpy as np

from cpm_live.core.crop import Box
from cpm_live.core.findings import Found
from cpm_live.pipeline.locate import holds
from cpm_live.pipeline.match import overlap
from cpm_live.pipeline.sights import Sight
from cpm_live.pipeline.tracks import State, Track

_LEAN = 0.25
"""Of their longer side whoever is followed may have their middle outside the region: an arm that is raised puts it
there."""


def middle(box: Box) -> tuple[float, float]:
    """The middle of a box."""
    return box[0] + box[2] / 2, box[1] + box[3] / 2


def in_region(region: Box | None, box: Box, followed: bool) -> bool:
    """Whether somebody with this box is in the region of interest; who is followed leaves it a little later, so that
    nobody at its edge comes and goes."""
    if region is None:
        return True
    slack = _LEAN * max(box[2:]) if followed else 0.0
    x, y, w, h = region
    return holds((x - slack, y - slack, w + 2 * slack, h + 2 * slack), middle(box))


def away(track: Track, point: tuple[float, float]) -> float:
    """How far a point is from a track's middle, in sizes of it."""
    return float(np.hypot(track.centre[0] - point[0], track.centre[1] - point[1])) / track.size


def fits(track: Track, offer: Found, now: float) -> float:
    """How well a place and size fit a track, 0..1; more generous the longer nobody saw it."""
    x, y = middle(track.expected_box(now))
    gone = min(now - track.seen_s, 1.0) if track.state is State.LOST else 0.0
    reach = (0.4 + 0.8 * gone) * max(track.size, offer.size)
    far = np.hypot(x - offer.x, y - offer.y) / reach
    ratio = np.log(max(offer.size, 1.0) / track.size) / np.log(2.2)
    return float(np.exp(-(far**2) - ratio**2))


def touch(a: Sight, b: Sight) -> bool:
    """Whether two sights overlap."""
    return a.box is not None and b.box is not None and overlap(a.box, b.box) > 0.1
