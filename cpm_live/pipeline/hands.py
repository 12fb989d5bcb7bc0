"""Hands at the wrists of bodies: "Body + hands".

Each forearm says where its hand should be and how large; the hand network's own presence says whether it is.
A hand that was seen is followed by its own joints as long as they stay near the wrist.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box, Crop
from cpm_live.core.pose import Pose, Side
from cpm_live.core.skeleton import Skeleton
from cpm_live.engines.base import Engine
from cpm_live.engines.recipe import Recipe
from cpm_live.pipeline.match import follow_sigmas, overlap
from cpm_live.pipeline.options import MOST_PEOPLE, Options, Thresholds
from cpm_live.pipeline.show import make_pose
from cpm_live.pipeline.sights import Sight, nested, same, sights
from cpm_live.pipeline.tracks import TOLD, State, Track

SIDES: tuple[Side, Side] = ("right", "left")

# Lengths of an adult: a hand is 0.72 of the forearm, 0.66 of the upper arm and 0.45 of the shoulders' width.
_OF_FOREARM, _OF_UPPER_ARM, _OF_SHOULDERS = 0.72, 0.66, 0.45
_BEYOND_WRIST = 0.45
"""The hand's middle lies so many hand lengths beyond the wrist."""
_NEAR = 0.8
"""Hand lengths between the two networks' wrists beyond which it is another hand."""
SIZES = (0.8, 1.4, 2.2)
"""A hand that is not followed yet is looked for at these sizes in turn, one a frame: arms tell how large a hand at the
shoulder's distance is, a fist is smaller, and one that is held up to the camera is twice as large."""
_OF_HAND = 0.7
"""Of the size of a hand that is seen, where it is larger than the arm tells: its hand length."""
_SPECK, _LARGE = 0.04, 480
"""Below this share of a picture's short side, of one that has at most so many pixels there, a hand tells nothing."""
_OWNED = 0.1
"""So much surer must the look of another wrist be to take a hand over."""
_SMALLEST, _LARGEST = 0.3, 4.0
"""Of the size that the arm tells: nothing else is believed to be its hand."""


def hand_box(body: NDArray[np.float32], skeleton: Skeleton, side: Side, least: float) -> Box | None:
    """Where the hand of a body (K, 3) should be; None where its wrist or its size is not sure (>= ``least``).

    With the elbow out of the picture the hand is taken to be held up: nobody sees the wrist of one that hangs down.
    """
    wrist, elbow, shoulder = (body[skeleton.index(f"{side}_{part}")] for part in ("wrist", "elbow", "shoulder"))
    other = body[skeleton.index(f"{'left' if side == 'right' else 'right'}_shoulder")]
    if wrist[2] < least:
        return None
    along, length = np.array([0.0, -1.0]), 0.0
    # A forearm that points at the camera looks short; the hand at its end does not.
    if elbow[2] >= least:
        along = wrist[:2] - elbow[:2]
        length = _OF_FOREARM * float(np.hypot(*along))
        if shoulder[2] >= least:
            length = max(length, _OF_UPPER_ARM * float(np.hypot(*(elbow[:2] - shoulder[:2]))) * 0.8)
    if min(shoulder[2], other[2]) >= least:
        length = max(length, _OF_SHOULDERS * float(np.hypot(*(other[:2] - shoulder[:2]))) * 0.8)
    if length < 4:
        return None
    x, y = wrist[:2] + along / max(float(np.hypot(*along)), 1e-6) * _BEYOND_WRIST * length
    corner = (length - 1) / 2
    return float(x) - corner, float(y) - corner, length, length


Key = tuple[int, Side]
"""Whose hand: a body's number and the side."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an arm says that its hand is: a box, and the wrist (3,): x, y in frame pixels, score."""

    box: Box
    wrist: NDArray[np.float32]


