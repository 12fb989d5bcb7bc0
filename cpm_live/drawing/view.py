"""What of a result is shown: one value, shared by the window, recordings and ``run``."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.pose import Pose, Result

ALL_JOINTS = -1
"""``View.joint``: the largest belief of all joints in each cell."""
NO_MAP = -2
"""``View.joint``: no belief map."""
BACKGROUND = -3
"""``View.joint``: the background's map."""
CENTRE = -4
"""``View.joint``: the centre map, which tells the network whom to estimate."""
FINDER_PEOPLE = -5
"""``View.joint``: the finder's map of people's centres, over the whole frame."""
FINDER_HANDS = -6
"""``View.joint``: the finder's map of hands' centres."""

HIDDEN, HOLLOW, FULL = 0, 1, 2
"""How a joint is drawn: not at all, as a ring because the network is not sure, or as a dot."""


@dataclass(frozen=True, slots=True)
class View:
    """How to show a result.

    Attributes:
        stage: 0..T-1, or None for the last stage.
        joint: index of the joint whose belief map glows, or ``ALL_JOINTS``, ``NO_MAP``, ``BACKGROUND``,
            ``CENTRE``, ``FINDER_PEOPLE``, ``FINDER_HANDS``.
        skeleton: draw limbs and joints.
        boxes: draw each pose's box and track number.
        mirror: show left and right exchanged, as in a mirror.
        hidden: joints that are not drawn.
        highlight: a joint drawn larger (the one under the mouse), or None.
        glow: opacity of the belief map at full belief, 0..1.
    """

    stage: int | None = None
    joint: int = ALL_JOINTS
    skeleton: bool = True
    boxes: bool = False
    mirror: bool = False
    hidden: frozenset[int] = frozenset()
    highlight: int | None = None
    glow: float = 0.75


def stage_index(result: Result, view: View) -> int:
    """The stage to show, as an index that exists."""
    last = max(0, result.stage_count - 1)
    return last if view.stage is None else min(view.stage, last)


def shown_map(pose: Pose, stage: int, joint: int) -> NDArray[np.float32] | None:
    """The belief map (h, w) to show, clipped to 0..1; None for ``NO_MAP`` or a map that is not this pose's."""
    maps = pose.beliefs[stage]
    joints = pose.stages.shape[1]
    if joint in (NO_MAP, FINDER_PEOPLE, FINDER_HANDS) or (joint == BACKGROUND and len(maps) == joints):
        return None
    if joint == CENTRE:
        return _centre_map(pose, maps.shape[-1])
    if joint == ALL_JOINTS:
        chosen = maps[:joints].max(axis=0)
    elif joint == BACKGROUND:
        chosen = maps[joints]
    else:
        chosen = maps[min(joint, joints - 1)]
    return np.clip(chosen, 0.0, 1.0)


def _centre_map(pose: Pose, cells: int) -> NDArray[np.float32] | None:
    if not pose.centre_sigma:
        return None
    at = np.arange(cells, dtype=np.float32) - (cells - 1) / 2
    bell = np.exp(-(at**2) / (2 * (pose.centre_sigma * cells) ** 2))
    return np.outer(bell, bell).astype(np.float32)


def joint_marks(pose: Pose, stage: int, view: View, result: Result) -> NDArray[np.uint8]:
    """How each joint (K,) is drawn at a stage: ``HIDDEN``, ``HOLLOW`` or ``FULL``."""
    scores = pose.points(stage)[:, 2]
    marks = np.where(
        scores >= result.joint_threshold, FULL, np.where(scores >= result.hollow_threshold, HOLLOW, HIDDEN)
    )
    marks[[joint for joint in view.hidden if joint < len(marks)]] = HIDDEN
    return marks.astype(np.uint8)


def hand_view(view: View) -> View:
    """The view for the hands beside bodies: what is chosen by number there is a body's joint, and no hand has it."""
    return replace(view, hidden=frozenset(), highlight=None, joint=NO_MAP if view.joint >= 0 else view.joint)
