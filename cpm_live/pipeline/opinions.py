"""Second opinions: hands that are followed at a wrong size.

The fingers of a fist are like a small hand, a forearm with its hand is like a large one, and who is followed by their
own joints stays as large as they were begun. Where the finder, or a wrist, has a hand in the same place at clearly
another size, that is looked at too, and the surer look has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cpm_live.core.crop import Box
from cpm_live.core.findings import Found
from cpm_live.pipeline.sights import Sight
from cpm_live.pipeline.tracks import State, Track

_OTHER_SIZE = 1.35
"""So many times larger or smaller is another size."""
_SURE = 0.5
"""Offers that are less sure are no reason to doubt."""
_MOST = 2
"""Looks of a frame that go into this."""
_BETTER = 0.03
"""By so much must the second opinion be believed in more."""


def second_opinions(seen: Sequence[Track], offers: Sequence[Found], now: float, wider: float) -> list[Track]:
    """Places to look at as well, the surest offer for each track first; ``wider`` as a first look is."""
    out: list[Track] = []
    for offer in sorted(offers, key=lambda found: -found.score):
        for track in seen:
            larger = offer.size / track.size
            if (
                offer.score >= _SURE
                and max(larger, 1 / larger) > _OTHER_SIZE
                and one_place(offer, track.expected_box(now))
                and all(other.second_of is not track for other in out)
            ):
                out.append(Track(offer.box, first_look=wider, second_of=track))
    return out[:_MOST]


def one_place(offer: Found, box: Box, reach: float = 0.4) -> bool:
    """Whether an offer is in the place of a box, whatever their sizes: their middles within so many of the larger."""
    x, y, w, h = box
    return float(np.hypot(offer.x - x - w / 2, offer.y - y - h / 2)) < reach * max(offer.size, w, h)


def take_over(kept: list[Sight], good: Sequence[Sight], alike: Callable[[Sight, Sight], bool]) -> None:
    """Put the second opinions that are surer in the place of the first ones, in ``kept``; not where they show another
    hand that is followed: ``alike`` tells."""
    first = {id(sight.track): place for place, sight in enumerate(kept)}
    for sight in good:
        whose = sight.track.second_of
        if sight.track.state is not State.NEW or whose is None or sight.box is None:
            continue
        place = first.get(id(whose))
        if place is None or sight.presence <= kept[place].presence + _BETTER:
            continue
        if not any(alike(sight, other) for other in kept if other is not kept[place]):
            sight.track = whose
            whose.look_in(sight.box)
            kept[place] = sight
