"""Follow: who is who from frame to frame. No pictures of its own, no engine: tracks in, sights in, tracks out.

A frame goes: :meth:`Follower.begin`, :meth:`Follower.suggest` with what the finder (or the search) offers,
:meth:`Follower.wanted` says where to look, :meth:`Follower.learn` takes what was seen there. Who is new is
looked at a second time, closer, before anybody is shown them: :meth:`Follower.confirm`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cpm_live.core.crop import Box, Crop
from cpm_live.core.findings import Found
from cpm_live.core.skeleton import Skeleton
from cpm_live.pipeline.colours import blend, likeness
from cpm_live.pipeline.identity import doubted, keep_to, learned, put_right, returned
from cpm_live.pipeline.locate import holds
from cpm_live.pipeline.match import assign, covered, follow_sigmas, oks, overlap, stretched
from cpm_live.pipeline.opinions import one_place, second_opinions, take_over
from cpm_live.pipeline.options import MOST_PEOPLE, Lock, Thresholds
from cpm_live.pipeline.places import away, fits, in_region, middle, touch
from cpm_live.pipeline.sides import tell_apart
from cpm_live.pipeline.sights import Sight, doubled, nested, same, settle
from cpm_live.pipeline.tracks import FIRST_LOOK, TOLD, State, Track

AGREE = 0.25
"""OKS that the second, closer look at somebody new must reach with the first."""
_LOOKS = 0.35
"""How much the clothes count against the place when poses are given to tracks."""
_BESIDE = 0.8
"""So near to a hand that is followed nobody is told of one more: wrists and finder offer a quick one beside itself."""
_SPARE = 2
"""So many more places than are free are looked at: some of the finder's offers are nobody."""

_FIRST = {"hand": 1.2}
"""Where it is not ``FIRST_LOOK``: wrists are better at guessing, and a small hand needs all the pixels it can get."""
_SURER = 0.15
"""Somebody new who overlaps somebody known must be so much surer: most of them are a piece of the known one."""
_UNFOUND = 3
"""After so many runs that do not see it a hand that is not sure is none. (Bodies are sure enough by themselves.)"""
_STIFF_LIMBS = (
    ("right_shoulder", "left_shoulder"), ("neck", "head_top"), ("neck", "right_shoulder"), ("neck", "left_shoulder"),
    ("right_hip", "left_hip"), ("right_shoulder", "right_hip"), ("left_shoulder", "left_hip"),
)  # fmt: skip
_TOP = ("head_top", "neck", "right_shoulder", "left_shoulder")
"""Somebody new shows at least one of these."""
_ASTRAY = 0.55
"""Where a track fits what the finder sees in its place less than this, the finder is right."""
_LOCK_PATIENCE_S = 1.0
"""For so long somebody is looked for at a point that was pointed at."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What holds for one frame: the clock (s), the frame's size and what the person at the screen wishes."""

    now: float
    width: int
    height: int
    limits: Thresholds
    budget: int
    region: Box | None = None


