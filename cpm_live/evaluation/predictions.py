"""Predictions as files: COCO results (ours and others'), and the paper release's ``.mat``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import Skeleton
from cpm_live.core.whole_file import whole
from cpm_live.evaluation.predict import labelled_box
from cpm_live.training.dataset import Sample

_LSP_TEST = 1001
"""Number of the first picture of LSP's test half, which the paper's predictions are of."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """One person or hand that somebody found in a picture.

    Attributes:
        image_id, name: of the picture, as the sample's.
        joints: (K, 3): x, y in pixels, score.
        score: of the whole.
        category, order: of the data set's annotations, as the sample's.
    """

    image_id: int | str
    name: str
    joints: NDArray[np.float32]
    score: float
    category: int | str = 1
    order: tuple[int, ...] | None = None

    @classmethod
    def of(cls, sample: Sample, joints: NDArray[np.float32], score: float) -> Prediction:
        """Found in this sample's picture."""
        return cls(sample.image_id, sample.name, joints, score, sample.category, sample.order)

    def as_labelled(self) -> NDArray[np.float32]:
        """The joints in the order of the data set's annotations."""
        if self.order is None:
            return self.joints
        out = np.empty_like(self.joints)
        out[list(self.order)] = self.joints
        return out


def of_samples(found: NDArray[np.float32], samples: Sequence[Sample]) -> list[Prediction]:
    """Joints (N, K, 3) found for each sample, as predictions; the score is the joints' mean.

    Where nobody was found (NaN) there is no prediction.
    """
    return [
        Prediction.of(sample, joints, float(joints[:, 2].mean()))
        for joints, sample in zip(found, samples, strict=True)
        if not np.isnan(joints).any()
    ]


