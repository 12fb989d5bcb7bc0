"""Run a network over labelled samples with ground-truth boxes and measure it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.skeleton import Skeleton
from cpm_live.evaluation.pck import THRESHOLDS, Errors, distances, head_distances
from cpm_live.evaluation.predict import Infer, Looks, labelled_box, predict
from cpm_live.training.dataset import Sample

__all__ = ["Infer", "errors_of", "head_errors_of", "labelled_box", "main_threshold", "measure", "report"]


def main_threshold(skeleton: Skeleton) -> float:
    """The threshold of the figures per joint: 0.2 of the torso, 0.1 of a hand's box."""
    return 0.2 if skeleton.name == "body" else 0.1


def measure(
    infer: Infer,
    samples: Sequence[Sample],
    skeleton: Skeleton,
    size: int,
    stride: int = 8,
    margin: float = 1.4,
    batch: int = 16,
    progress: Callable[[int], None] = lambda done: None,
    looks: Looks | None = None,
) -> Errors:
    """Errors of every stage on every sample, boxes from the truth; see :func:`predict.predict`."""
    found = predict(infer, samples, skeleton, size, stride, margin, batch, looks, progress)
    return errors_of(found, samples, skeleton)


def errors_of(found: NDArray[np.floating], samples: Sequence[Sample], skeleton: Skeleton) -> Errors:
    """Errors of joints that were found, (N, T, K, 2 or more) in frame pixels; NaN for what was not found."""
    rows = [distances(f, s.joints, labelled_box(s), skeleton) for f, s in zip(found, samples, strict=True)]
    return _errors(rows, samples)


def head_errors_of(found: NDArray[np.floating], samples: Sequence[Sample], skeleton: Skeleton) -> Errors | None:
    """The same in units of the head segment, for PCKh; None where no sample has one."""
    rows = [head_distances(f, s.joints, s.head, skeleton) for f, s in zip(found, samples, strict=True)]
    errors = _errors(rows, samples)
    return None if np.isnan(errors.distance).all() else errors


def _errors(rows: Sequence[NDArray[np.float32]], samples: Sequence[Sample]) -> Errors:
    pictures = {(s.image_id, s.name) for s in samples}
    return Errors(np.stack(rows), tuple(s.source for s in samples), len(pictures))


def report(errors: Errors, skeleton: Skeleton, model: str, heads: Errors | None = None) -> dict[str, Any]:
    """The figures of ``cpm-live evaluate --json``; shares between 0 and 1.

    Args:
        heads: from :func:`head_errors_of`: adds ``pckh`` and ``pckh_per_joint``.
    """
    main = main_threshold(skeleton)
    sources = sorted(set(errors.sources))
    stages = errors.distance.shape[1]
    figures: dict[str, Any] = {
        "model": model,
        "images": errors.images,
        "metric": "torso" if skeleton.name == "body" else "box",
        "main_threshold": str(main),
        "pck": {str(t): round(errors.pck(t), 4) for t in THRESHOLDS},
        "per_joint": {
            name: round(share, 4) for name, share in zip(skeleton.joints, errors.per_joint(main), strict=True)
        },
        "per_source": {
            source: {str(t): round(errors.pck(t, source=source), 4) for t in THRESHOLDS} for source in sources
        },
        "per_stage": [{str(t): round(errors.pck(t, stage=stage), 4) for t in THRESHOLDS} for stage in range(stages)],
        "per_joint_and_source": {
            source: {
                name: round(share, 4)
                for name, share in zip(skeleton.joints, errors.per_joint(main, source=source), strict=True)
            }
            for source in sources
        },
    }
    if heads is not None:
        figures["pckh"] = {str(t): round(heads.pck(t), 4) for t in (0.1, 0.2, 0.5)}
        figures["pckh_per_joint"] = {
            name: round(share, 4) for name, share in zip(skeleton.joints, heads.per_joint(0.5), strict=True)
        }
    return figures
