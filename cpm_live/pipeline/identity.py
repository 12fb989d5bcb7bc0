"""Identity: whose number a person gets back, by their clothes, where their way does not tell.

Measured on the webcam clips: the same clothes are alike by 0.7 and more, two people's by 0.55 and less.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cpm_live.pipeline.colours import likeness
from cpm_live.pipeline.sights import Sight
from cpm_live.pipeline.tracks import State, Track

ALIKE = 0.65
UNLIKE = 0.55
_PATIENCE = 4
"""Frames in a row that somebody must wear somebody else's clothes before the numbers are put right."""
_STEADY = 0.8
"""Of whoever is followed alone only clothes as alike as this are learned: a passer-by's are not."""
_ACCEPTED = 90
"""After so many frames in somebody else's clothes, in which nobody else was found in theirs, the light has changed."""

_NEW_S = 1.5
"""For so long somebody new may turn out to be somebody known."""
_TOGETHER_S = 0.2
"""Somebody known may be seen for so long beside the new one they turn out to be."""


def returned(sight: Sight, lost: Sequence[Track], now: float) -> Track | None:
    """Who was lost and is now seen again, dressed the same and not further away than people go."""
    if sight.box is None or sight.colours is None:
        return None
    x, y = sight.box[0] + sight.box[2] / 2, sight.box[1] + sight.box[3] / 2
    best, most = None, ALIKE
    for track in lost:
        if track.colours is None:
            continue
        reach = (0.6 + 1.5 * min(now - track.seen_s, 1.0)) * track.size
        alike = likeness(track.colours, sight.colours)
        ratio = max(sight.box[2:]) / track.size
        if alike > most and 0.5 < ratio < 2.0 and np.hypot(x - track.centre[0], y - track.centre[1]) < reach:
            best, most = track, alike
    return best


def put_right(sights: Sequence[Sight], lost: Sequence[Track], now: float) -> None:
    """Give back numbers that were exchanged when people crossed.

    Somebody who wears the clothes that belong to another number, for some frames in which nobody is in the
    way, has that number; the other one gets theirs. Somebody new who was somebody lost all along, too.

    Args:
        sights: of tracks that stand apart from the others, in this frame.
        lost: tracks that nobody sees.
    """
    for sight in sights:
        track = sight.track
        # Two who were both seen for a while are two people, however new.
        older = [other for other in lost if other.id < track.id and other.seen_s <= track.born_s + _TOGETHER_S]
        was = returned(sight, older, now) if now - track.born_s < _NEW_S else None
        if was is not None:
            track.id, was.id = was.id, track.id
            track.born_s = was.born_s
            was.colours = None
            continue
        own = likeness(track.colours, sight.colours)
        others = [s.track for s in sights if s is not sight] + list(lost)
        owner = max(others, key=lambda other: likeness(other.colours, sight.colours), default=None)
        theirs = 0.0 if owner is None or owner.colours is None else likeness(owner.colours, sight.colours)
        wrong = sight.colours is not None and own < UNLIKE and theirs > max(ALIKE, own + 0.15)
        track.unlike = track.unlike + 1 if wrong else 0
        if wrong and owner is not None and track.unlike >= _PATIENCE:
            if owner.state is State.SEEN and owner.unlike < _PATIENCE - 1:
                continue  # the other one is well dressed: two people in the same clothes
            track.id, owner.id = owner.id, track.id
            track.colours, owner.colours = owner.colours, track.colours
            track.unlike = owner.unlike = 0


def doubted(track: Track) -> bool:
    """Whether somebody who is followed alone has worn somebody else's clothes for some frames."""
    return track.unlike >= _PATIENCE


def keep_to(kept: list[Sight], others: Sequence[Sight]) -> None:
    """Whoever is followed alone may be covered by a passer-by, who then has their number, and nobody else is followed
    whose number it could be: of the ``others`` who wears their clothes is them. Changes ``kept``, which holds one sight
    or none."""
    for place, sight in enumerate(kept):
        track, own = sight.track, likeness(sight.track.colours, sight.colours)
        if sight.colours is None or track.colours is None:
            continue
        track.unlike = track.unlike + 1 if own < UNLIKE else 0
        right = max(others, key=lambda other: likeness(track.colours, other.colours), default=None)
        theirs = 0.0 if right is None or right.colours is None else likeness(track.colours, right.colours)
        if doubted(track) and right is not None and theirs > max(ALIKE, own + 0.15):
            right.track, kept[place] = track, right
            track.unlike = 0
        elif track.unlike >= _ACCEPTED:
            track.colours, track.unlike = sight.colours, 0


def learned(sight: Sight, alone: bool) -> bool:
    """Whether clothes that were seen may be learned as the track's: where two people overlap the chest may be the
    other one's, and so may a number that went astray.

    Args:
        alone: nobody else is followed.
    """
    known = sight.track.colours
    return known is None or likeness(known, sight.colours) > (_STEADY if alone else UNLIKE - 0.1)
