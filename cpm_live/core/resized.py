"""A result in another size: its frame, and all places in it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from cpm_live.core.crop import resized_box, resized_points
from cpm_live.core.findings import Found
from cpm_live.core.pose import Pose, Result


def resized(result: Result, size: tuple[int, int]) -> Result:
    """The same result, as if its frame had been of that size (width, height), which is of about the same shape."""
    frame = result.frame
    if size == (frame.width, frame.height):
        return result
    share = size[0] / frame.width
    how = cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC
    image = np.asarray(cv2.resize(frame.image, size, interpolation=how), np.uint8)
    finder = result.finder
    if finder is not None:
        early, found = finder.early, _found(finder.found, share)
        crop = finder.crop.resized(share)
        finder = replace(finder, found=found, crop=crop, early=lambda stage: _found(early(stage), share))
    poses, hands = (tuple(_pose(pose, share) for pose in own) for own in (result.poses, result.hands))
    return replace(result, frame=replace(frame, image=image), poses=poses, hands=hands, finder=finder)


def _pose(pose: Pose, share: float) -> Pose:
    return replace(
        pose,
        box=resized_box(pose.box, share),
        stages=resized_points(pose.stages, share),
        crop=pose.crop.resized(share),
        smoothed=None if pose.smoothed is None else resized_points(pose.smoothed, share),
    )


def _found(found: tuple[Found, ...], share: float) -> tuple[Found, ...]:
    whole = [(one, resized_points(np.array([one.x, one.y]), share)) for one in found]
    return tuple(replace(one, x=float(at[0]), y=float(at[1]), size=one.size * share) for one, at in whole)
