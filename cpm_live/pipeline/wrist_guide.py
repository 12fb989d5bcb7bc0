"""Where hands should be according to the bodies in the picture: help for the finder in Hand mode.

Hands of people who stand back from the camera are a twelfth of the picture's width and blurred when they
move; the finder sees their owners long before it sees them. The body network says where the wrists are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box, Crop
from cpm_live.core.errors import InputError, first_line
from cpm_live.core.findings import Found
from cpm_live.core.skeleton import Skeleton
from cpm_live.engines.base import Engine, opened_warm
from cpm_live.engines.recipe import Recipe, find
from cpm_live.engines.select import open_engine
from cpm_live.pipeline.hands import SIDES, hand_box
from cpm_live.pipeline.options import Options
from cpm_live.pipeline.sights import sights
from cpm_live.pipeline.tracks import FIRST_LOOK, Track

log = logging.getLogger("cpm_live.pipeline")

PEOPLE = 2
"""So many of the largest people are asked for their wrists."""
_SAME = 0.7
"""Hands whose middles are closer than this share of the larger one are one hand."""
_AGREED, _AS_LARGE = 0.35, 1.5
"""Where finder and wrist differ by less than this in place (of the larger one) and in size, one look is enough."""
_REST = 2
"""In so many runs somebody who was asked about in vain is not asked about again: an armchair stays where it is."""
_SURE, _SURE_WRIST = 0.45, 0.3
"""Belief from which a joint says that something else than a hand is there, and wrists that theirs are elsewhere."""


_Seen = tuple[Box, NDArray[np.float32]]
"""A body's box and joints (K, 3) in frame pixels."""


@dataclass(frozen=True, slots=True)
class Wristed:
    """One body and the hands it should have.

    Attributes:
        joints: (K, 3) in frame pixels.
        hands: where the wrists say; at most two.
    """

    joints: NDArray[np.float32]
    hands: tuple[Found, ...]


