"""Hands at the wrists of bodies: "Body + hands".

Each forearm says where its hand should be and how large; the hand network's own presence says whether it is.
A hand that was seen is followed by its own joints as long as they stay near the wrist.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box, Crop
from cpm_live.core.pose import Pose, Side
from cpm_live.core.skeleton import Skeleton
from cpm_live.engines.base import Engine, Looked
from cpm_live.engines.recipe import Recipe
from cpm_live.pipeline.match import follow_sigmas, overlap
from cpm_live.pipeline.options import MOST_PEOPLE, Options, Thresholds
from cpm_live.pipeline.show import make_pose
from cpm_live.pipeline.sights import Sight, same, sights
from cpm_live.pipeline.tracks import State, Track

# Lengths of an adult: a hand is 0.72 of the forearm, 0.66 of the upper arm and 0.45 of the shoulders' width.
_OF_FOREARM, _OF_UPPER_ARM, _OF_SHOULDERS = 0.72, 0.66, 0.45
_BEYOND_WRIST = 0.45
"""The hand's middle lies so many hand lengths beyond the wrist."""
_NEAR = 0.8
"""Hand lengths between the two networks' wrists beyond which it is another hand."""


def hand_box(body: NDArray[np.float32], skeleton: Skeleton, side: Side, least: float) -> Box | None:
    """Where the hand of a body (K, 3) should be; None where wrist or elbow is not sure (>= ``least``)."""
    wrist, elbow, shoulder = (body[skeleton.index(f"{side}_{part}")] for part in ("wrist", "elbow", "shoulder"))
    other = body[skeleton.index(f"{'left' if side == 'right' else 'right'}_shoulder")]
    if min(wrist[2], elbow[2]) < least:
        return None
    along = wrist[:2] - elbow[:2]
    length = _OF_FOREARM * float(np.hypot(*along))
    # A forearm that points at the camera looks short; the hand at its end does not.
    if shoulder[2] >= least:
        length = max(length, _OF_UPPER_ARM * float(np.hypot(*(elbow[:2] - shoulder[:2]))) * 0.8)
        if other[2] >= least:
            length = max(length, _OF_SHOULDERS * float(np.hypot(*(other[:2] - shoulder[:2]))) * 0.8)
    if length < 4:
        return None
    x, y = wrist[:2] + along / max(float(np.hypot(*along)), 1e-6) * _BEYOND_WRIST * length
    corner = (length - 1) / 2
    return float(x) - corner, float(y) - corner, length, length


class WristHands:
    """The hands of the bodies in one source.

    Args:
        recipe: the hand model's; ``engine`` runs it.
        body: the bodies' skeleton.
    """

    def __init__(self, recipe: Recipe, engine: Engine, body: Skeleton) -> None:
        self.recipe, self.engine, self._body = recipe, engine, body
        self._tracks: dict[tuple[int, Side], Track] = {}
        self._next_id = 1

    def __call__(
        self, image: NDArray[np.uint8], bodies: Sequence[Pose], body_threshold: float, now: float, options: Options
    ) -> tuple[tuple[Pose, ...], Looked | None]:
        """The hands of the bodies in a frame (H, W, 3), each with the side of its wrist, and what the looks took."""
        limits = options.thresholds(self.recipe)
        preset = self.engine.preset
        places: dict[tuple[int, Side], tuple[Box, NDArray[np.float32]]] = {}
        for body in sorted(bodies, key=lambda b: -max(b.box[2:])):
            sides: tuple[Side, Side] = ("right", "left")
            for side in sides:
                box = hand_box(body.raw, self._body, side, body_threshold)
                if box is not None and len(places) < MOST_PEOPLE:
                    places[body.id, side] = box, body.raw[self._body.index(f"{side}_wrist")]
        self._tracks = {key: track for key, track in self._tracks.items() if key in places or now - track.seen_s <= 1.0}
        wanted: list[tuple[Track, Crop]] = []
        for key, (box, _) in places.items():
            track = self._tracks.setdefault(key, Track(box))
            if track.state is State.SEEN and _gap(track.expected_box(now), box) < _NEAR:
                crop = track.crop(now, preset.size, preset.stride, self.recipe.margin)
            else:
                crop = Crop.around(box, preset.size, preset.stride, self.recipe.margin)
            wanted.append((track, crop))
        if not wanted:
            return (), None
        looked = self.engine.look(image, [crop for _, crop in wanted], len(self.recipe.skeleton))
        seen = sights(looked, wanted, image, self.recipe.skeleton, limits)
        good = [
            (key, sight)
            for (key, (box, wrist)), sight in zip(places.items(), seen, strict=True)
            if self._believed(sight, box, wrist, limits)
        ]
        poses: list[Pose] = []
        kept: list[Sight] = []
        sigmas = follow_sigmas(self.recipe.skeleton.sigmas)
        for key, sight in sorted(good, key=lambda item: -item[1].presence):
            # Two wrists close together may both show the one hand in front.
            if any(same(sight, other, sigmas, limits.follow) for other in kept):
                continue
            kept.append(sight)
            poses.append(self._show(key[1], sight, now, limits, options))
        for track in self._tracks.values():
            if all(sight.track is not track for sight in kept):
                track.missed(now)
        return tuple(sorted(poses, key=lambda pose: pose.id)), looked

    def _believed(self, sight: Sight, box: Box, wrist: NDArray[np.float32], limits: Thresholds) -> bool:
        needs = limits.keep if sight.track.state is State.SEEN else limits.find
        if sight.box is None or sight.presence < needs:
            return False
        size = box[2]
        if not 0.3 * size <= max(sight.box[2:]) <= 2.0 * size or (
            overlap(sight.box, box) == 0 and _gap(sight.box, box) > 1
        ):
            return False
        own = sight.joints[0]
        return bool(own[2] < limits.follow or np.hypot(*(own[:2] - wrist[:2])) <= _NEAR * size)

    def _show(self, side: Side, sight: Sight, now: float, limits: Thresholds, options: Options) -> Pose:
        track = sight.track
        assert sight.box is not None
        if not track.id:
            track.id, self._next_id = self._next_id, self._next_id + 1
        track.saw(sight.joints, sight.box, sight.presence, now, self.recipe.margin, limits.follow)
        track.side_votes = 1.0 if side == "right" else -1.0
        return make_pose(sight, limits, options.smoothing, self.engine.preset)

    def reset(self) -> None:
        """Forget all hands; numbers go on."""
        self._tracks.clear()

    def close(self) -> None:
        """Close the engine."""
        self.engine.close()


def _gap(a: Box, b: Box) -> float:
    """Distance of two boxes' middles over ``b``'s side."""
    return float(np.hypot(a[0] + a[2] / 2 - b[0] - b[2] / 2, a[1] + a[3] / 2 - b[1] - b[3] / 2)) / max(b[2], b[3], 1.0)
