"""The finder's maps as overlays: where it believes people's and hands' centres are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.findings import Findings, Found
from cpm_live.core.pose import Result
from cpm_live.drawing.view import BACKGROUND, CENTRE, FINDER_HANDS, FINDER_PEOPLE, View, stage_index

_MAPS = {FINDER_PEOPLE: (0, "person"), FINDER_HANDS: (1, "hand")}
"""Index in ``Findings.beliefs`` and ``Found.kind`` of each overlay."""


def is_finder(joint: int) -> bool:
    """Whether this ``View.joint`` is one of the finder's maps."""
    return joint in _MAPS


def finder_title(joint: int) -> str:
    """Which of its maps this ``View.joint`` is."""
    return "finder: people" if joint == FINDER_PEOPLE else "finder: hands"


def finder_stage(findings: Findings, view: View) -> int:
    """The finder's stage to show, as an index that exists; it may have more or fewer than the pose network."""
    last = len(findings.beliefs) - 1
    return last if view.stage is None else min(view.stage, last)


def early_stage(result: Result, view: View) -> str:
    """Which stage the skeleton is of, where that is not the last one: without a word it looks like a bad network."""
    stage = stage_index(result, view)
    if not result.stage_count or stage == result.stage_count - 1:
        return ""
    whose = "Skeleton: stage" if is_finder(view.joint) else "Stage"
    return f"{whose} {stage + 1} of {result.stage_count}"


def map_title(result: Result, view: View) -> str:
    """What the glow is of: pictures, films and slides are looked at without the list of joints beside them."""
    if view.joint == CENTRE:
        # What the network is told, not what it believes.
        return "centre map"
    if view.joint == BACKGROUND:
        return "belief of the background"
    return f"belief of {result.skeleton.label(view.joint)}" if 0 <= view.joint < len(result.skeleton) else "belief"


def finder_map(findings: Findings, stage: int, joint: int) -> NDArray[np.float32] | None:
    """The belief map (h, w) to show, clipped to 0..1; None where ``joint`` is none of the finder's."""
    if joint not in _MAPS:
        return None
    return np.clip(findings.beliefs[stage, _MAPS[joint][0]], 0.0, 1.0)


def finder_found(findings: Findings, stage: int, joint: int) -> list[Found]:
    """Whom the peaks of a stage's map are, best first; at the last stage also hands that wrists have told of."""
    found = findings.early(stage) if stage < len(findings.beliefs) - 1 else findings.found
    return [one for one in found if joint in _MAPS and one.kind == _MAPS[joint][1]]
