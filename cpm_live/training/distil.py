"""Distillation: another network's belief maps as a second truth, from any preset to any preset."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import Skeleton
from cpm_live.network import checkpoint
from cpm_live.network.cpm import PoseNetwork
from cpm_live.training.device import Device
from cpm_live.training.targets import Targets


class Teacher:
    """A trained network that is asked what it sees in the student's crops.

    Both look at the same square of the frame, so the teacher's maps only need to be resampled, whatever its
    input size and stride.
    """

    def __init__(self, machine: PoseNetwork, device: Device) -> None:
        self._machine = machine.eval().to(device.name).requires_grad_(False)
        self._device = device

    @classmethod
    def load(cls, path: Path, skeleton: Skeleton, device: Device) -> Teacher:
        """From a checkpoint of the same skeleton. Raises ``InputError``."""
        machine, header = checkpoint.load(path)
        if not header.knows(skeleton):
            other = f"the {header.skeleton} skeleton" if header.skeleton != skeleton.name else "other joints"
            raise InputError(f"teacher {path} knows {other}, the student learns {skeleton.name}")
        return cls(machine, device)

    @torch.no_grad()
    def maps(self, images: Tensor, centres: Tensor, cells: int, background: bool) -> Tensor:
        """What the teacher sees: (N, T, K+1 or K, cells, cells) float32, T being the teacher's stages.

        Args:
            images: (N, 3, size, size) uint8 BGR, of the student's size.
            centres: (N, 2) in the student's input pixels.
            background: whether the student has a background map.
        """
        size, own = images.shape[-1], self._machine.preset
        if own.size != size:
            images = F.interpolate(images.float(), (own.size, own.size), mode="bilinear", antialias=True)
            # Pixel centres: (0, 0) is the middle of the first pixel in both pictures.
            centres = (centres + 0.5) * (own.size / size) - 0.5
        with self._device.autocast():
            beliefs = self._machine(images.contiguous(memory_format=torch.channels_last), centres)
        beliefs = beliefs.float()[:, :, : own.joints]
        count, stages = beliefs.shape[:2]
        if beliefs.shape[-1] != cells:
            flat = F.interpolate(beliefs.flatten(0, 1), (cells, cells), mode="bilinear", antialias=True)
            # Averaging cells lowers narrow peaks, and the student would learn to be half as sure.
            peaks = beliefs.amax(dim=(3, 4), keepdim=True)
            beliefs = flat.unflatten(0, (count, stages))
            beliefs = beliefs * (peaks / beliefs.amax(dim=(3, 4), keepdim=True).clamp(min=1e-6)).clamp(0, 3)
        beliefs = beliefs.clamp(0, 1)
        if background:
            beliefs = torch.cat([beliefs, 1 - beliefs.amax(dim=2, keepdim=True)], dim=2)
        return beliefs


def teacher_targets(maps: Tensor, stages: int, mapping: str, weights: Tensor, background: bool) -> Targets:
    """What each of the student's stages should learn from the teacher's.

    Args:
        maps: (N, T of the teacher, K+1, h, w).
        stages: T of the student.
        mapping: ``last``: every stage from the teacher's last; ``matched``: from the stage as far along.
        weights: (N,) of the examples. All joints count, labelled or not: the teacher has an opinion on each.
    """
    if mapping == "matched":
        last = maps.shape[1] - 1
        along = [round(stage * last / (stages - 1)) for stage in range(stages)] if stages > 1 else [last]
        chosen = maps[:, along]
    else:
        chosen = maps[:, -1]
    return Targets(chosen, weights[:, None].expand(-1, maps.shape[2]), background)
