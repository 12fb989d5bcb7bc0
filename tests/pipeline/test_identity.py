"""Whose number it is."""

from __future__ import annotations

import numpy as np
import pytest

from cpm_live.core.crop import Box, Crop
from cpm_live.pipeline.colours import likeness
from cpm_live.pipeline.identity import learned, put_right, returned
from cpm_live.pipeline.sights import Sight
from cpm_live.pipeline.tracks import State, Track

BOX = (100.0, 100.0, 80.0, 120.0)
SHIRT = np.full((4, 6), 60, np.float32)


def track(number: int, state: State, born_s: float, seen_s: float) -> Track:
    made = Track(BOX, state, number, born_s=born_s, seen_s=seen_s)
    made.colours = SHIRT
    return made


def sight(of: Track, box: Box = BOX, colours: np.ndarray = SHIRT) -> Sight:
    stages = np.zeros((1, 14, 3), np.float32)
    return Sight(of, Crop(140, 160, 200, 192), stages, stages, 0.9, box, colours)


@pytest.mark.parametrize("born_s, own", [(0.0, 2), (1.25, 1)])
def test_only_who_came_after_the_lost_one_can_be_the_lost_one(born_s: float, own: int) -> None:
    lost = track(1, State.LOST, 0.0, 1.2)
    seen = track(2, State.SEEN, born_s, 1.3)
    put_right([sight(seen)], [lost], 1.3)
    assert seen.id == own


def test_of_who_is_followed_alone_nobody_elses_clothes_are_learned() -> None:
    """A shirt that is alike by half may be a passer-by's."""
    known = track(1, State.SEEN, 0.0, 1.0)
    half = sight(known, colours=SHIRT + 10)
    assert 0.5 < likeness(known.colours, half.colours) < 0.8
    assert learned(half, alone=False) and not learned(half, alone=True)
    known.colours = None
    assert learned(half, alone=True), "the first ones"


def test_an_odd_frame_now_and_then_changes_no_number() -> None:
    """Only frames in a row count: a light may flicker, an arm may be in the way."""
    for every, numbers in ((3, {1}), (1, {1, 2})):
        mine, other = track(1, State.SEEN, 0.0, 9.0), track(2, State.LOST, 0.0, 8.5)
        other.colours = theirs = SHIRT + 60
        had = set()
        for frame in range(20):
            put_right([sight(mine, colours=SHIRT if frame % every else theirs)], [other], 9.0 + frame)
            had.add(mine.id)
        assert had == numbers


@pytest.mark.parametrize("share, same", [(0.3, False), (0.8, True), (2.4, False)])
def test_a_child_in_the_same_shirt_is_not_the_one_who_left(share: float, same: bool) -> None:
    gone = track(1, State.LOST, 0.0, 1.0)
    width, height = BOX[2] * share, BOX[3] * share
    box = (140 - width / 2, 160 - height / 2, width, height)
    assert returned(sight(Track(box), box), [gone], 1.5) is (gone if same else None)