class Follower:
    """Keeps the tracks of one kind of thing (bodies or hands) in one source.

    Args:
        skeleton: theirs.
        size, stride: of the network.
        margin: crop side over the longer side of a pose's box.
    """

    def __init__(self, skeleton: Skeleton, size: int, stride: int, margin: float) -> None:
        self.skeleton, self.size, self.stride, self.margin = skeleton, size, stride, margin
        self._sigmas = follow_sigmas(skeleton.sigmas)
        joints = skeleton.joints
        self._stiff = [(joints.index(a), joints.index(b)) for a, b in _STIFF_LIMBS if a in joints and b in joints]
        self._top = [joints.index(name) for name in _TOP if name in joints]
        self._next_id = 1
        self.tracks: list[Track] = []
        self.left_out = 0
        self._told: list[Found] = []
        self.locked: int | None = None
        self.lock_point: tuple[float, float] | None = None
        self._lock_asked_s: float | None = None

    # -- looking in -------------------------------------------------------------------------------

    @property
    def seen(self) -> list[Track]:
        """Who was seen in the last frame, the first come first."""
        return sorted((t for t in self.tracks if t.state is State.SEEN), key=lambda t: (t.id != self.locked, t.id))

    @property
    def doubtful(self) -> bool:
        """Whether the one who alone is followed may be somebody else: they are looked for where the finder says."""
        return any(doubted(track) for track in self.seen) and len(self.seen) == 1

    @property
    def lost(self) -> list[Track]:
        """Who is not seen but not forgotten."""
        return [t for t in self.tracks if t.state is State.LOST]

    def reset(self) -> None:
        """Forget everybody; numbers go on."""
        self.tracks.clear()
        self.left_out = 0
        self.locked = self.lock_point = None

    def rescale(self, across: float, down: float) -> None:
        """The frame has another size from now on: factors of its width and height."""
        for track in self.tracks:
            track.rescale(across, down)
        if self.lock_point is not None:
            self.lock_point = self.lock_point[0] * across, self.lock_point[1] * down

    # -- single-person mode -----------------------------------------------------------------------

    def lock(self, lock: Lock) -> None:
        """Follow only whoever stands at a point, or the track of a number; None releases."""
        self.locked = self.lock_point = self._lock_asked_s = None
        if isinstance(lock, int):
            if any(track.id == lock for track in self.tracks):
                self.locked = lock
        elif lock is not None:
            self.lock_point = lock
            there = [track for track in self.seen if holds(track.box, lock, 0.1)]
            if there:
                self.locked, self.lock_point = min(there, key=lambda t: away(t, lock)).id, None

    # -- one frame --------------------------------------------------------------------------------

    def begin(self, scene: Scene) -> None:
        """A new frame: forget who is gone for good, or outside the region, or beyond the lock and the budget."""
        now = scene.now
        self.tracks = [
            track
            for track in self.tracks
            if track.state is not State.NEW
            and not track.forgotten(now)
            and in_region(scene.region, track.expected_box(now), followed=True)
        ]
        if self.locked is not None:
            self.tracks = [track for track in self.tracks if track.id == self.locked]
            self.left_out = 0
            if not self.tracks:
                self.locked = None  # gone for good: nobody is left to be locked on
        if self.lock_point is not None:
            self._lock_asked_s = now if self._lock_asked_s is None else self._lock_asked_s
            if now - self._lock_asked_s > _LOCK_PATIENCE_S:
                self.lock_point = None
        seen = self.seen
        if len(seen) > scene.budget:
            keep = sorted(seen, key=lambda t: (t.id != self.locked, t.born_s, -t.size))[: scene.budget]
            self.tracks = [track for track in self.tracks if track.state is not State.SEEN or track in keep]
            self.left_out = len(seen) - scene.budget

    def suggest(self, offers: Sequence[Found], scene: Scene, finder: bool = True) -> None:
        """Places where the finder thinks somebody is; those already followed are told apart.

        Args:
            finder: whether these are all that the finder sees; else they are guesses, and whoever is not among
                them may well be there.
        """
        seen = self.seen
        offers = [f for f in offers if scene.region is None or holds(scene.region, (f.x, f.y))]
        gain = np.array([[fits(track, offer, scene.now) for offer in offers] for track in seen])
        known = assign(gain.reshape(len(seen), len(offers)), 0.15)
        for row, column in known:
            seen[row].vote(offers[column].side, offers[column].score)
            seen[row].vouched = offers[column].vouched
            doubtful = self._crowded(seen[row], scene) or seen[row].presence < scene.limits.find
            if offers[column].score > 0 and gain[row, column] < _ASTRAY and doubtful:
                seen[row].look_in(offers[column].box)
        if self.skeleton.name == "hand":
            tell_apart([(seen[row], offers[column]) for row, column in known])
            self.tracks += second_opinions(seen, offers, scene.now, _FIRST["hand"])
        if finder:
            self._disown({row for row, _ in known}, seen, scene)
            seen = [track for track in seen if track in self.tracks]
        taken = {column for _, column in known}
        fresh = [
            offer
            for column, offer in enumerate(offers)
            if column not in taken and not any(self._part_of(offer, t, scene) for t in seen)
        ]
        if self.lock_point is not None:
            fresh = [offer for offer in fresh if holds(offer.box, self.lock_point, 0.1)]
        free = (1 if self.locked is not None else scene.budget) - len(seen) + self.doubtful
        if self.lock_point is not None:
            free = max(free, 1)  # who is pointed at takes the place of whoever is followed now
        # Near somebody who was lost just now first, then the largest.
        lost = self.lost
        fresh.sort(key=lambda f: (-max((fits(t, f, scene.now) for t in lost), default=0.0), -f.size))
        spare = MOST_PEOPLE - sum(t.looked_for(scene.now) for t in self.tracks)
        room = max(0, min(free + _SPARE, spare)) if free > 0 else 0
        for offer in fresh[:room]:
            # A place of the search is as large as it is meant to be.
            track = Track(offer.box, first_look=_FIRST.get(self.skeleton.name, FIRST_LOOK) if finder else 1.0)
            track.vote(offer.side, offer.score)
            track.vouched = offer.vouched
            self.tracks.append(track)
        # Of those who are looked at the looks tell. Several offers may be of one hand, also of one that is followed.
        places = [t.expected_box(scene.now) for t in seen] if self.skeleton.name == "hand" else []
        others = [f for place, f in enumerate(fresh) if place >= room
                  and not any(one_place(f, other.box) for other in fresh[:place])
                  and not any(one_place(f, box, _BESIDE) for box in places)]  # fmt: skip
        self.left_out = 0 if self.locked is not None else len(others)
        self._told = [offer for offer in offers if offer.vouched]

    def wanted(self, scene: Scene) -> list[tuple[Track, Crop]]:
        """Whom to look for in this frame, and where; at most eight."""
        tracks = [track for track in self.tracks if track.looked_for(scene.now)]
        tracks.sort(key=lambda t: (t.state is State.NEW, t.state is State.LOST))
        return [
            (
                t,
                t.crop(
                    scene.now, self.size, self.stride, self.margin * (t.first_look if t.state is State.NEW else 1.0)
                ),
            )
            for t in tracks[:MOST_PEOPLE]
        ]

    def learn(self, seen: Sequence[Sight], scene: Scene) -> tuple[list[Sight], list[Sight]]:
        """Take what the looks brought.

        Returns:
            Sights of tracks that are followed (``sight.track`` says whose they are, which need not be who was
            looked for), and sights of people who may be new.
        """
        limits = scene.limits
        good = [s for s in seen if s.presence >= self._needs(s.track, scene) and self._in(s, scene)]
        tracks = [track for track in self.tracks if track.state is not State.NEW]
        gain = np.array([[self._gain(track, sight, scene) for sight in good] for track in tracks])
        gain = gain.reshape(len(tracks), len(good))
        pairs = sorted(assign(gain, 0.2), key=lambda pair: -gain[pair])
        kept: list[Sight] = []
        for row, column in pairs:
            sight = good[column]
            if any(same(sight, other, self._sigmas, limits.follow) for other in kept):
                continue  # two tracks on one person: the better fit has it, the other one is hidden behind
            sight.track = tracks[row]
            kept.append(sight)
        take_over(kept, good, lambda a, b: self._one_person(a, b, limits.follow))
        if len(kept) > scene.budget:
            # Somebody is back whose place a newcomer has taken.
            kept.sort(key=lambda s: (s.track.id != self.locked, s.track.born_s, -s.track.size))
            self.left_out = max(self.left_out, len(kept) - scene.budget)
            del kept[scene.budget :]
        back = [sight for sight in kept if sight.track.state is State.LOST]
        used = {column for _, column in pairs}
        fresh: list[Sight] = []
        seen_now = [sight.track for sight in kept]
        for column, sight in sorted(enumerate(good), key=lambda item: -item[1].presence):
            if column in used or sight.track.state is not State.NEW or sight.track.second_of in seen_now:
                continue
            if not any(self._one_person(sight, other, limits.follow) for other in (*kept, *fresh)):
                fresh.append(sight)
        # Whoever was out of sight when somebody pointed at them is back.
        point = self.lock_point
        there = [s for s in back if point is not None and s.box is not None and holds(s.box, point, 0.1)]
        if there:
            self.locked, self.lock_point = max(there, key=lambda s: s.presence).track.id, None
        one_only = self.locked is not None or scene.budget == 1
        if one_only:
            keep_to(kept, fresh)
            fresh = [sight for sight in fresh if sight not in kept]
        if self.locked is not None:
            fresh = []
        found = {id(sight.track) for sight in kept}
        for track in tracks:
            if id(track) not in found:
                track.missed()
        settle(kept, scene.now, limits.follow)
        alone = [s for s in kept if not any(o is not s and touch(s, o) for o in kept)]
        for sight in kept:
            self._take(sight, scene, sight in alone, one_only)
        if not one_only:
            put_right(alone, self.lost, scene.now)
        return kept, fresh

    def closer(self, fresh: Sequence[Sight]) -> list[tuple[Track, Crop]]:
        """The second look at people who may be new: around the joints of the first."""
        return [
            (sight.track, Crop.around(sight.box, self.size, self.stride, self.margin))
            for sight in fresh
            if sight.box is not None
        ]

    def confirm(
        self, first: Sequence[Sight], second: Sequence[Sight], kept: Sequence[Sight], scene: Scene
    ) -> list[Sight]:
        """Those who are there at the second look too, in the same place: they get a number."""
        limits = scene.limits
        room = scene.budget - len(kept)
        sure: list[Sight] = []
        for before, after in zip(first, second, strict=True):
            agreed = oks(before.joints, after.joints, self._sigmas, after.scale, limits.follow) >= AGREE
            if after.box is None or not agreed or not self._in(after, scene):
                continue
            beside = any(o.box is not None and covered(after.box, o.box) > 0.3 for o in (*kept, *sure))
            if self._top and after.joints[self._top, 2].max() < limits.sure:
                continue  # the edge of a door is like a leg; a head is not like anything else
            if after.presence < self._needs(after.track, scene) + (_SURER if beside else 0.0):
                continue
            if not any(self._one_person(after, other, limits.follow) for other in (*kept, *sure)):
                sure.append(after)
        sure.sort(key=lambda sight: -sight.track.size)
        if self.lock_point is not None and room <= 0:
            sure = [s for s in sure if s.box is not None and holds(s.box, self.lock_point, 0.2)]
            room = 1
        self.left_out += max(0, len(sure) - room)
        for sight in sure[: max(0, room)]:
            back = returned(sight, self.lost, scene.now)
            if back is not None:
                self.tracks = [track for track in self.tracks if track is not sight.track]
                sight.track = back
            else:
                sight.track.id, self._next_id = self._next_id, self._next_id + 1
            self._take(sight, scene, alone=True, one_only=False)
            if self.lock_point is not None and sight.box is not None and holds(sight.box, self.lock_point, 0.2):
                self.locked, self.lock_point = sight.track.id, None
        return sure[: max(0, room)]

    def missing(self, scene: Scene) -> bool:
        """Whether an arm has just said where a hand is, and none is followed there though there is room for one."""
        seen = self.seen
        return len(seen) < scene.budget and any(
            not any(one_place(offer, track.expected_box(scene.now)) for track in seen) for offer in self._told
        )

    # -- parts ------------------------------------------------------------------------------------

    def _needs(self, track: Track, scene: Scene) -> float:
        """The presence that is enough to believe in somebody there."""
        limit = scene.limits.keep if track.state is State.SEEN else scene.limits.find
        return limit - (TOLD if track.vouched else 0.0)

    def _gain(self, track: Track, sight: Sight, scene: Scene) -> float:
        """How well a sight fits a track: place and pose first, clothes second."""
        expected = track.expected(scene.now)
        if expected is None or sight.box is None:
            return 0.0
        place = oks(expected, sight.joints, self._sigmas, 0.7 * track.size, scene.limits.follow)
        alike = likeness(track.colours, sight.colours)
        if track.state is State.LOST or sight.track is track:
            # Nobody knows what somebody did while hidden: near enough, and dressed alike, will do. So it will
            # for who jumped but is still where they were looked for.
            there = Found("", *middle(sight.box), max(sight.box[2:]), 1.0)
            place = max(place, 0.8 * fits(track, there, scene.now) * min(1.0, 2 * alike))
        if place < 0.1:
            return 0.0
        if self._crowded(track, scene) and stretched(expected, sight.joints, self._stiff, scene.limits.follow):
            place *= 0.6  # joints of two people: taken only where nothing better is seen
        own = 0.05 if sight.track is track else 0.0
        return (1 - _LOOKS) * place + _LOOKS * alike + own

    def _disown(self, found: set[int], seen: Sequence[Track], scene: Scene) -> None:
        """Give up hands that the finder does not see, time after time, and the hand network is not sure of: faces."""
        for row, track in enumerate(seen):
            track.unfound = 0 if row in found else track.unfound + 1
            doubtful = track.presence < scene.limits.find + _SURER
            if self.skeleton.name == "hand" and track.unfound >= _UNFOUND and doubtful:
                self.tracks.remove(track)

    def _in(self, sight: Sight, scene: Scene) -> bool:
        followed = sight.track.state is not State.NEW
        return sight.box is not None and in_region(scene.region, sight.box, followed)

    def _one_person(self, new: Sight, other: Sight, least: float) -> bool:
        if same(new, other, self._sigmas, least) or doubled(new, other, least):
            return True
        return self.skeleton.name == "hand" and nested(new, other)

    def _part_of(self, offer: Found, track: Track, scene: Scene) -> bool:
        """Whether what the finder offers is a piece of somebody who is followed: a head, or a trunk."""
        box = track.expected_box(scene.now)
        if self.skeleton.name == "hand" and one_place(offer, box):
            return True
        return overlap(offer.box, box) > 0.5 or (covered(offer.box, box) > 0.6 and offer.size < 1.2 * track.size)

    def _crowded(self, track: Track, scene: Scene) -> bool:
        """Whether somebody else should be where this one should be."""
        box = track.expected_box(scene.now)
        return any(
            other is not track and other.joints is not None and overlap(box, other.expected_box(scene.now)) > 0
            for other in self.tracks
        )

    def _take(self, sight: Sight, scene: Scene, alone: bool, one_only: bool) -> None:
        assert sight.box is not None
        track = sight.track
        track.saw(sight.joints, sight.box, sight.presence, scene.now, self.margin, scene.limits.follow)
        if alone and learned(sight, one_only):
            track.colours = blend(track.colours, sight.colours)
