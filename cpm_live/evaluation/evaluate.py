"""Run a network over labelled samples with ground-truth boxes and measure it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box, Crop
from cpm_live.core.skeleton import Skeleton
from cpm_live.evaluation.pck import THRESHOLDS, Errors, distances
from cpm_live.pipeline.decode import decode
from cpm_live.training.dataset import Sample

Infer = Callable[[NDArray[np.uint8], NDArray[np.float32]], NDArray[np.float32]]
"""Pictures (N, 3, size, size) and centres (N, 2) to beliefs (N, T, K+1, h, w)."""


def labelled_box(sample: Sample) -> Box:
    """The tight box of the labelled joints (what ground-truth boxes mean here)."""
    points = sample.joints[sample.joints[:, 2] > 0, :2]
    if len(points) < 2:
        return sample.box
    low, high = points.min(axis=0), points.max(axis=0)
    x, y, w, h = (float(v) for v in (*low, *(high - low)))
    return x, y, w, h


def measure(
    infer: Infer,
    samples: Sequence[Sample],
    skeleton: Skeleton,
    size: int,
    stride: int = 8,
    margin: float = 1.4,
    batch: int = 16,
    progress: Callable[[int], None] = lambda done: None,
) -> Errors:
    """Errors of every stage on every sample, boxes from the truth, single scale, no flip.

    Args:
        margin: crop side over the longer side of the box; a recipe's own is the middle of its training zoom.
    """
    rows: list[NDArray[np.float32]] = []
    for chunk in _chunks(samples, batch):
        crops = [Crop.around(labelled_box(s), size, stride, margin) for s in chunk]
        pictures = np.stack([crop.extract(s.image()).transpose(2, 0, 1) for crop, s in zip(crops, chunk, strict=True)])
        centres = np.full((len(chunk), 2), (size - 1) / 2, np.float32)
        beliefs = infer(np.ascontiguousarray(pictures), centres)
        for maps, crop, sample in zip(beliefs, crops, chunk, strict=True):
            points = crop.cells_to_frame(decode(maps[:, : len(skeleton)])[..., :2])
            rows.append(distances(points, sample.joints, labelled_box(sample), skeleton))
        progress(len(rows))
    return Errors(np.stack(rows), tuple(s.source for s in samples))


def _chunks(samples: Sequence[Sample], size: int) -> Iterable[Sequence[Sample]]:
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def report(errors: Errors, skeleton: Skeleton, model: str) -> dict[str, Any]:
    """The figures of ``cpm-live evaluate --json``; shares between 0 and 1."""
    main = 0.2 if skeleton.name == "body" else 0.1
    sources = sorted(set(errors.sources))
    stages = errors.distance.shape[1]
    return {
        "model": model,
        "images": len(errors.sources),
        "metric": "torso" if skeleton.name == "body" else "box",
        "pck": {str(t): round(errors.pck(t), 4) for t in THRESHOLDS},
        "per_joint": {
            name: round(share, 4) for name, share in zip(skeleton.joints, errors.per_joint(main), strict=True)
        },
        "per_source": {
            source: {str(t): round(errors.pck(t, source=source), 4) for t in THRESHOLDS} for source in sources
        },
        "per_stage": [{str(t): round(errors.pck(t, stage=stage), 4) for t in THRESHOLDS} for stage in range(stages)],
    }
