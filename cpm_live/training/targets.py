"""Targets and loss: a Gaussian per joint, weighted L2 at every stage (intermediate supervision).

Wei et al., CVPR 2016, section 3.3. The weights (1 + 10 x target) keep the background from drowning
the peaks; without them short trainings reach two thirds of the accuracy (DESIGN section 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cpm_live.core.crop import input_to_cells


@dataclass(frozen=True, slots=True)
class Targets:
    """What a batch should answer.

    Attributes:
        beliefs: (N, K+1, h, w) in 0..1; the last is 1 - the largest of the others.
        mask: (N, K+1) loss weight of each map; 0 where a joint is not labelled.
    """

    beliefs: Tensor
    mask: Tensor


def draw_targets(
    joints: NDArray[np.float32],
    weights: NDArray[np.float32],
    cells: int,
    stride: int,
    sigma: float,
    background: bool = True,
) -> Targets:
    """The target belief maps of a batch.

    Args:
        joints: (N, K, 3) in input pixels; v as in ``augment.Example``: 0 leaves the joint out of the
            loss, -1 (outside the picture) asks for an empty map.
        weights: (N,) loss weight per example.
        cells: belief-map side.
        sigma: of the Gaussian, in cells.
        background: whether there is a background map.
    """
    at = input_to_cells(joints[..., :2], stride)
    axis = np.arange(cells, dtype=np.float32)
    gx = np.exp(-((axis - at[..., 0:1]) ** 2) / (2 * sigma**2))
    gy = np.exp(-((axis - at[..., 1:2]) ** 2) / (2 * sigma**2))
    maps = gy[..., :, None] * gx[..., None, :]
    present = joints[..., 2] > 0
    maps = maps * present[..., None, None]
    labelled = (joints[..., 2] != 0).astype(np.float32)
    mask = labelled * weights[:, None]
    if background:
        maps = np.concatenate([maps, 1 - maps.max(axis=1, keepdims=True)], axis=1)
        mask = np.concatenate([mask, mask.min(axis=1, keepdims=True)], axis=1)
    return Targets(torch.from_numpy(maps.astype(np.float32)), torch.from_numpy(mask.astype(np.float32)))


def stage_losses(beliefs: Tensor, targets: Targets, peak_weight: float = 10.0) -> Tensor:
    """The weighted L2 loss of each stage (T,); their sum is what is minimised.

    Args:
        beliefs: (N, T, K+1, h, w).
    """
    truth = targets.beliefs[:, None]
    focus = 1 + peak_weight * truth
    if targets.beliefs.shape[1] > 1:
        # The background map is nearly 1 everywhere: weighing it by its value would drown it again.
        focus = torch.cat([focus[:, :, :-1], torch.ones_like(focus[:, :, -1:])], dim=2)
    error = (beliefs - truth).square() * focus
    per_map = error.mean(dim=(3, 4)) * targets.mask[:, None]
    total: Tensor = per_map.sum(dim=(0, 2)) / targets.mask.sum().clamp(min=1e-6)
    return total
