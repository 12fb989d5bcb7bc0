"""PCK: the share of joints closer to the truth than a fraction of a reference length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box
from cpm_live.core.skeleton import Skeleton

THRESHOLDS = (0.05, 0.1, 0.2, 0.5)


def reference_length(joints: NDArray[np.floating], box: Box, skeleton: Skeleton) -> float:
    """The length that PCK's thresholds are fractions of, in pixels.

    Body: the torso, |left shoulder - right hip| (LSP's definition); with only one of these labelled
    the other diagonal, without hips 1.5 x shoulder width, else half the box's longer side.
    Hand: the longer side of the box.
    """
    if skeleton.name != "body":
        return float(max(box[2], box[3]))

    def distance(a: str, b: str) -> float:
        i, j = skeleton.index(a), skeleton.index(b)
        if joints[i, 2] <= 0 or joints[j, 2] <= 0:
            return 0.0
        return float(np.hypot(*(joints[i, :2] - joints[j, :2])))

    return (
        distance("left_shoulder", "right_hip")
        or distance("right_shoulder", "left_hip")
        or 1.5 * distance("left_shoulder", "right_shoulder")
        or 0.5 * max(box[2], box[3])
    )


@dataclass(frozen=True, slots=True)
class Errors:
    """Distances of predictions to the truth, in units of the reference length.

    Attributes:
        distance: (N, T, K); NaN where a joint is not labelled, infinite where it was not found.
        sources: N source names.
        images: how many pictures these N people are in.
    """

    distance: NDArray[np.float32]
    sources: tuple[str, ...]
    images: int = 0

    def pck(self, threshold: float, stage: int = -1, source: str | None = None) -> float:
        """Share of labelled joints within the threshold, all joints together."""
        return _share(self._rows(stage, source), threshold)

    def per_joint(self, threshold: float, stage: int = -1, source: str | None = None) -> list[float]:
        """The same, joint by joint (K,)."""
        rows = self._rows(stage, source)
        return [_share(rows[:, joint], threshold) for joint in range(rows.shape[1])]

    def _rows(self, stage: int, source: str | None) -> NDArray[np.float32]:
        rows = self.distance[:, stage]
        if source is None:
            return rows
        return rows[np.array([name == source for name in self.sources])]


def _share(distances: NDArray[np.float32], threshold: float) -> float:
    labelled = ~np.isnan(distances)
    if not labelled.any():
        return float("nan")
    return float((distances[labelled] <= threshold).mean())


def distances(
    predicted: NDArray[np.floating], truth: NDArray[np.floating], box: Box, skeleton: Skeleton
) -> NDArray[np.float32]:
    """Distances (T, K) of one person's joints, in units of the reference length.

    Args:
        predicted: (T, K, 2 or more) in the picture's pixels; NaN where nothing was found.
        truth: (K, 3); v <= 0 is not labelled.
    """
    return _in_units(predicted, truth, reference_length(truth, box, skeleton))


def head_length(truth: NDArray[np.floating], given: float, skeleton: Skeleton) -> float:
    """PCKh's unit in pixels: the one the data set gives (MPII's 0.6 x head rectangle's diagonal), else the
    distance from head top to neck; 0 where there is neither."""
    if given > 0:
        return given
    if "head_top" not in skeleton.joints or "neck" not in skeleton.joints:
        return 0.0
    top, neck = truth[skeleton.index("head_top")], truth[skeleton.index("neck")]
    if top[2] <= 0 or neck[2] <= 0:
        return 0.0
    return float(np.hypot(*(top[:2] - neck[:2])))


def head_distances(
    predicted: NDArray[np.floating], truth: NDArray[np.floating], given: float, skeleton: Skeleton
) -> NDArray[np.float32]:
    """Distances (T, K) in units of :func:`head_length`; all NaN for a person without a head segment."""
    unit = head_length(truth, given, skeleton)
    if unit <= 0:
        return np.full(predicted.shape[:2], np.nan, np.float32)
    return _in_units(predicted, truth, unit)


def _in_units(predicted: NDArray[np.floating], truth: NDArray[np.floating], unit: float) -> NDArray[np.float32]:
    out = np.hypot(*np.moveaxis(predicted[..., :2] - truth[None, :, :2], -1, 0)) / max(unit, 1e-6)
    # What was not found is wrong, however far one would let it be.
    out = np.where(np.isnan(out), np.inf, out)
    out[:, truth[:, 2] <= 0] = np.nan
    return out.astype(np.float32)
