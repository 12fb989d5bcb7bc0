"""Skeletons: which joints a model knows, how limbs join them, and what a mirror swaps.

Joint orders are those of the training data (``shared/data/README.md``): LSP's for the body,
OpenPose's (also MediaPipe's and FreiHAND's) for the hand. Left and right are the person's own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

Colour = tuple[int, int, int]
"""Red, green, blue, each 0..255."""

RIGHT: Colour = (255, 138, 76)
LEFT: Colour = (64, 182, 255)
MIDDLE: Colour = (236, 232, 120)


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The joints of one kind of thing.

    Attributes:
        name: ``"body"`` or ``"hand"`` (any word for a user's own, see ``core.own_skeleton``).
        joints: the K joint names, in the order of the belief maps.
        limbs: pairs of joint indices that are drawn as a line.
        flip: for joint k, the joint it becomes in a mirrored image (``flip[k] == k`` in the middle).
        colours: one RGB colour per joint.
        limb_colours: one RGB colour per limb.
        sigmas: per-joint fall-off for OKS, as COCO defines it (0.05 where nobody has measured one).
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    flip: tuple[int, ...]
    colours: tuple[Colour, ...]
    limb_colours: tuple[Colour, ...]
    sigmas: tuple[float, ...]

    def __post_init__(self) -> None:
        count = len(self.joints)
        if not (len(self.flip) == len(self.colours) == len(self.sigmas) == count):
            raise ValueError(f"skeleton {self.name!r}: flip, colours and sigmas need {count} entries")
        if sorted(self.flip) != list(range(count)):
            raise ValueError(f"skeleton {self.name!r}: flip must be a permutation of 0..{count - 1}")

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """The index of a joint by its :func:`plain` name. Raises ``ValueError`` naming the joints that exist."""
        if joint in self.joints:
            return self.joints.index(joint)
        for place, own in enumerate(self.joints):
            if plain(own) == plain(joint):
                return place
        raise ValueError(f"{self.name} has no joint {joint!r}; it has {', '.join(self.joints)}")

    def has(self, joints: Sequence[str]) -> bool:
        """Whether these are its joints, in its order, by their :func:`plain` names."""
        return [*map(plain, joints)] == [*map(plain, self.joints)]

    def label(self, index: int) -> str:
        """A joint's name as people read it: ``left wrist``; index K is the background."""
        return "background" if index == len(self) else self.joints[index].replace("_", " ")


def plain(joint: str) -> str:
    """A joint's name as names are compared: ``Left wrist``, ``left-wrist`` and ``left_wrist`` are one."""
    return unicodedata.normalize("NFC", joint).strip().lower().replace(" ", "_").replace("-", "_")


def _side_colour(name: str) -> Colour:
    if name.startswith("right"):
        return RIGHT
    return LEFT if name.startswith("left") else MIDDLE


def _body() -> Skeleton:
    joints = (
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
        "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
        "neck", "head_top",
    )  # fmt: skip
    limbs = (
        (0, 1), (1, 2), (3, 4), (4, 5), (6, 7), (7, 8), (9, 10), (10, 11),
        (8, 12), (9, 12), (12, 13), (8, 2), (9, 3), (2, 3),
    )  # fmt: skip
    right = {0, 1, 2, 6, 7, 8}
    left = {3, 4, 5, 9, 10, 11}
    return Skeleton(
        name="body",
        joints=joints,
        limbs=limbs,
        flip=(5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13),
        colours=tuple(_side_colour(name) for name in joints),
        limb_colours=tuple(
            RIGHT if {a, b} & right and not {a, b} & left else LEFT if {a, b} & left and not {a, b} & right else MIDDLE
            for a, b in limbs
        ),
        # COCO's ankle, knee, hip, wrist, elbow, shoulder; neck and head top as CrowdPose sets them.
        sigmas=(0.089, 0.087, 0.107, 0.107, 0.087, 0.089, 0.062, 0.072, 0.079, 0.079, 0.072, 0.062, 0.079, 0.079),
    )


def _hand() -> Skeleton:
    fingers = ("thumb", "index", "middle", "ring", "pinky")
    finger_colours: tuple[Colour, ...] = (
        (255, 110, 110), (255, 190, 80), (140, 220, 100), (80, 190, 255), (190, 130, 255),
    )  # fmt: skip
    joints = ("wrist", *(f"{finger}_{part}" for finger in fingers for part in range(1, 5)))
    limbs = tuple((0 if part == 0 else 4 * f + part, 4 * f + part + 1) for f in range(5) for part in range(4))
    return Skeleton(
        name="hand",
        joints=joints,
        limbs=limbs,
        flip=tuple(range(21)),
        colours=(MIDDLE, *(finger_colours[f] for f in range(5) for _ in range(4))),
        limb_colours=tuple(finger_colours[f] for f in range(5) for _ in range(4)),
        # COCO-WholeBody's hand sigmas (Jin et al., ECCV 2020).
        sigmas=(.029, .022, .035, .037, .047, .026, .025, .024, .035, .018, .024, .022, .026,
                .017, .021, .021, .032, .02, .019, .022, .031),
    )  # fmt: skip


BODY = _body()
HAND = _hand()
FINDER = Skeleton("finder", ("person", "hand"), (), (0, 1), (MIDDLE, LEFT), (), (0.1, 0.1))
"""Not joints but whom the finder finds: its first two belief maps peak at their centres."""
SKELETONS: Mapping[str, Skeleton] = MappingProxyType({"body": BODY, "hand": HAND, "finder": FINDER})
