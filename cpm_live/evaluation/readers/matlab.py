"""MATLAB files: reading them, and what all data sets made with MATLAB have in common."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.errors import InputError, first_line
from cpm_live.core.extras import install
from cpm_live.training.dataset import Sample

_log = logging.getLogger(__name__)


def read(path: Path, key: str) -> Any:
    """The variable ``key`` of a ``.mat`` file; structs become objects with attributes, single values are bare.

    Raises:
        InputError: scipy is missing, no such file or variable, or unreadable.
    """
    try:
        from scipy.io import loadmat
    except ModuleNotFoundError:
        raise InputError(f".mat files need scipy; install it: {install('train')}") from None
    if not path.is_file():
        raise InputError(f"no {path.name} in {path.parent}: give the folder that holds it")
    try:
        content = loadmat(path, struct_as_record=False, squeeze_me=True, variable_names=[key])
    except Exception as error:  # noqa: BLE001 - scipy raises many unrelated types for a file that is none
        raise InputError(f"cannot read {path}: {first_line(error)}") from None
    if key not in content:
        raise InputError(f"{path} has no variable {key!r}; is it another data set's?")
    return content[key]


def listed(value: Any) -> list[Any]:
    """A struct array's elements: MATLAB stores one struct bare and none as an empty matrix."""
    if isinstance(value, np.ndarray):
        return list(value.ravel())
    return [value]


def field(struct: Any, name: str) -> Any:
    """A field's value; None where the struct lacks it or it is an empty matrix."""
    value = getattr(struct, name, None)
    return None if isinstance(value, np.ndarray) and value.size == 0 else value


def number(value: Any) -> float:
    """A number, also where it is stored as text; NaN where there is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def zero_based(points: NDArray[np.floating]) -> NDArray[np.float32]:
    """MATLAB's first pixel has its centre at (1, 1), ours at (0, 0)."""
    return (np.asarray(points) - 1).astype(np.float32)


def tight_box(joints: NDArray[np.float32]) -> tuple[float, float, float, float]:
    """The box of the labelled joints (K, 3): x, y, width, height; zeros without any."""
    points = joints[joints[:, 2] > 0, :2]
    if not len(points):
        return 0.0, 0.0, 0.0, 0.0
    low, high = points.min(axis=0), points.max(axis=0)
    x, y, w, h = (float(v) for v in (*low, *(high - low)))
    return x, y, w, h


def existing(samples: Iterable[Sample], source: Path) -> list[Sample]:
    """Those whose picture is there; how many are not is told, all missing is an error."""
    there: list[Sample] = []
    missing: list[str] = []
    for sample in samples:
        if sample.file is not None and sample.file.is_file():
            there.append(sample)
        else:
            missing.append(sample.name)
    if not there:
        what = f"none of its {len(missing)} pictures is there, {missing[0]} first" if missing else "no usable person"
        raise InputError(f"{source}: {what}; pictures are looked for in images/ beside it")
    if missing:
        _log.warning("%s: %d pictures are missing and left out, %s first", source, len(missing), missing[0])
    return there
