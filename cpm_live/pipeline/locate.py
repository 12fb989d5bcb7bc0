"""Locate: where somebody is according to their joints, and where to search when nobody knows.

The search places are for machines without a finder; each costs one look of the pose network.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box

EDGE = 0.01
"""A joint this share of the picture's short side outside the picture still counts as inside: peaks have width."""


def search_boxes(width: int, height: int, region: Box | None = None) -> list[Box]:
    """Places to try, one a frame: the whole frame (or region), its largest squares, smaller overlapping squares."""
    left, top, wide, high = region or (0.0, 0.0, float(width), float(height))
    side = min(wide, high)
    boxes: list[Box] = [(left, top, float(wide), float(high))]
    for share in (1.0, 0.66):
        edge = side * share
        across = max(1, round((wide - edge) / (edge / 2)) + 1)
        down = max(1, round((high - edge) / (edge / 2)) + 1)
        boxes += squares((left, top, wide, high), edge, across, down)
    # The middle first: that is where people put themselves.
    boxes[1:] = sorted(boxes[1:], key=lambda b: (-b[2], abs(b[0] + b[2] / 2 - left - wide / 2)))
    return boxes


def squares(area: Box, side: float, across: int, down: int) -> list[Box]:
    """So many squares evenly over an area, row by row, from edge to edge; one alone lies in the middle."""
    left, top, wide, high = area
    xs, ys = (
        low + (length - side) * (np.linspace(0, 1, count) if count > 1 else np.array([0.5]))
        for low, length, count in ((left, wide, across), (top, high, down))
    )
    return [(x, y, side, side) for y in ys.tolist() for x in xs.tolist()]


def without_outside(stages: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """Joints (..., K, 3) whose peak lies outside the frame lose their score: there is only grey, nothing was seen."""
    slack = EDGE * min(width, height)
    x, y = stages[..., 0], stages[..., 1]
    inside = (x >= -slack) & (x <= width - 1 + slack) & (y >= -slack) & (y <= height - 1 + slack)
    out = stages.copy()
    out[..., 2] *= inside
    return out


def pose_box(keypoints: NDArray[np.float32], threshold: float) -> Box | None:
    """The box of the joints (K, 3) whose score reaches ``threshold``; None with fewer than three."""
    sure = keypoints[keypoints[:, 2] >= threshold, :2]
    if len(sure) < 3:
        return None
    low, high = sure.min(axis=0), sure.max(axis=0)
    x, y, w, h = (float(value) for value in (*low, *(high - low)))
    return x, y, w, h


def presence(keypoints: NDArray[np.float32], best: float = 0.5) -> float:
    """How sure the machine is that somebody is there: mean score of the better half of the joints."""
    count = max(1, int(len(keypoints) * best))
    return float(np.sort(keypoints[:, 2])[-count:].sum()) / count


def plausible(box: Box, width: int, height: int, least: float | None = None) -> bool:
    """Not a speck, and its middle inside the frame.

    Args:
        least: pixels that a longer side has; a share of the frame where it is not given.
    """
    x, y, w, h = box
    return (
        max(w, h) >= (0.04 * min(width, height) if least is None else least)
        and 0 <= x + w / 2 < width
        and 0 <= y + h / 2 < height
    )


def holds(box: Box, point: tuple[float, float], slack: float = 0.0) -> bool:
    """Whether a point lies in a box, or at most ``slack`` of its sides outside."""
    x, y, w, h = box
    return -slack * w <= point[0] - x <= (1 + slack) * w and -slack * h <= point[1] - y <= (1 + slack) * h


def inside(region: Box, width: int, height: int) -> Box:
    """The part of a region that lies in the frame, never empty."""
    x0, y0 = min(max(0.0, region[0]), width - 1.0), min(max(0.0, region[1]), height - 1.0)
    x1, y1 = min(float(width), region[0] + region[2]), min(float(height), region[1] + region[3])
    return x0, y0, max(1.0, x1 - x0), max(1.0, y1 - y0)