class WristGuide:
    """Asks the body network for the wrists of people the finder found.

    Args:
        open_body: opens the body network's engine, when somebody is first asked about.
    """

    def __init__(self, recipe: Recipe, open_body: Callable[[], Engine]) -> None:
        self._recipe, self._open = recipe, open_body
        self._limits = Options().thresholds(recipe)
        self._engine: Engine | None = None
        self._failed = False
        self._last: list[Box] = []
        self._in_vain: list[tuple[Found, int]] = []

    def __call__(self, image: NDArray[np.uint8], people: Sequence[Found], hands: Sequence[Found]) -> list[Found]:
        """The finder's hands put right by bodies: some get a side, some are no hands, and some are new.

        Args:
            image: (H, W, 3) uint8, BGR.
            people, hands: what the finder found.
        """
        bodies = self._bodies(image, sorted(people, key=lambda f: -f.size)[:PEOPLE])
        return guided(hands, bodies, self._recipe.skeleton)

    def _bodies(self, image: NDArray[np.uint8], people: Sequence[Found]) -> list[Wristed]:
        if not people or not self._ready():
            return []
        # Whoever was looked at the last time is looked at once, where their joints were; others twice.
        known = {f: box for f in people if (box := self._remembered(f)) is not None}
        new = [f for f in people if f not in known and not any(_is(f, other) for other, _ in self._in_vain)]
        first = self._looked_at(image, [f.box for f in new], FIRST_LOOK)
        found = [f for f, seen in zip(new, first, strict=True) if seen is not None]
        boxes = [*known.values(), *(seen[0] for seen in first if seen is not None)]
        second = dict(zip([*known, *found], self._looked_at(image, boxes, 1.0), strict=True))
        bodies = [seen for seen in second.values() if seen is not None]
        self._last = [box for box, _ in bodies]
        resting = [(f, runs - 1) for f, runs in self._in_vain if runs > 1]
        self._in_vain = resting + [(f, _REST) for f in new if second.get(f) is None]
        return [Wristed(joints, self._hands_of(joints)) for _, joints in bodies]

    def _remembered(self, find: Found) -> Box | None:
        """The box of the body seen the last time where this find is."""
        for box in self._last:
            x, y, width, height = box
            if _is(find, Found("person", x + width / 2, y + height / 2, max(width, height), 0.0)):
                return box
        return None

    def _looked_at(self, image: NDArray[np.uint8], boxes: Sequence[Box], wider: float) -> list[_Seen | None]:
        """What the body network sees in each box; None where that is nobody."""
        if not boxes:
            return []
        recipe, engine = self._recipe, self._engine
        assert engine is not None
        preset = engine.preset
        wanted = [(Track(box), Crop.around(box, preset.size, preset.stride, wider * recipe.margin)) for box in boxes]
        looked = engine.look(image, [crop for _, crop in wanted], len(recipe.skeleton))
        seen = sights(looked, wanted, image, recipe.skeleton, self._limits, dressed=False)
        return [(s.box, s.joints) if s.box is not None and s.presence >= self._limits.keep else None for s in seen]

    def _ready(self) -> bool:
        """Whether there is a body network; without one the finder goes on alone."""
        if self._engine is None and not self._failed:
            try:
                self._engine = self._open()
            except InputError as error:
                self._failed = True
                log.warning("hands are found without the help of bodies: %s", error)
        return self._engine is not None

    def warm_up(self) -> None:
        """Open the body network, and run it once."""
        if self._ready() and self._engine is not None:
            self._engine.warm_up()

    def _hands_of(self, joints: NDArray[np.float32]) -> tuple[Found, ...]:
        skeleton, least = self._recipe.skeleton, self._limits.follow
        hands = []
        for side in SIDES:
            box = hand_box(joints, skeleton, side, least)
            if box is not None:
                x, y, size, _ = box
                score = float(joints[skeleton.index(f"{side}_wrist"), 2])
                hands.append(Found("hand", x + (size - 1) / 2, y + (size - 1) / 2, size, score, side, vouched=True))
        return tuple(hands)

    def reset(self) -> None:
        """Forget everybody: another source begins."""
        self._last, self._in_vain = [], []

    def close(self) -> None:
        """Close the engine."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None


def guided(hands: Sequence[Found], bodies: Sequence[Wristed], skeleton: Skeleton) -> list[Found]:
    """The finder's hands, told sides and sorted out by bodies, then the hands that only bodies know of.

    Where the two do not agree on a hand's place and size both are offered: the finder is right about hands that
    are held up to the camera, the wrists about those of people who stand back.
    """
    kept: list[Found] = []
    expected = [hand for body in bodies for hand in body.hands]
    agreed: list[Found] = []
    for hand in hands:
        near = sorted((other for other in expected if _gap(hand, other) < _SAME), key=lambda other: _gap(hand, other))
        if near:
            # Where both hands of somebody are together, their wrists do not tell which one this is.
            alone = len(near) == 1 and hand.side is None
            kept.append(replace(hand, side=near[0].side if alone else hand.side, vouched=True))
            if _gap(hand, near[0]) < _AGREED and 1 / _AS_LARGE < hand.size / near[0].size < _AS_LARGE:
                agreed.append(near[0])
        elif not any(_denies(body, hand, skeleton) for body in bodies):
            kept.append(hand)
    return kept + [hand for hand in expected if hand not in agreed]


def _denies(body: Wristed, hand: Found, skeleton: Skeleton) -> bool:
    """Whether a body shows something else where a hand was found: a face, an elbow, and both hands elsewhere."""
    wrists = [skeleton.index(f"{side}_wrist") for side in SIDES]
    others = [i for i in range(len(skeleton)) if i not in wrists and body.joints[i, 2] >= _SURE]
    if body.joints[wrists, 2].min() < _SURE_WRIST or not others:
        return False
    away = np.hypot(*(body.joints[others, :2] - (hand.x, hand.y)).T)
    return bool(away.min() < 0.8 * hand.size)


def _is(find: Found, other: Found) -> bool:
    """Whether a person who is found is one of before: close to their place, and about as large."""
    away = float(np.hypot(other.x - find.x, other.y - find.y))
    return away < 0.3 * find.size and 1 / _AS_LARGE < other.size / find.size < _AS_LARGE


def _gap(a: Found, b: Found) -> float:
    """Distance of two finds' middles over the larger one's size."""
    return float(np.hypot(a.x - b.x, a.y - b.y)) / max(a.size, b.size, 1.0)


def open_guide(threads: int = 0, kind: str = "cpu") -> WristGuide:
    """The shipped body model as guide, opened when it is first needed; on the CPU where it does not run on this kind of
    engine."""
    recipe = find("body")

    def opened() -> Engine:
        if kind != "cpu":
            try:
                return opened_warm(lambda: open_engine(recipe, kind, threads))
            except Exception as error:  # noqa: BLE001 - engines raise what their libraries raise; the CPU is there
                log.warning("wrists are looked for on the CPU: %s", first_line(error))
        return open_engine(recipe, "cpu", threads)

    return WristGuide(recipe, opened)
