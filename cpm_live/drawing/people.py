"""Colours of people, where there are several: limbs tell who is who, joints go on telling left from right."""

from __future__ import annotations

from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import Colour

PEOPLE: tuple[Colour, ...] = (
    (235, 250, 50), (173, 115, 254), (154, 254, 221), (116, 162, 93),
    (192, 254, 157), (44, 165, 148), (190, 161, 40), (221, 190, 253),
)  # fmt: skip
"""By track number; all are told apart without red or green cones, too, and none is the joints' blue or orange."""


def person_colour(result: Result, pose: Pose) -> Colour | None:
    """The colour of this person's limbs and box; None where the skeleton's own colours say more.

    That is so for somebody alone, and for hands, whose colours tell the fingers.
    """
    if len(result.poses) < 2 or result.skeleton.name == "hand":
        return None
    # The number's own colour, or the next one that nobody with a lower number has: eight are shown at most.
    taken: set[int] = set()
    for number in sorted(other.id for other in result.poses):
        own = (number - 1) % len(PEOPLE)
        free = next((i % len(PEOPLE) for i in range(own, own + len(PEOPLE)) if i % len(PEOPLE) not in taken), own)
        if number == pose.id:
            return PEOPLE[free]
        taken.add(free)
    return None
