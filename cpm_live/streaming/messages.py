"""Results as OSC messages (Open Sound Control 1.0, which creative software reads); the README lists them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import Skeleton
from cpm_live.streaming.places import Places, of_hand

_ROOT = "/cpm"
_LARGEST = 1400
"""Bytes of a packet: larger ones are cut to pieces on their way, and lost whole where one piece is."""
_FORBIDDEN = re.compile(r"[^\w.-]", re.ASCII)
"""What means something in an address, and what is not ASCII, may not stand in a name."""
_OURS = ("id", "side", "body", "box")
"""What else is told of a pose, besides its joints."""


class Messages:
    """Turns results into packets. Remembers who had which place, and where its joints were seen last."""

    def __init__(self) -> None:
        self._places: dict[str, Places] = {}
        self._used: dict[str, int] = {}
        self._seen: dict[tuple[str, int], NDArray[np.floating]] = {}

    def packets(self, result: Result, mirror: bool = False) -> list[OscBundle]:
        """What is sent for a result: bundles of at most 1,400 bytes, the one that tells of the frame first.

        Args:
            mirror: places are those in the mirrored picture. (Left and right stay the person's.)
        """
        return list(_bundles(self._messages(result, mirror)))

    def gone(self) -> list[OscBundle]:
        """What is sent at the end: nobody is anywhere any more."""
        return list(_bundles(self._ids({})))

    def _messages(self, result: Result, mirror: bool) -> Iterator[OscMessage]:
        frame = result.frame
        # Of 31 bits, as OSC's numbers are.
        index = frame.index & 0x7FFFFFFF
        yield _message(f"{_ROOT}/frame", index, frame.width, frame.height, len(result.poses), len(result.hands))
        kind = _name(result.skeleton.name)
        now = self._places.setdefault(kind, Places()).give([(pose.id, pose.side) for pose in result.poses])
        there = {(kind, now[pose.id]): pose for pose in result.poses}
        hands = result.of_hands()
        if hands is not None:
            own = _name(hands.skeleton.name)
            # Those of somebody who is out of sight have no place, and are none of anybody's.
            at_wrists = {(own, of_hand(now[p.body], p.side)): p for p in hands.poses if p.body in now}
        else:
            at_wrists = {}
        # Also of those who are gone, in each frame: the packet that says so may be lost.
        yield from self._ids({key: pose.id for key, pose in (there | at_wrists).items()})
        for key, pose in there.items():
            yield from self._pose(key, pose, result, mirror)
        for key, pose in at_wrists.items():
            assert hands is not None and pose.body is not None
            yield _message(f"{_address(key)}/body", now[pose.body])
            yield from self._pose(key, pose, hands, mirror)

    def _ids(self, now: dict[tuple[str, int], int]) -> Iterator[OscMessage]:
        for kind, place in now:
            self._used[kind] = max(place, self._used.get(kind, 0))
        for kind, used in self._used.items():
            for place in range(1, used + 1):
                yield _message(f"{_address((kind, place))}/id", now.get((kind, place), 0))

    def _pose(self, key: tuple[str, int], pose: Pose, result: Result, mirror: bool) -> Iterator[OscMessage]:
        address, wide, high = _address(key), result.frame.width, result.frame.height
        if pose.side is not None:
            yield _message(f"{address}/side", pose.side)
        x, y, w, h = pose.box
        left = wide - 1 - x - w if mirror else x
        yield _message(f"{address}/box", (left + 0.5) / wide, (y + 0.5) / high, w / wide, h / high)
        joints = pose.keypoints
        at = (joints[:, :2] + 0.5) / (wide, high)
        # Without a threshold, too: 0 is the score of a peak beyond the picture.
        seen = (joints[:, 2] >= result.hollow_threshold) & (joints[:, 2] > 0)
        # Also where it was somebody else's: who listens still has their score, and it must not seem to be this one's.
        last = self._seen.get(key)
        if last is None or len(last) != len(at):
            last = np.full_like(at, np.nan)
        # As it was in the frame: the picture may be mirrored meanwhile, or no more.
        at = self._seen[key] = np.where(seen[:, None], at, last)
        if mirror:
            at = at * (-1, 1) + (1, 0)
        for name, (x, y), score in zip(_names(result.skeleton), at, np.where(seen, joints[:, 2], 0), strict=True):
            if not np.isnan(x):
                yield _message(f"{address}/{name}", float(x), float(y), float(score))


def _address(key: tuple[str, int]) -> str:
    return f"{_ROOT}/{key[0]}/{key[1]}"


@lru_cache(maxsize=8)
def _names(skeleton: Skeleton) -> tuple[str, ...]:
    """Its joints as they are called in addresses; numbered from 1 on where that leaves no name, or one twice."""
    names = [_name(joint) for joint in skeleton.joints]
    count = Counter([*names, *_OURS])
    return tuple(
        name if count[name] == 1 and name.strip("_") else _free(f"joint_{k}", count)
        for k, name in enumerate(names, start=1)
    )


def _free(name: str, taken: Container[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _name(text: str) -> str:
    """A name as it may stand in an address."""
    return _FORBIDDEN.sub("_", text.strip())


def _message(address: str, *values: int | float | str) -> OscMessage:
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    return builder.build()


def _bundles(messages: Iterator[OscMessage]) -> Iterator[OscBundle]:
    """As few as there can be of what comes in this order."""
    builder, size = OscBundleBuilder(IMMEDIATELY), 16
    for message in messages:
        more = message.size + 4
        if size + more > _LARGEST:
            yield builder.build()
            builder, size = OscBundleBuilder(IMMEDIATELY), 16
        builder.add_content(message)
        size += more
    if size > 16:
        yield builder.build()
