"""Object keypoint similarity and average precision, by COCO's own code (pycocotools)."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.errors import InputError
from cpm_live.core.extras import install
from cpm_live.core.skeleton import Skeleton
from cpm_live.evaluation.predict import labelled_box
from cpm_live.evaluation.predictions import Prediction
from cpm_live.training.dataset import Sample

NAMES = ("AP", "AP50", "AP75", "AP_medium", "AP_large", "AR", "AR50", "AR75", "AR_medium", "AR_large")
"""What COCO's keypoint evaluation tells, in its order."""

_NOWHERE = -1e5
"""Pixels: where a joint is that was not found."""


def available() -> bool:
    """Whether pycocotools is installed."""
    try:
        import pycocotools  # noqa: F401
    except ModuleNotFoundError:
        return False
    return True


def average_precision(
    predictions: Sequence[Prediction],
    samples: Sequence[Sample],
    skeleton: Skeleton,
    empty: Sequence[Sample] = (),
) -> dict[str, float]:
    """AP and AR at OKS 0.5:0.05:0.95 and their parts; NaN for parts without anybody (COCO says -1).

    Args:
        empty: pictures in which nobody is labelled: what is found there is wrong.

    The area that OKS is scaled with is the data set's, where it gives one, else that of the labelled joints' box.

    Raises:
        InputError: pycocotools is not installed.
    """
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ModuleNotFoundError:
        raise InputError(f"OKS and AP need pycocotools; install it: {install('train')}") from None
    numbers = image_numbers([*samples, *empty])
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = _dataset(samples, skeleton, numbers)
        truth.createIndex()
        results = [
            {
                "image_id": numbers[(p.image_id, p.name)],
                "category_id": 1,
                # pycocotools takes a place that is no number for a perfect one.
                "keypoints": np.nan_to_num(np.asarray(p.joints, np.float64), nan=_NOWHERE).ravel().tolist(),
                "score": p.score,
            }
            for p in predictions
            if (p.image_id, p.name) in numbers and not np.isnan(p.joints[:, :2]).all()
        ]
        if not results:
            return dict.fromkeys(NAMES, 0.0)
        run = COCOeval(truth, truth.loadRes(results), "keypoints")
        run.params.kpt_oks_sigmas = np.asarray(skeleton.sigmas, np.float64)
        run.evaluate()
        run.accumulate()
        run.summarize()
    values = [float(value) for value in run.stats]
    return {name: float("nan") if value < 0 else round(value, 4) for name, value in zip(NAMES, values, strict=True)}


def image_numbers(samples: Sequence[Sample]) -> dict[tuple[int | str, str], int]:
    """A number for each picture, by the sample's ``image_id`` and name."""
    numbers: dict[tuple[int | str, str], int] = {}
    for sample in samples:
        numbers.setdefault((sample.image_id, sample.name), len(numbers) + 1)
    return numbers


def _dataset(
    samples: Sequence[Sample], skeleton: Skeleton, numbers: dict[tuple[int | str, str], int]
) -> dict[str, Any]:
    annotations = []
    for number, sample in enumerate(samples, start=1):
        joints: NDArray[np.float64] = np.asarray(sample.joints, np.float64)
        x, y, w, h = labelled_box(sample)
        annotations.append(
            {
                "id": number, "image_id": numbers[(sample.image_id, sample.name)], "category_id": 1,
                "iscrowd": int(sample.crowd),
                "keypoints": joints.ravel().tolist(), "num_keypoints": int((joints[:, 2] > 0).sum()),
                "bbox": [x, y, w, h], "area": sample.area or max(w * h, 1.0),
            }
        )  # fmt: skip
    return {
        "info": {},
        "images": [{"id": number} for number in numbers.values()],
        "categories": [{"id": 1, "name": skeleton.name, "keypoints": list(skeleton.joints)}],
        "annotations": annotations,
    }
