"""FLIC, Frames Labeled In Cinema: ``examples.mat`` and ``images/`` (Sapp and Taskar, MODEC, CVPR 2013).

``examples(i)`` has ``filepath``, ``coords`` (2 x 29, NaN where there is no label), ``istrain``, ``istest`` and
``torsobox``. Columns of ``coords``, as the authors' ``lookupPart.m`` names them: 1 to 3 left shoulder, elbow, wrist,
4 to 6 the right ones, 7 left hip, 10 right hip, 13 and 14 eyes, 17 nose. Left and right are the person's own;
evaluations of the time (MODEC's, the CPM release's) swap them for people seen from behind, we do not.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY
from cpm_live.evaluation.readers import matlab
from cpm_live.training.dataset import Sample

_COLUMNS = {
    "left_shoulder": 0, "left_elbow": 1, "left_wrist": 2, "right_shoulder": 3, "right_elbow": 4, "right_wrist": 5,
    "left_hip": 6, "right_hip": 9,
}  # fmt: skip
"""Our joints' columns, from 0; we have no eyes and no nose, FLIC no neck, head top, knees and ankles."""


def load(folder: Path, split: str) -> list[Sample]:
    """FLIC's training (``train``) or test examples (``val``)."""
    path = folder / "examples.mat"
    flag = "istrain" if split == "train" else "istest"
    samples = []
    for index, example in enumerate(matlab.listed(matlab.read(path, "examples"))):
        try:
            chosen, coords = bool(getattr(example, flag)), np.asarray(example.coords, np.float64)
            name = str(example.filepath)
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(f"{path}: example {index + 1} is not FLIC's: {error}") from None
        if coords.ndim != 2 or coords.shape[0] != 2 or coords.shape[1] < 10:
            raise InputError(f"{path}: example {index + 1} has coords of shape {coords.shape}, FLIC's are 2 x 29")
        if not chosen:
            continue
        joints = np.zeros((len(BODY), 3), np.float32)
        for joint, column in _COLUMNS.items():
            at = matlab.zero_based(coords[:, column])
            if np.isfinite(at).all():
                joints[BODY.index(joint)] = (*at, 2)
        if (joints[:, 2] > 0).any():
            file = folder / "images" / name
            samples.append(Sample(name, b"", joints, matlab.tight_box(joints), "flic", file, image_id=index + 1))
    return matlab.existing(samples, path)
