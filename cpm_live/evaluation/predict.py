"""What a network answers on labelled samples with ground-truth boxes, in frame pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box, Crop
from cpm_live.core.decode import decode
from cpm_live.core.skeleton import Skeleton
from cpm_live.training.dataset import Sample

Infer = Callable[[NDArray[np.uint8], NDArray[np.float32]], NDArray[np.float32]]
"""Pictures (N, 3, size, size) and centres (N, 2) to beliefs (N, T, K+1, h, w)."""

_FINER = 2
"""Averaged beliefs are laid on a grid so many times finer than the network's, as they do not share one."""


_ENOUGH = 4
"""Labelled joints that say how large somebody is: a wrist and an elbow alone would be looked at as a whole person."""
_LEAST = 12.0
"""Pixels of a box of fewer, for want of another, as training takes it."""


@dataclass(frozen=True, slots=True)
class Looks:
    """How often a network looks at each sample; the beliefs of all looks are averaged.

    Attributes:
        scales: of the person against the usual one.
        flip: also at the mirror image.
    """

    scales: tuple[float, ...] = (1.0,)
    flip: bool = False

    @property
    def once(self) -> bool:
        """Whether there is nothing to average."""
        return self.scales == (1.0,) and not self.flip


def labelled_box(sample: Sample) -> Box:
    """The tight box of the labelled joints (what ground-truth boxes mean here), the data's own where those are few."""
    points = sample.joints[sample.joints[:, 2] > 0, :2]
    if len(points) == 0 or (len(points) < _ENOUGH and min(sample.box[2:]) > 0):
        return sample.box
    low, high = points.min(axis=0), points.max(axis=0)
    # A single joint has no size, and many files give no box with it.
    x, y, w, h = (float(v) for v in (*low, *np.maximum(high - low, 0 if len(points) >= _ENOUGH else _LEAST)))
    return x, y, w, h


def predict(
    infer: Infer,
    samples: Sequence[Sample],
    skeleton: Skeleton,
    size: int,
    stride: int = 8,
    margin: float = 1.4,
    batch: int = 16,
    looks: Looks | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> NDArray[np.float32]:
    """Every stage's joints for every sample, boxes from the truth: (N, T, K, 3): x, y in frame pixels, score.

    Args:
        margin: crop side over the longer side of the box; a recipe's own is the middle of its training zoom.
        looks: at one scale and unmirrored if None.
    """
    looks = looks or Looks()
    rows: list[NDArray[np.float32]] = []
    for chunk in _chunks(samples, batch):
        images = [sample.image() for sample in chunk]
        crops = [Crop.around(labelled_box(sample), size, stride, margin) for sample in chunk]
        if looks.once:
            beliefs = _look(infer, images, crops, False)[:, :, : len(skeleton)]
            found = [_to_frame(maps, crop) for maps, crop in zip(beliefs, crops, strict=True)]
        else:
            found = _look_often(infer, images, crops, skeleton, looks)
        rows += found
        progress(len(rows))
    return np.stack(rows)


def _to_frame(maps: NDArray[np.float32], crop: Crop) -> NDArray[np.float32]:
    """Peaks (T, K, 3) in frame pixels of maps (T, K, h, w)."""
    out = decode(maps)
    out[..., :2] = crop.cells_to_frame(out[..., :2])
    return out


def _look(infer: Infer, images: list[NDArray[np.uint8]], crops: list[Crop], mirrored: bool) -> NDArray[np.float32]:
    """Beliefs (N, T, K+1, h, w) of the crops' pictures; of mirrored ones as the network said them."""
    pictures = np.stack([crop.extract(image) for crop, image in zip(crops, images, strict=True)])
    if mirrored:
        pictures = pictures[:, :, ::-1]
    centres = np.full((len(crops), 2), (crops[0].size - 1) / 2, np.float32)
    return infer(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)), centres)


def _look_often(
    infer: Infer, images: list[NDArray[np.uint8]], crops: list[Crop], skeleton: Skeleton, looks: Looks
) -> list[NDArray[np.float32]]:
    totals: list[NDArray[np.float32]] = []
    fine: list[Crop] = []
    for scale in looks.scales:
        scaled = [Crop(c.x, c.y, c.side / scale, c.size, c.stride) for c in crops]
        for mirrored in (False, True) if looks.flip else (False,):
            beliefs = _look(infer, images, scaled, mirrored)[:, :, : len(skeleton)]
            if mirrored:
                beliefs = beliefs[..., ::-1][:, :, list(skeleton.flip)]
            if not totals:
                # The widest view holds all others; cells of the usual scale, only finer.
                wide = 1 / min(*looks.scales, 1.0)
                cells = round(beliefs.shape[-1] * wide * _FINER)
                share = cells / (beliefs.shape[-1] * _FINER)
                fine = [Crop(c.x, c.y, c.side * share, cells, 1) for c in crops]
                totals = [np.zeros((*maps.shape[:2], cells, cells), np.float32) for maps in beliefs]
            for total, maps, crop, grid in zip(totals, beliefs, scaled, fine, strict=True):
                _add(total, maps, crop, grid)
    count = len(looks.scales) * (2 if looks.flip else 1)
    return [_to_frame(total / np.float32(count), grid) for total, grid in zip(totals, fine, strict=True)]


def _add(total: NDArray[np.float32], maps: NDArray[np.float32], crop: Crop, grid: Crop) -> None:
    """Add maps (T, K, h, w) of a crop to those (T, K, H, W) on the grid; nothing where the crop does not reach."""
    # Two points of the map's cells, where they lie on the grid: the map between is only scale and shift.
    ends = grid.to_input(crop.cells_to_frame(np.array([[0.0, 0.0], [1.0, 1.0]]))).astype(np.float64)
    step, start = ends[1] - ends[0], ends[0]
    matrix = np.array([[step[0], 0, start[0]], [0, step[1], start[1]]])
    side = total.shape[-1]
    for stage, joints in enumerate(maps):
        for joint, belief in enumerate(joints):
            total[stage, joint] += cv2.warpAffine(
                np.ascontiguousarray(belief), matrix, (side, side), flags=cv2.INTER_CUBIC
            )


def _chunks(samples: Sequence[Sample], size: int) -> Iterable[Sequence[Sample]]:
    for start in range(0, len(samples), size):
        yield samples[start : start + size]
