"""The stages' thumbnails as one image: each stage's belief over the dimmed crop it belongs to."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Crop
from cpm_live.core.pose import Pose
from cpm_live.drawing.colours import glow
from cpm_live.drawing.view import ALL_JOINTS, CENTRE, NO_MAP


def strip_joint(joint: int) -> int:
    """Which map the strip shows for a view's joint: where the picture shows none, or the centre map, all joints."""
    return ALL_JOINTS if joint in (NO_MAP, CENTRE) else joint


def tiles(
    image: NDArray[np.uint8], crop: Crop, maps: Sequence[NDArray[np.float32] | None], side: int, mirror: bool
) -> NDArray[np.uint8]:
    """Thumbnails of belief maps (h, w) over a crop of a frame (H, W, 3), beside each other (side, T * side, 3) BGR."""
    place = Crop(crop.x, crop.y, crop.side, side, 1).extract(image)
    dimmed = (cv2.cvtColor(place, cv2.COLOR_BGR2GRAY) // 3 + 10)[..., None].astype(np.uint16)
    atlas = np.empty((side, len(maps) * side, 3), np.uint8)
    for stage, belief in enumerate(maps):
        if belief is None:
            tile = np.repeat(dimmed, 3, axis=2)
        else:
            large = np.asarray(cv2.resize(belief, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)
            colours = glow(large, 0.95)
            tile = colours[..., :3] + dimmed * (255 - colours[..., 3:4].astype(np.uint16)) // 255
        tile = np.minimum(tile, 255).astype(np.uint8)
        atlas[:, stage * side : (stage + 1) * side] = tile[:, ::-1] if mirror else tile
    return atlas


def stage_peaks(pose: Pose, joint: int, shown: NDArray[np.bool_]) -> list[float]:
    """Per stage the chosen joint's peak belief; for all joints the mean of the peaks of those that are shown.

    (Of all of them it would fall from stage to stage where legs are out of the picture: that no joint is there is
    what later stages are sure of.)

    Args:
        shown: which joints (K,) the last stage believes in.
    """
    joints = pose.stages.shape[1]
    if 0 <= joint < joints:
        return [float(value) for value in pose.stages[:, joint, 2]]
    return [float(value) for value in pose.stages[:, shown if shown.any() else slice(None), 2].mean(axis=1)]


def stage_shift(pose: Pose, joint: int) -> float | None:
    """How far (frame pixels) the chosen joint moved from the first stage to the last; None for all joints."""
    if not 0 <= joint < pose.stages.shape[1]:
        return None
    return float(np.hypot(*(pose.stages[-1, joint, :2] - pose.stages[0, joint, :2])))
