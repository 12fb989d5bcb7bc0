"""Whose number it is."""

from __future__ import annotations

import numpy as np
import pytest

from cpm_live.core.crop import Crop
from cpm_live.pipeline.colours import likeness
from cpm_live.pipeline.identity import learned, put_right
from cpm_live.pipeline.sights import Sight
from cpm_live.pipeline.tracks import State, Track

BOX = (100.0, 100.0, 80.0, 120.0)
SHIRT = np.full((4, 6), 60, np.float32)


def track(number: int, state: State, born_s: float, seen_s: float) -> Track:
    made = Track(BOX, state, number, born_s=born_s, seen_s=seen_s)
    made.colours = SHIRT
    return made


@pytest.mark.parametrize("born_s, own", [(0.0, 2), (1.25, 1)])
def test_only_who_came_after_the_lost_one_can_be_the_lost_one(born_s: float, own: int) -> None:
    lost = track(1, State.LOST, 0.0, 1.2)
    seen = track(2, State.SEEN, born_s, 1.3)
    stages = np.zeros((1, 14, 3), np.float32)
    sight = Sight(seen, Crop(140, 160, 200, 192), stages, stages, 0.9, BOX, SHIRT)
    put_right([sight], [lost], 1.3)
    assert seen.id == own


def test_of_who_is_followed_alone_nobody_elses_clothes_are_learned() -> None:
    """A shirt that is alike by half may be a passer-by's."""
    known = track(1, State.SEEN, 0.0, 1.0)
    stages = np.zeros((1, 14, 3), np.float32)
    half = Sight(known, Crop(140, 160, 200, 192), stages, stages, 0.9, BOX, SHIRT + 10)
    assert 0.5 < likeness(known.colours, half.colours) < 0.8
    assert learned(half, alone=False) and not learned(half, alone=True)
    known.colours = None
    assert learned(half, alone=True), "the first ones"
