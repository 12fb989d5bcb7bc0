"""Small numbers for who is followed, which other programs can be patched to."""

from __future__ import annotations

from collections.abc import Sequence

from cpm_live.core.pose import Side
from cpm_live.pipeline.options import MOST_PEOPLE

_MANY = 2 * MOST_PEOPLE
"""Places there are: so many left hands would find one each."""


class Places:
    """Gives everybody a place from 1 on, which is theirs while they are seen and somebody else's afterwards.

    Track numbers grow for as long as a session lasts; a program that listens is patched to the first or the second
    person. Whoever was out of sight comes back to the place they had, if it is free. Left hands have odd places and
    right ones even places.
    """

    def __init__(self) -> None:
        self._last: list[int | None] = [None] * _MANY
        self._now: dict[int, int] = {}

    def give(self, people: Sequence[tuple[int, Side]]) -> dict[int, int]:
        """The places of those who are seen now, by track number.

        Args:
            people: at most ``options.MOST_PEOPLE``: their track numbers, and of hands the side where it is known.
        """
        kept = {number: self._now[number] for number, side in people if number in self._now}
        now = {number: kept[number] for number, side in people if number in kept and _fits(kept[number], side)}
        for number, side in people:
            if number not in now:
                free = [place for place in range(1, _MANY + 1) if place not in now.values() and _fits(place, side)]
                now[number] = next((place for place in free if self._last[place - 1] == number), free[0])
        for number, place in now.items():
            self._last[place - 1] = number
        self._now = now
        return now


def of_hand(body: int, side: Side) -> int:
    """The place of a hand at the wrist of the body that has this place."""
    return 2 * body - (side == "left")


def _fits(place: int, side: Side) -> bool:
    return side is None or place % 2 == (side == "left")
