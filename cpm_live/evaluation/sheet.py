"""Contact sheets: labelled pictures with what was found, at random and the worst, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Crop
from cpm_live.core.skeleton import Skeleton
from cpm_live.evaluation.pck import Errors
from cpm_live.evaluation.predict import labelled_box
from cpm_live.training.dataset import Sample

Image = NDArray[np.uint8]

_SIDE = 200
_LINE = 18
_WHITE, _GREY = (255, 255, 255), (150, 150, 150)


def ranking(errors: Errors, threshold: float, stage: int = -1) -> NDArray[np.int64]:
    """Numbers of the samples, worst first: by share of joints wrong, then by how far off they are."""
    rows = np.asarray(errors.distance[:, stage], np.float64)
    labelled = ~np.isnan(rows)
    count = np.maximum(labelled.sum(axis=1), 1)
    wrong = ((rows > threshold) & labelled).sum(axis=1) / count
    far = np.where(labelled, np.minimum(np.nan_to_num(rows, nan=0.0, posinf=9.0), 9.0), 0).sum(axis=1) / count
    return np.lexsort((-far, -wrong))


def draw(
    title: str,
    samples: Sequence[Sample],
    found: NDArray[np.float32],
    errors: Errors,
    skeleton: Skeleton,
    threshold: float,
    numbers: Sequence[int],
    columns: int = 8,
    photographs: bool = True,
) -> Image:
    """A sheet of the samples with these numbers: truth thin and white, the answer in colours, wrong joints ringed.

    Args:
        found: (N, K, 3) in frame pixels; NaN where nothing was found.
        photographs: without them there is neither picture nor truth, only the answers: what may be published
            of data that may not.
    """
    tiles = [_tile(samples[n], found[n], errors.distance[n, -1], skeleton, threshold, photographs) for n in numbers]
    columns = min(columns, max(1, len(tiles)))
    blank = np.full((_SIDE + _LINE, _SIDE, 3), 24, np.uint8)
    tiles += [blank] * (-len(tiles) % columns)
    rows = [np.concatenate(tiles[i : i + columns], axis=1) for i in range(0, len(tiles), columns)]
    head = np.full((_LINE + 8, columns * _SIDE, 3), 24, np.uint8)
    cv2.putText(head, title, (6, _LINE), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _WHITE, 1, cv2.LINE_AA)
    return np.concatenate([head, *rows], axis=0)


def join(sheets: Sequence[Image]) -> Image:
    """Sheets under each other, the narrower ones filled up."""
    width = max(sheet.shape[1] for sheet in sheets)
    filled = [
        np.pad(sheet, ((0, 0), (0, width - sheet.shape[1]), (0, 0)), constant_values=24) for sheet in sheets
    ]  # fmt: skip
    return np.concatenate(filled, axis=0)


def _tile(
    sample: Sample,
    found: NDArray[np.float32],
    error: NDArray[np.float32],
    skeleton: Skeleton,
    threshold: float,
    photograph: bool,
) -> Image:
    crop = Crop.around(labelled_box(sample), _SIDE, 1, 1.5)
    picture = crop.extract(sample.image()) if photograph else np.full((_SIDE, _SIDE, 3), 60, np.uint8)
    truth, answer = crop.to_input(sample.joints[:, :2]), crop.to_input(found[:, :2])
    labelled = sample.joints[:, 2] > 0
    known = np.isfinite(answer[:, 0] + answer[:, 1])
    for (a, b), (red, green, blue) in zip(skeleton.limbs, skeleton.limb_colours, strict=True):
        if known[a] and known[b]:
            cv2.line(picture, _at(answer[a]), _at(answer[b]), (blue, green, red), 2, cv2.LINE_AA)
        if photograph and labelled[a] and labelled[b]:
            cv2.line(picture, _at(truth[a]), _at(truth[b]), _WHITE, 1, cv2.LINE_AA)
    wrong = labelled & (error > threshold)
    for joint in np.flatnonzero(wrong & known):
        cv2.circle(picture, _at(answer[joint]), 5, (0, 0, 255), 1, cv2.LINE_AA)
    line = np.full((_LINE, _SIDE, 3), 24, np.uint8)
    text = f"{sample.name.rpartition('/')[2][:18]} {labelled.sum() - wrong.sum()}/{labelled.sum()}"
    cv2.putText(line, text, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.38, _GREY, 1, cv2.LINE_AA)
    return np.concatenate([picture, line], axis=0)


def _at(point: NDArray[np.floating]) -> tuple[int, int]:
    # Far outside the tile lines are cut anyway, and OpenCV's coordinates are small integers.
    x, y = np.clip(np.round(point), -4 * _SIDE, 4 * _SIDE)
    return int(x), int(y)
