"""Sample pictures: what the network believes on a few validation samples, stage by stage."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Crop
from cpm_live.core.decode import decode
from cpm_live.core.skeleton import Skeleton
from cpm_live.drawing.colours import heat
from cpm_live.evaluation.evaluate import Infer, labelled_box
from cpm_live.network.presets import Preset
from cpm_live.training.dataset import Sample

_SIDE = 160
"""Of one tile, in pixels."""


def chosen(samples: Sequence[Sample], count: int = 6) -> list[Sample]:
    """The same few samples each time, from all sources in turn."""
    by_source: dict[str, list[Sample]] = {}
    for sample in samples:
        by_source.setdefault(sample.source, []).append(sample)
    out: list[Sample] = []
    for place in range(count):
        rows = list(by_source.values())
        row = rows[place % len(rows)]
        turn = place // len(rows)
        if turn < len(row):
            # Spread over the source: neighbours are often of one video.
            out.append(row[(turn * len(row)) // max(1, -(-count // len(rows)))])
    return out


def belief_sheet(
    infer: Infer, samples: Sequence[Sample], skeleton: Skeleton, preset: Preset, margin: float
) -> NDArray[np.uint8]:
    """One row per sample: the crop with truth (thin, white) and answer, then all joints' beliefs at each stage.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    crops = [Crop.around(labelled_box(sample), preset.size, preset.stride, margin) for sample in samples]
    pictures = [crop.extract(sample.image()) for crop, sample in zip(crops, samples, strict=True)]
    images = np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2))
    centres = np.full((len(samples), 2), (preset.size - 1) / 2, np.float32)
    beliefs = infer(images, centres)[:, :, : len(skeleton)]
    rows = []
    for crop, picture, sample, maps in zip(crops, pictures, samples, beliefs, strict=True):
        found = crop.to_input(crop.cells_to_frame(decode(maps[-1])[:, :2]))
        truth = crop.to_input(sample.joints[:, :2])
        tiles = [_skeletons(picture, found, truth, sample.joints[:, 2] > 0, skeleton)]
        tiles += [_tile(heat(stage.max(axis=0))) for stage in maps]
        rows.append(np.concatenate(tiles, axis=1))
    return np.concatenate(rows, axis=0)


def _tile(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)


def _skeletons(
    picture: NDArray[np.uint8],
    found: NDArray[np.float32],
    truth: NDArray[np.float32],
    labelled: NDArray[np.bool_],
    skeleton: Skeleton,
) -> NDArray[np.uint8]:
    tile = _tile(picture)
    scale = _SIDE / len(picture)

    def at(point: NDArray[np.float32]) -> tuple[int, int]:
        x, y = np.round((point + 0.5) * scale - 0.5)
        return int(x), int(y)

    for (a, b), (r, g, blue) in zip(skeleton.limbs, skeleton.limb_colours, strict=True):
        cv2.line(tile, at(found[a]), at(found[b]), (blue, g, r), 2, cv2.LINE_AA)
        if labelled[a] and labelled[b]:
            cv2.line(tile, at(truth[a]), at(truth[b]), (255, 255, 255), 1, cv2.LINE_AA)
    return tile
