"""Colours of people, where there are several: limbs tell who is who, joints go on telling left from right."""

from __future__ import annotations

from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import Colour

PEOPLE: tuple[Colour, ...] = (
    (98, 222, 142), (196, 138, 255), (255, 214, 84), (255, 112, 160),
    (92, 224, 224), (182, 232, 84), (255, 176, 150), (158, 176, 255),
)  # fmt: skip
"""By track number; neighbours are far apart, and none is the joints' blue or orange."""


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
