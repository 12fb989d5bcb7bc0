"""Show: from what was seen of a track to the pose that others get."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.pose import Pose, Result
from cpm_live.network.presets import Preset
from cpm_live.pipeline.locate import pose_box
from cpm_live.pipeline.options import Thresholds
from cpm_live.pipeline.sights import Sight
from cpm_live.pipeline.smooth import Smoother

PAPER_SIZE = 368
"""Input side that ``Preset.centre_sigma`` is given for."""


def make_pose(sight: Sight, limits: Thresholds, smoothing: float, preset: Preset, body: int | None = None) -> Pose:
    """The pose of a sight that its track has taken, its joints smoothed after those of the frames before."""
    track = sight.track
    # ``sure``, not ``joint``: the slider says which joints are shown, not who somebody is.
    if track.smoother is None:
        track.smoother = Smoother(len(sight.joints))
    smoothed = track.smoother(sight.joints, track.gap_s, track.size, smoothing, limits.sure)
    return Pose(
        id=track.id,
        box=pose_box(sight.joints, limits.sure) or sight.box or sight.crop.box,
        # A copy: whoever gets the pose may write into its joints, and the track goes on from its own.
        stages=sight.stages.copy(),
        beliefs=sight.beliefs,
        crop=sight.crop,
        side=track.side,
        smoothed=smoothed if smoothing > 0 else None,
        presence=sight.presence,
        centre_sigma=preset.centre_sigma / PAPER_SIZE if preset.centre_map else 0.0,
        body=body,
    )


def on_the_picture(result: Result) -> Result:
    """The result as others get it: peaks have width, and one at the picture's edge may lie a little beyond it; whoever
    looks up the pixel at a joint that was seen finds one. (Those who are followed go on from where the peaks are.)"""
    largest = np.array([result.frame.width - 1, result.frame.height - 1], np.float32)
    poses, hands = (tuple(_on(pose, largest) for pose in found) for found in (result.poses, result.hands))
    # Poses are equal where they are the same: usually nothing is beyond the picture.
    unchanged = (poses, hands) == (result.poses, result.hands)
    return result if unchanged else replace(result, poses=poses, hands=hands)


def _on(pose: Pose, largest: NDArray[np.float32]) -> Pose:
    stages = _clipped(pose.stages, largest)
    smoothed = None if pose.smoothed is None else _clipped(pose.smoothed, largest)
    if stages is pose.stages and smoothed is pose.smoothed:
        return pose
    return replace(pose, stages=stages, smoothed=smoothed)


def _clipped(joints: NDArray[np.float32], largest: NDArray[np.float32]) -> NDArray[np.float32]:
    """Joints (..., K, 3) with those that have a score on the picture; the same array where they are there."""
    at = joints[..., :2]
    beyond = ((at < 0) | (at > largest)).any(axis=-1) & (joints[..., 2] > 0)
    if not beyond.any():
        return joints
    out = joints.copy()
    out[beyond, :2] = np.clip(at[beyond], 0, largest)
    return out
