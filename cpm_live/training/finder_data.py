"""What the finder learns from: whole pictures with all the people and hands known in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.skeleton import BODY, HAND
from cpm_live.training import dataset
from cpm_live.training.dataset import Sample

PERSON, HAND_KIND = 0, 1
"""Indices of the finder's first two maps."""

NOBODY = ("plain", "palm", "asl", "tom")
"""Sources whose pictures show hands and arms but no person."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One person or hand of a picture.

    Attributes:
        kind: ``PERSON`` or ``HAND_KIND``.
        points: (n, 2) its labelled joints in pixels.
        side: of a hand: -1 the person's right, 1 their left, 0 unknown.
    """

    kind: int
    points: NDArray[np.float32]
    side: int = 0


@dataclass(slots=True)
class Picture:
    """A whole picture.

    Attributes:
        sample: one of those that are labelled in it.
        things: what is labelled in it.
        known: whether absence of an unlabelled person, hand means that there is none.
    """

    sample: Sample
    things: list[Labelled] = field(default_factory=list)
    known: list[bool] = field(default_factory=lambda: [False, False])

    def image(self) -> NDArray[np.uint8]:
        """The picture, BGR."""
        return self.sample.image()

    @property
    def source(self) -> str:
        """Which data set it came from."""
        return self.sample.source

    @property
    def whole(self) -> bool:
        """Whether this is a scene of its own, as a webcam sees it, and not a cut-out."""
        return self.source.startswith("webcam")


def load(folder: Path, split: str) -> list[Picture]:
    """All pictures of one split, bodies and hands of the same picture brought together.

    Raises:
        InputError: no body or hand annotations in ``folder``.
    """
    return combine(dataset.load(folder, BODY, split), dataset.load(folder, HAND, split))


def combine(bodies: Sequence[Sample], hands: Sequence[Sample]) -> list[Picture]:
    """Pictures from samples of bodies and of hands.

    The side of a hand is that of the nearest labelled wrist of the bodies in the same picture, where that
    wrist is clearly nearer than any of the other side. Who has no labelled joint counts with the corners of their
    box; where there is none either, nobody knows who is in the picture.
    """
    pictures: dict[str, Picture] = {}
    wrists: defaultdict[str, list[NDArray[np.float32]]] = defaultdict(list)
    guesses: defaultdict[str, list[Labelled]] = defaultdict(list)
    unplaced: list[tuple[str, int]] = []

    def add(sample: Sample, kind: int) -> Picture:
        picture = pictures.setdefault(sample.name, Picture(sample))
        picture.known[kind] = True
        if len(points := _points(sample)):
            side = _side(sample.joints[0], wrists.get(sample.name, ()), points) if kind == HAND_KIND else 0
            picture.things.append(Labelled(kind, points, side))
        else:
            unplaced.append((sample.name, kind))
        return picture

    for sample in bodies:
        add(sample, PERSON)
        wrists[sample.name].append(sample.joints[[BODY.index("right_wrist"), BODY.index("left_wrist")]])
        guesses[sample.name] += hands_at_wrists(sample.joints)
    for sample in hands:
        picture = add(sample, HAND_KIND)
        if sample.source in NOBODY:
            picture.known[PERSON] = True
    for name, of_bodies in wrists.items():
        picture, guessed = pictures[name], guesses[name]
        labelled = [thing for thing in picture.things if thing.kind == HAND_KIND]
        picture.things += [hand for hand in guessed if not any(_same(hand, other) for other in labelled)]
        # With both wrists of everybody known there is no other hand; with fewer there may be.
        picture.known[HAND_KIND] = all(bool((both[:, 2] > 0).all()) for both in of_bodies)
    for name, kind in unplaced:
        pictures[name].known[kind] = False
    return [picture for picture in pictures.values() if picture.things]


HAND_OF_TORSO = 0.3
"""Longer side of a hand's box over the torso's length (shoulder to opposite hip), roughly."""


def hands_at_wrists(joints: NDArray[np.float32]) -> list[Labelled]:
    """Hands that nobody has labelled, guessed from visible wrists and elbows (K, 3) of a body.

    They lie beyond the wrist in the forearm's direction; how large they are follows from the torso, or
    from the shoulders where there are no hips. Their points are the corners of the guessed box.
    """
    hands = []
    size = HAND_OF_TORSO * _torso(joints)
    for name, side in (("right", -1), ("left", 1)):
        wrist, elbow = joints[BODY.index(f"{name}_wrist")], joints[BODY.index(f"{name}_elbow")]
        if wrist[2] <= 0 or elbow[2] <= 0 or size < 3:
            continue
        along = wrist[:2] - elbow[:2]
        length = float(np.hypot(*along))
        # A forearm that points at the camera has no direction in the picture.
        centre = wrist[:2] + along / max(length, 1e-6) * min(0.45 * size, 0.4 * length)
        corners = centre + 0.5 * size * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        hands.append(Labelled(HAND_KIND, corners.astype(np.float32), side))
    return hands


def _torso(joints: NDArray[np.float32]) -> float:
    lengths = []
    for a, b, times in (("left_shoulder", "right_hip", 1.0), ("right_shoulder", "left_hip", 1.0),
                        ("left_shoulder", "right_shoulder", 1.5)):  # fmt: skip
        first, second = joints[BODY.index(a)], joints[BODY.index(b)]
        if first[2] > 0 and second[2] > 0:
            lengths.append(times * float(np.hypot(*(first[:2] - second[:2]))))
    return max(lengths, default=0.0)


def _same(guess: Labelled, labelled: Labelled) -> bool:
    """Whether a guessed hand is the labelled one."""
    size = float(np.ptp(labelled.points, axis=0).max()) + float(np.ptp(guess.points, axis=0).max())
    return bool(np.hypot(*(guess.points.mean(axis=0) - labelled.points.mean(axis=0))) < 0.5 * size)


def _points(sample: Sample) -> NDArray[np.float32]:
    """The labelled joints (n, 2); without any the corners of the box, as of people in a crowd; none without either."""
    labelled = sample.joints[sample.joints[:, 2] > 0, :2]
    return np.asarray(labelled if len(labelled) else sample.corners, np.float32)


def _side(wrist: NDArray[np.float32], bodies: Sequence[NDArray[np.float32]], points: NDArray[np.float32]) -> int:
    """Which hand one with this wrist (3,) and these points is: -1 right, 1 left, 0 unknown.

    Args:
        bodies: right and left wrists (2, 3) of each.
    """
    if wrist[2] <= 0:
        return 0
    hand_size = float(np.ptp(points, axis=0).max())
    away = [
        min((float(np.hypot(*(both[row, :2] - wrist[:2]))) for both in bodies if both[row, 2] > 0), default=np.inf)
        for row in (0, 1)
    ]
    near = int(np.argmin(away))
    if away[near] > 0.5 * hand_size or away[1 - near] < 1.5 * hand_size:
        return 0
    return -1 if near == 0 else 1
