"""Skeletons of users' own, as tables: ``[skeleton]`` of a recipe, and in the metadata of weights."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cpm_live.core.errors import InputError, printable
from cpm_live.core.skeleton import LEFT, MIDDLE, RIGHT, Colour, Skeleton, plain

_KEYS = ("joints", "limbs", "mirror", "sigmas")
_SIGMA = 0.05
_OTHER_SIDE = {"left": "right", "right": "left", "l": "r", "r": "l"}


def from_table(name: str, table: Mapping[str, Any]) -> Skeleton:
    """A skeleton from a table.

    Args:
        table: ``joints``: names, in the order of the belief maps; ``limbs``: pairs of names; ``mirror``: pairs of
            names that a mirror exchanges, by default those that differ in left and right (or l and r) alone;
            ``sigmas``: for OKS, one per joint, by default 0.05.

    Raises:
        InputError: something is missing, unknown or of the wrong kind; the message names it.
    """
    if unknown := sorted(set(table) - set(_KEYS)):
        raise InputError(f"[skeleton] does not know {unknown[0]!r}; it has {', '.join(_KEYS)}")
    joints = table.get("joints")
    if not isinstance(joints, list) or not joints or not all(map(_is_name, joints)):
        raise InputError(f"[skeleton] joints is a list of names, not {joints!r}")
    places = {plain(joint): place for place, joint in enumerate(joints)}
    if len(places) < len(joints):
        twice = next(joint for place, joint in enumerate(joints) if places[plain(joint)] != place)
        raise InputError(f"[skeleton] joints has {twice!r} twice")
    limbs = _pairs(table.get("limbs", []), "limbs", places)
    mirror = _pairs(table["mirror"], "mirror", places) if "mirror" in table else _sides(joints)
    flip = list(range(len(joints)))
    for a, b in mirror:
        flip[a], flip[b] = b, a
    if sorted(flip) != list(range(len(joints))):
        raise InputError("[skeleton] mirror has a joint in two pairs")
    sigmas = table.get("sigmas", [_SIGMA] * len(joints))
    if not isinstance(sigmas, list) or len(sigmas) != len(joints) or not all(map(_positive, sigmas)):
        raise InputError(f"[skeleton] sigmas is a list of {len(joints)} numbers above 0, one per joint, not {sigmas!r}")
    colours = tuple(_colour(joint) for joint in joints)
    return Skeleton(
        name, tuple(joints), limbs, tuple(flip), colours, tuple(_between(colours[a], colours[b]) for a, b in limbs),
        tuple(map(float, sigmas)),
    )  # fmt: skip


def to_table(skeleton: Skeleton) -> dict[str, Any]:
    """The table that :func:`from_table` makes the same skeleton of (but for colours that are not its own)."""
    joints = skeleton.joints
    return {
        "joints": list(joints),
        "limbs": [[joints[a], joints[b]] for a, b in skeleton.limbs],
        "mirror": [[joints[a], joints[b]] for a, b in enumerate(skeleton.flip) if a < b],
        "sigmas": list(skeleton.sigmas),
    }


def _pairs(value: object, key: str, places: Mapping[str, int]) -> tuple[tuple[int, int], ...]:
    out = []
    for pair in value if isinstance(value, list) else [value]:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(name, str) for name in pair):
            raise InputError(f"[skeleton] {key} is a list of pairs of joints' names, not {pair!r}")
        if missing := [name for name in pair if plain(name) not in places]:
            raise InputError(f"[skeleton] {key}: {missing[0]!r} is none of the joints")
        out.append((places[plain(pair[0])], places[plain(pair[1])]))
    return tuple(out)


def _words(joint: str) -> tuple[str, ...]:
    """What a name is made of: ``LeftEar1``, ``left ear 1`` and ``left.ear_1`` are the same three."""
    apart = re.sub(r"(?<=[^\W\d_A-Z])(?=[A-Z])", " ", joint)
    return tuple(re.findall(r"[^\W\d_]+|\d+", apart.lower()))


def _sides(joints: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Pairs whose names differ in the side alone."""
    places = {_words(joint): place for place, joint in enumerate(joints)}
    pairs = []
    for words, place in places.items():
        other = places.get(tuple(_OTHER_SIDE.get(word, word) for word in words), place)
        if place < other:
            pairs.append((place, other))
    return tuple(pairs)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and printable(value) == value


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _colour(joint: str) -> Colour:
    words = _words(joint)
    if {"right", "r"} & set(words):
        return RIGHT
    return LEFT if {"left", "l"} & set(words) else MIDDLE


def _between(a: Colour, b: Colour) -> Colour:
    """A limb has the side of either end."""
    return a if a == b or b == MIDDLE else b if a == MIDDLE else MIDDLE