class WristHands:
    """The hands of the bodies in one source.

    Args:
        recipe: the hand model's; ``engine`` runs it.
        body: the bodies' skeleton.
    """

    def __init__(self, recipe: Recipe, engine: Engine, body: Skeleton) -> None:
        self.recipe, self.engine, self._body = recipe, engine, body
        self._tracks: dict[Key, Track] = {}
        self._tries: Counter[Key] = Counter()
        self._next_id = 1
        self._shown: dict[Key, Pose] = {}

    def __call__(
        self,
        image: NDArray[np.uint8],
        bodies: Sequence[Pose],
        body_threshold: float,
        now: float,
        options: Options,
        again: bool = False,
    ) -> tuple[Pose, ...]:
        """The hands of the bodies in a frame (H, W, 3), each with the side of its wrist.

        Args:
            again: it is the frame before, for those that were not seen: the others stay as they are.
        """
        self._shown = self._shown if again else {}
        limits = options.thresholds(self.recipe)
        places = self._places(bodies, body_threshold)
        self._tracks = {key: track for key, track in self._tracks.items() if key in places or now - track.seen_s <= 1.0}
        self._tries = Counter({key: tries for key, tries in self._tries.items() if key in self._tracks})
        wanted: list[tuple[Track, Crop]] = []
        guessed: list[Key] = []
        for key, place in places.items():
            track = self._tracks.setdefault(key, Track(place.box))
            near = _apart(track.expected_box(now), place.box) < _NEAR * max(place.box[2], _OF_HAND * track.size)
            if track.state is State.SEEN and near:
                preset = self.engine.preset
                crop = track.crop(now, preset.size, preset.stride, self.recipe.margin)
            else:
                guessed.append(key)
                crop = self._around(place.box, SIZES[self._tries[key] % len(SIZES)])
            wanted.append((track, crop))
        looked = zip(places, self._look(image, wanted, limits), strict=True)
        seen = {key: sight for key, sight in looked if self._believed(sight, places[key], limits)}
        # Who is new is looked at once more, closer, like bodies: the size was a guess.
        fresh = [(key, seen.pop(key)) for key in guessed if key in seen]
        closer = [(sight.track, self._around(sight.box or sight.crop.box)) for _, sight in fresh]
        for (key, _), sight in zip(fresh, self._look(image, closer, limits), strict=True):
            if self._believed(sight, places[key], limits):
                seen[key] = sight
        poses: list[Pose] = []
        kept: list[Sight] = []
        sigmas = follow_sigmas(self.recipe.skeleton.sigmas)
        for key, sight in sorted(seen.items(), key=lambda item: -_claim(item[1])):
            # Two wrists close together may both show the one hand in front.
            if any(same(sight, other, sigmas, limits.follow) or nested(sight, other) for other in kept):
                continue
            kept.append(sight)
            poses.append(self._show(key, sight, now, limits, options))
        for key, track in self._tracks.items():
            if all(sight.track is not track for sight in kept):
                track.missed()
                # The size at which a hand was found is the first to be tried when it is lost.
                self._tries[key] += key in guessed
        return tuple(sorted(poses, key=lambda pose: pose.id))

    def _places(self, bodies: Sequence[Pose], least: float) -> dict[Key, _Place]:
        """Where the arms say that hands are: of those whose hands are followed first, then of the largest bodies."""
        places: dict[Key, _Place] = {}
        followed = {key[0] for key, track in self._tracks.items() if track.state is State.SEEN}
        for body in sorted(bodies, key=lambda b: (b.id not in followed, -max(b.box[2:]))):
            for side in SIDES:
                box = hand_box(body.raw, self._body, side, least)
                if box is not None and len(places) < MOST_PEOPLE:
                    places[body.id, side] = _Place(box, body.raw[self._body.index(f"{side}_wrist")])
        return places

    @property
    def unseen(self) -> bool:
        """Whether a hand is looked for and not seen: at another size it may be."""
        return any(track.state is not State.SEEN for track in self._tracks.values())

    def _around(self, box: Box, wider: float = 1.0) -> Crop:
        preset = self.engine.preset
        return Crop.around(box, preset.size, preset.stride, self.recipe.margin * wider)

    def _look(self, image: NDArray[np.uint8], wanted: Sequence[tuple[Track, Crop]], limits: Thresholds) -> list[Sight]:
        skeleton = self.recipe.skeleton
        if not wanted:
            return []
        looked = self.engine.look(image, [crop for _, crop in wanted], len(skeleton))
        # In a large picture the hands of people who stand back are a small share of it, and clear enough.
        least = _SPECK * min(*image.shape[:2], _LARGE)
        return sights(looked, wanted, image, skeleton, limits, dressed=False, least=least)

    def _believed(self, sight: Sight, place: _Place, limits: Thresholds) -> bool:
        needs = limits.keep if sight.track.state is State.SEEN else limits.find
        if sight.box is None or sight.presence < needs - TOLD:
            return False
        box, told, size = place.box, place.box[2], max(sight.box[2:])
        if not _SMALLEST * told <= size <= _LARGEST * told or (
            overlap(sight.box, box) == 0 and _gap(sight.box, box) > 1
        ):
            return False
        own = sight.joints[0]
        return bool(
            own[2] < limits.follow or np.hypot(*(own[:2] - place.wrist[:2])) <= _NEAR * max(told, _OF_HAND * size)
        )

    def _show(self, key: Key, sight: Sight, now: float, limits: Thresholds, options: Options) -> Pose:
        track = sight.track
        assert sight.box is not None
        if (shown := self._shown.get(key)) is not None and shown.id == track.id:
            return shown  # smoothed by now: of a second look at once, no time has passed
        if not track.id:
            track.id, self._next_id = self._next_id, self._next_id + 1
        track.saw(sight.joints, sight.box, sight.presence, now, self.recipe.margin, limits.follow)
        body, side = key
        track.side_votes = 1.0 if side == "right" else -1.0
        self._shown[key] = make_pose(sight, limits, options.smoothing, self.engine.preset, body)
        return self._shown[key]

    def rescale(self, across: float, down: float) -> None:
        """The frame has another size from now on: factors of its width and height."""
        for track in self._tracks.values():
            track.rescale(across, down)

    def reset(self) -> None:
        """Forget all hands; numbers go on."""
        self._tracks.clear()
        self._tries.clear()
        self._shown = {}

    def close(self) -> None:
        """Close the engine."""
        self.engine.close()


def _claim(sight: Sight) -> float:
    """How good a claim on a hand is: it stays whose it was, unless another look is clearly surer."""
    return sight.presence + (_OWNED if sight.track.state is State.SEEN else 0.0)


def _gap(a: Box, b: Box) -> float:
    """Distance of two boxes' middles over ``b``'s side."""
    return _apart(a, b) / max(b[2], b[3], 1.0)


def _apart(a: Box, b: Box) -> float:
    return float(np.hypot(a[0] + a[2] / 2 - b[0] - b[2] / 2, a[1] + a[3] / 2 - b[1] - b[3] / 2))