def save(path: Path, predictions: Sequence[Prediction]) -> None:
    """Write COCO results; the file appears whole or not at all. Raises ``InputError`` where it cannot."""
    rows = [
        {
            "image_id": p.image_id,
            "file_name": p.name,
            "category_id": p.category,
            "keypoints": [round(float(v), 3) for v in p.as_labelled().ravel()],
            "score": round(p.score, 5),
        }
        for p in predictions
    ]
    try:
        with whole(path) as temporary:
            temporary.write_text(json.dumps(rows), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def load(path: Path, samples: Sequence[Sample], skeleton: Skeleton) -> tuple[list[Prediction], int]:
    """Predictions by others, and how many are of pictures that are not among the samples.

    Raises:
        InputError: unreadable, of another skeleton, or of other pictures altogether.
    """
    if path.suffix == ".mat":
        return _load_paper(path, samples, skeleton), 0
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from None
    if not isinstance(rows, list):
        raise InputError(f"{path} is not a COCO results file: a list of image_id, keypoints and score is expected")
    pictures = {(sample.image_id, sample.name): sample for sample in samples}.values()
    kinds = {(sample.image_id, sample.name, sample.category): sample for sample in samples}
    by_base, by_id = _by(pictures, lambda sample: sample.name.rpartition("/")[2]), _by(pictures, _id)
    out, others = [], 0
    for row in rows:
        joints, score = _joints(row, path, skeleton)
        number = row.get("image_id")
        if isinstance(number, list | dict):
            raise InputError(f"{path} is not a COCO results file: image_id is {str(number)[:80]}")
        named = _called(str(row["file_name"]), by_base) if "file_name" in row else by_id.get(number, [])
        if len(named) > 1:
            alike = [sample for sample in named if sample.image_id == number and "file_name" in row]
            named = [sample for sample in alike if sample.name == row["file_name"]] or alike or named
        if len(named) > 1:
            raise InputError(
                f"{path}: {row.get('file_name', number)} may be any of {len(named)} pictures "
                f"({', '.join(sorted({s.source for s in named}))}); results need image_id and file_name of this data, "
                "or give one --data at a time with --predictions"
            )
        if not named:
            others += 1
        else:
            (sample,) = named
            sample = kinds.get((sample.image_id, sample.name, row.get("category_id")), sample)
            # Results are in the order of the annotations that they are about.
            own = joints if sample.order is None else joints[list(sample.order)]
            out.append(Prediction.of(sample, own, score))
    # No results at all are an answer, too: nobody was found.
    if rows and not out:
        raise InputError(f"{path}: none of its {len(rows)} results is of a picture of this data (see image_id)")
    return out, others


def _by(samples: Iterable[Sample], key: Callable[[Sample], Any]) -> dict[Any, list[Sample]]:
    out: dict[Any, list[Sample]] = {}
    for sample in samples:
        out.setdefault(key(sample), []).append(sample)
    return out


def _id(sample: Sample) -> int | str:
    return sample.image_id


def _called(name: str, by_base: dict[Any, list[Sample]]) -> list[Sample]:
    """The pictures of this name: their own, or that before their folder was put in front (see ``training.data``)."""
    alike = by_base.get(name.rpartition("/")[2], [])
    return [sample for sample in alike if sample.name == name or sample.name.endswith(f"/{name}")]


def _joints(row: Any, path: Path, skeleton: Skeleton) -> tuple[NDArray[np.float32], float]:
    try:
        joints = np.asarray(row["keypoints"], np.float32).reshape(-1, 3)
        score = float(row.get("score", np.nan_to_num(joints[:, 2]).mean()))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is not a COCO results file: {error!r} in {str(row)[:80]}") from None
    # Null or NaN is how joints that were not found are written.
    joints[~np.isfinite(joints[:, :2]).all(axis=1), :2] = np.nan
    if not np.isfinite(score):
        raise InputError(f"{path}: a score is {row.get('score')}; it must be a number")
    if len(joints) != len(skeleton):
        raise InputError(f"{path} has {len(joints)} keypoints, the {skeleton.name} skeleton has {len(skeleton)}")
    return joints, score


def _load_paper(path: Path, samples: Sequence[Sample], skeleton: Skeleton) -> list[Prediction]:
    """``prediction_all`` (14, 2, N): LSP's joint order, the pictures of its test half in order."""
    # MATLAB's reader is found where it is needed only: most evaluations read none.
    from cpm_live.evaluation.readers import matlab

    table = np.asarray(matlab.read(path, "prediction_all"))
    if table.ndim != 3 or table.shape[:2] != (14, 2) or len(skeleton) != 14:
        raise InputError(f"{path}: prediction_all is {table.shape}, expected (14, 2, 1000) for a body model")
    points = matlab.zero_based(np.transpose(table, (2, 0, 1)))
    out = []
    for sample in samples:
        digits = re.search(r"(\d+)\.\w+$", sample.name)
        place = int(digits[1]) - _LSP_TEST if digits else -1
        if sample.source == "lsp" and 0 <= place < len(points):
            joints = np.column_stack([points[place], np.ones(14, np.float32)]).astype(np.float32)
            out.append(Prediction.of(sample, joints, 1.0))
    if not out:
        raise InputError(
            f"{path} is about LSP's test half (im1001.jpg to im2000.jpg), of which this data has nothing: "
            "give the original LSP with --format lsp"
        )
    return out


def match(predictions: Sequence[Prediction], samples: Sequence[Sample], skeleton: Skeleton) -> NDArray[np.float32]:
    """For each sample the prediction that fits it best, (N, 1, K, 3); NaN where none is left.

    In each picture the best fitting pairs (by OKS) are joined first, each prediction once.
    """
    out = np.full((len(samples), 1, len(skeleton), 3), np.nan, np.float32)
    found: dict[tuple[int | str, str], list[Prediction]] = {}
    for prediction in predictions:
        found.setdefault((prediction.image_id, prediction.name), []).append(prediction)
    wanted: dict[tuple[int | str, str], list[int]] = {}
    for number, sample in enumerate(samples):
        wanted.setdefault((sample.image_id, sample.name), []).append(number)
    for key, numbers in wanted.items():
        pairs = [
            (similarity(p.joints, samples[n], skeleton), place, n)
            for place, p in enumerate(found.get(key, []))
            for n in numbers
        ]
        taken: set[int] = set()
        joined: set[int] = set()
        for _, place, number in sorted(pairs, reverse=True):
            if place not in taken and number not in joined:
                taken.add(place)
                joined.add(number)
                out[number, 0] = found[key][place].joints
    return out


def similarity(joints: NDArray[np.float32], sample: Sample, skeleton: Skeleton) -> float:
    """Object keypoint similarity of joints (K, 2 or more) with a sample, 0..1."""
    labelled = sample.joints[:, 2] > 0
    if not labelled.any():
        return 0.0
    _, _, w, h = labelled_box(sample)
    area = sample.area or max(w * h, 1.0)
    variances = (2 * np.asarray(skeleton.sigmas)[labelled]) ** 2
    squares = np.square(joints[labelled, :2] - sample.joints[labelled, :2]).sum(axis=1)
    squares = np.where(np.isnan(squares), np.inf, squares)
    return float(np.exp(-squares / (2 * area * variances)).mean())
