"""What the stage strip shows: a person's belief maps, or the finder's over the whole frame. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.pose import Pose, Result
from cpm_live.drawing.finder import finder_found, finder_map, finder_stage, finder_title, is_finder
from cpm_live.drawing.view import BACKGROUND, CENTRE, View, joint_marks, shown_map, stage_index
from cpm_live.gui.atlas import stage_peaks, stage_shift, strip_joint, tiles


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The finder's last answer.

    Attributes:
        result: the one in which it ran; None where it has not run yet.
        age_s: how long before the frame that is shown.
    """

    result: Result | None = None
    age_s: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class StripContent:
    """Everything the strip paints.

    Attributes:
        count: stages; 0 shows ``note`` alone.
        shown: the chosen stage.
        atlas: thumbnails of all stages beside each other (side, T * side, 3); None where there is nobody.
        peaks: per stage, for the bars; empty where a peak says nothing.
        title, note: what is shown, and what it does.
    """

    count: int
    shown: int = 0
    atlas: NDArray[np.uint8] | None = None
    peaks: tuple[float, ...] = ()
    title: str = ""
    note: str = ""


def stage_count(result: Result | None, view: View, seen: Seen) -> int:
    """How many stages there are to choose from."""
    if is_finder(view.joint):
        return len(seen.result.finder.beliefs) if seen.result is not None and seen.result.finder is not None else 0
    return result.stage_count if result is not None else 0


def content(result: Result, view: View, seen: Seen, side: int) -> StripContent:
    """What to show of a result (its first pose), with thumbnails of ``side`` pixels."""
    if is_finder(view.joint):
        return _of_finder(view, seen, side)
    joint = min(strip_joint(view.joint), len(result.skeleton) - 1)
    shown, count = stage_index(result, view), result.stage_count
    title = _title(result, joint)
    if not count or not result.poses:
        return StripContent(count, shown, title=title, note=nobody(result))
    pose = result.poses[0]
    atlas = tiles(result.frame.image, pose.crop, _pose_maps(pose, joint), side, view.mirror)
    seen_now = joint_marks(pose, count - 1, view, result) > 0
    peaks = () if joint == BACKGROUND else tuple(stage_peaks(pose, joint, seen_now))
    return StripContent(count, shown, atlas, peaks, title, _note(result, pose, joint, view, int(seen_now.sum())))


def nobody(result: Result, where: str = "in view") -> str:
    """What to say where the model sees none of what it looks for."""
    if result.locked is not None:
        # Others may well be there.
        return f"#{result.locked} is not {where}"
    return {"body": f"nobody {where}", "hand": f"no hand {where}"}.get(result.skeleton.name, f"nothing found {where}")


def _pose_maps(pose: Pose, joint: int) -> list[NDArray[np.float32] | None]:
    return [shown_map(pose, stage, joint) for stage in range(len(pose.stages))]


def _title(result: Result, joint: int) -> str:
    if joint == BACKGROUND:
        return "background"
    return f"joint: {result.skeleton.label(joint)}" if joint >= 0 else "all joints"


def _note(result: Result, pose: Pose, joint: int, view: View, joints: int) -> str:
    shift = stage_shift(pose, joint)
    if shift is not None:
        return f"moved {shift:.0f} px, 1 → {result.stage_count}"
    if joint == BACKGROUND:
        return "belief that no joint is there"
    if view.joint == CENTRE:
        # Stage 1 has the picture alone, in the paper's networks as in ours.
        return f"the same centre map goes into stages 2 to {result.stage_count}"
    return f"mean belief of {joints} joints seen" if joints else "mean belief per stage"


def _of_finder(view: View, seen: Seen, side: int) -> StripContent:
    findings = seen.result.finder if seen.result is not None else None
    if seen.result is None or findings is None:
        return StripContent(0, note="the finder has not run")
    stages = range(len(findings.beliefs))
    maps = [finder_map(findings, stage, view.joint) for stage in stages]
    # The finder's own frame, not the one on the picture: map and thumbnail belong together.
    atlas = tiles(seen.result.frame.image, findings.crop, maps, side, view.mirror)
    peaks = tuple(float(belief.max()) if belief is not None else 0.0 for belief in maps)
    shown = finder_stage(findings, view)
    count = len(finder_found(findings, shown, view.joint))
    note = f"{count} found, {age_text(seen.age_s)}, took {findings.took_ms:.0f} ms"
    return StripContent(len(stages), shown, atlas, peaks, finder_title(view.joint), note)


def age_text(seconds: float) -> str:
    """How long ago, as people say it."""
    return "just now" if seconds < 0.05 else f"{seconds:.1f} s ago" if seconds < 10 else f"{seconds:.0f} s ago"
