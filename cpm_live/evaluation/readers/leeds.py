"""Leeds Sports Pose (LSP) and its extended training set (LSPET): ``joints.mat`` and ``images/``.

Johnson and Everingham, BMVC 2010 and CVPR 2011. Joints in our order. LSP: ``joints`` 3 x 14 x 2000, the third
row 1 where a joint is *occluded*; images 1 to 1000 are for training, 1001 to 2000 for testing. LSPET: ``joints``
14 x 3 x 10000, the third column 1 where a joint is *visible*, 0 where it has no label; all for training.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cpm_live.core.errors import InputError
from cpm_live.evaluation.readers import matlab
from cpm_live.training.dataset import Sample

LSP_TRAINING = 1000
"""How many of LSP's images are for training; the next ones are its test half."""


def load_lsp(folder: Path, split: str) -> list[Sample]:
    """LSP's training (``train``) or test half (``val``)."""
    joints = matlab.read(folder / "joints.mat", "joints")
    if joints.ndim != 3 or joints.shape[:2] != (3, 14):
        raise InputError(f"{folder}/joints.mat is {_shape(joints)}, LSP's is 3 x 14 x 2000 (LSPET: --format lspet)")
    rows = np.transpose(joints, (2, 1, 0))
    numbers = range(LSP_TRAINING) if split == "train" else range(LSP_TRAINING, len(rows))
    visibility = np.where(rows[..., 2] > 0, 1, 2)
    return _samples(folder, "lsp", 4, rows, visibility, [n for n in numbers if n < len(rows)])


def load_lspet(folder: Path, split: str) -> list[Sample]:
    """LSPET, all of which is for training."""
    if split != "train":
        raise InputError("LSPET has no validation split: evaluate on LSP (--format lsp), or give --split train")
    joints = matlab.read(folder / "joints.mat", "joints")
    if joints.ndim != 3 or joints.shape[:2] != (14, 3):
        raise InputError(f"{folder}/joints.mat is {_shape(joints)}, LSPET's is 14 x 3 x 10000 (LSP: --format lsp)")
    rows = np.transpose(joints, (2, 0, 1))
    return _samples(folder, "lspet", 5, rows, np.where(rows[..., 2] > 0, 2, 0), list(range(len(rows))))


def _samples(
    folder: Path, source: str, digits: int, rows: np.ndarray, visibility: np.ndarray, numbers: list[int]
) -> list[Sample]:
    samples = []
    for index in numbers:
        joints = np.zeros((14, 3), np.float32)
        joints[:, :2] = matlab.zero_based(rows[index, :, :2])
        joints[:, 2] = np.where(np.isfinite(joints[:, :2]).all(axis=1), visibility[index], 0)
        joints[joints[:, 2] == 0, :2] = 0
        name = f"im{index + 1:0{digits}d}.jpg"
        samples.append(
            Sample(name, b"", joints, matlab.tight_box(joints), source, folder / "images" / name, image_id=index + 1)
        )
    return matlab.existing(samples, folder / "joints.mat")


def _shape(array: np.ndarray) -> str:
    return " x ".join(map(str, array.shape))
