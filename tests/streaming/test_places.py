"""The small numbers that other programs are patched to."""

from __future__ import annotations

from cpm_live.core.pose import Side
from cpm_live.pipeline.options import MOST_PEOPLE
from cpm_live.streaming.places import Places, of_hand


def _bodies(places: Places, *numbers: int) -> dict[int, int]:
    return places.give([(number, None) for number in numbers])


def test_a_place_stays_while_they_are_seen_and_is_the_next_ones_afterwards() -> None:
    places = Places()
    assert _bodies(places, 7, 9) == {7: 1, 9: 2}
    assert _bodies(places, 9, 7) == {7: 1, 9: 2}, "whatever comes first in the list"
    assert _bodies(places, 9) == {9: 2}, "nobody moves up"
    assert _bodies(places, 9, 12) == {9: 2, 12: 1}
    assert _bodies(places, 13, 12, 9) == {9: 2, 12: 1, 13: 3}


def test_who_comes_back_gets_the_place_they_had_if_it_is_free() -> None:
    places = Places()
    _bodies(places, 1, 2, 3)
    assert _bodies(places, 2) == {2: 2}
    assert _bodies(places, 3, 2) == {2: 2, 3: 3}, "though the first place is free"
    assert _bodies(places, 2, 5) == {2: 2, 5: 1}
    assert _bodies(places, 2, 5, 3) == {2: 2, 5: 1, 3: 3}
    assert _bodies(places, 2, 5, 6) == {2: 2, 5: 1, 6: 3}
    assert _bodies(places, 2, 5, 6, 3) == {2: 2, 5: 1, 6: 3, 3: 4}, "theirs is taken"


def test_left_hands_are_odd_and_right_ones_even() -> None:
    places = Places()
    assert places.give([(4, "right"), (5, "left")]) == {4: 2, 5: 1}
    assert places.give([(4, "right")]) == {4: 2}
    assert places.give([(4, "left")]) == {4: 1}, "another vote on the side"
    assert places.give([(4, "left"), (6, "left"), (7, None)]) == {4: 1, 6: 3, 7: 2}
    assert [of_hand(body, side) for body in (1, 2, 8) for side in ("left", "right")] == [1, 2, 3, 4, 15, 16]


def test_there_is_a_place_for_everybody() -> None:
    sides: tuple[Side, ...] = ("left", "right", None)
    for side in sides:
        places = Places()
        places.give([(number, None) for number in range(MOST_PEOPLE)])
        now = places.give([(100 + number, side) for number in range(MOST_PEOPLE)])
        assert len(set(now.values())) == MOST_PEOPLE
