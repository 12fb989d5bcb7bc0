"""Targets and loss: a Gaussian per joint, weighted L2 at every stage (intermediate supervision).

Wei et al., CVPR 2016, section 3.3. The weights (1 + 10 x target) keep the background from drowning
the peaks; without them short trainings reach two thirds of the accuracy.

L2 asks how high a map is everywhere; what is decoded is where it is highest. :func:`place_losses` asks that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cpm_live.core.crop import input_to_cells
from cpm_live.training.device import put
from cpm_live.training.noise import NoiseClip


@dataclass(frozen=True, slots=True)
class Targets:
    """What a batch should answer.

    Attributes:
        beliefs: (N, K+1, h, w) in 0..1; the last is 1 - the largest of the others. Or (N, T, K+1, h, w), where
            each stage has its own.
        mask: (N, K+1) loss weight of each map; 0 where a joint is not labelled.
        background: whether the last map is the background.
    """

    beliefs: Tensor
    mask: Tensor
    background: bool = True


def draw_targets(
    joints: NDArray[np.float32],
    weights: NDArray[np.float32],
    cells: int,
    stride: int,
    sigma: float,
    background: bool = True,
    device: torch.device | str = "cpu",
) -> Targets:
    """The target belief maps of a batch.

    Args:
        joints: (N, K, 3) in input pixels; v as in ``augment.Example``: 0 leaves the joint out of the
            loss, -1 (outside the picture) asks for an empty map.
        weights: (N,) loss weight per example.
        cells: belief-map side.
        sigma: of the Gaussian, in cells.
        background: whether there is a background map.
        device: where the maps are wanted: they are drawn there.
    """
    at = put(input_to_cells(joints[..., :2], stride).astype(np.float32), device)
    axis = torch.arange(cells, dtype=torch.float32, device=device)
    near = torch.exp(-(axis - at[..., None]).square() / (2 * sigma**2))
    maps = near[:, :, 1, :, None] * near[:, :, 0, None, :]
    maps = maps * put(joints[..., 2] > 0, device)[..., None, None]
    labelled = (joints[..., 2] != 0).astype(np.float32)
    mask = put((labelled * weights[:, None]).astype(np.float32), device)
    if background:
        maps = torch.cat([maps, 1 - maps.amax(dim=1, keepdim=True)], dim=1)
        mask = torch.cat([mask, mask.amin(dim=1, keepdim=True)], dim=1)
    return Targets(maps, mask, background)


_PEAKED = 0.3
"""A target map with a higher peak shows a joint. (Between cells a Gaussian's highest cell is lower than 1.)"""
_SHARPNESS = 10.0
"""Of the distribution over cells that a map stands for: a peak of 1 then has 0.97 of it, all empty ground the rest."""


def map_losses(beliefs: Tensor, targets: Targets, peak_weight: float = 10.0, place: float = 0.0) -> Tensor:
    """The weighted L2 loss of each map (N, T, K+1), labelled or not, and ``place`` times its :func:`place_losses`.

    Args:
        beliefs: (N, T, K+1, h, w).
    """
    truth = targets.beliefs if targets.beliefs.dim() == 5 else targets.beliefs[:, None]
    focus = 1 + peak_weight * truth
    if targets.background:
        # The background map is nearly 1 everywhere: weighing it by its value would drown it again.
        focus = torch.cat([focus[:, :, :-1], torch.ones_like(focus[:, :, -1:])], dim=2)
    losses = ((beliefs - truth).square() * focus).mean(dim=(3, 4))
    if place:
        joints = slice(None, -1) if targets.background else slice(None)
        placed = place * place_losses(beliefs[:, :, joints], truth[:, :, joints])
        losses = torch.cat([losses[:, :, joints] + placed, losses[:, :, placed.shape[2] :]], dim=2)
    return losses


def place_losses(beliefs: Tensor, truth: Tensor) -> Tensor:
    """How far each map is from saying in which cell its joint is: (N, T, K), in nats.

    A map stands for a distribution over its cells, the softmax of ``_SHARPNESS`` times its values; the loss is the
    Kullback-Leibler divergence between the truth's and the belief's. It is 0 where they are equal, as L2 is, or
    differ by the same everywhere; a peak in the wrong place costs ten. Where two places are as likely both losses
    ask for two equal peaks, L2 for half as high ones. A truth without a peak says of all cells that they are as
    good: a belief that stands out somewhere loses, ten times as steeply as by L2.

    Args:
        beliefs: (N, T, K, h, w).
        truth: (N, T or 1, K, h, w).
    """
    got = (_SHARPNESS * beliefs.float()).flatten(3).log_softmax(dim=3)
    wanted = (_SHARPNESS * truth.float()).flatten(3).log_softmax(dim=3)
    share = wanted.exp()
    divergence: Tensor = (share * wanted).sum(dim=3) - (share * got).sum(dim=3)
    return divergence


def sum_losses(per_map: Tensor, targets: Targets, clip: NoiseClip | None = None) -> Tensor:
    """The loss of each stage (T,) from that of each map (N, T, K+1): the mean of what is labelled."""
    weight = targets.mask[:, None]
    if clip is not None:
        joints = slice(None, -1) if targets.background else slice(None)
        factors = torch.ones_like(per_map)
        truth = targets.beliefs if targets.beliefs.dim() == 4 else targets.beliefs[:, -1]
        peaked = truth[:, joints].amax(dim=(2, 3)) > _PEAKED
        factors[:, :, joints] = clip(per_map[:, :, joints], (targets.mask[:, joints] > 0) & peaked)
        weight = weight * factors
    total: Tensor = (per_map * weight).sum(dim=(0, 2)) / targets.mask.sum().clamp(min=1e-6)
    return total


def stage_losses(beliefs: Tensor, targets: Targets, peak_weight: float = 10.0, place: float = 0.0) -> Tensor:
    """The loss of each stage (T,), see :func:`map_losses`; their sum is what is minimised.

    Args:
        beliefs: (N, T, K+1, h, w).
    """
    return sum_losses(map_losses(beliefs, targets, peak_weight, place), targets)


def sample_losses(per_map: Tensor, targets: Targets) -> NDArray[np.float32]:
    """How much each example (N,) loses at the last stage, mean over its labelled joints; NaN without any."""
    joints = slice(None, -1) if targets.background else slice(None)
    labelled = (targets.mask[:, joints] > 0).float()
    mean = (per_map.detach()[:, -1, joints] * labelled).sum(dim=1) / labelled.sum(dim=1)
    out: NDArray[np.float32] = mean.cpu().numpy()
    return out
