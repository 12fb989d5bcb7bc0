"""MMPose's CPM with made-up weights, by the names of ``mmpose/models/backbones/cpm.py``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvModule(nn.Module):
    """mmcv's: a convolution, then batch normalisation and ReLU, or neither."""

    def __init__(self, inputs: int, outputs: int, kernel: int, last: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=last)
        nn.init.kaiming_normal_(self.conv.weight)
        if not last:
            self.bn = nn.BatchNorm2d(outputs)
            nn.init.uniform_(self.bn.weight, 0.5, 1.5)
            nn.init.normal_(self.bn.bias, std=0.2)
            nn.init.normal_(self.bn.running_mean, std=0.2)  # type: ignore[arg-type]
            nn.init.uniform_(self.bn.running_var, 0.5, 2.0)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x))) if hasattr(self, "bn") else self.conv(x)


def _eyes() -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs in (3, 128, 128):
        layers += [ConvModule(inputs, 128, 9), nn.MaxPool2d(3, 2, padding=1)]
    return layers


class Block(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.model = nn.Sequential(ConvModule(inputs, 128, 11), ConvModule(128, 128, 11), ConvModule(128, 128, 11))


class Backbone(nn.Module):
    """``forward``: RGB less ImageNet's mean, to a list of (N, maps, h, w)."""

    def __init__(self, maps: int, stages: int) -> None:
        super().__init__()
        later = range(stages - 1)
        head = ConvModule(128, 32, 5), ConvModule(32, 512, 9), ConvModule(512, 512, 1), ConvModule(512, maps, 1, True)
        self.stem = nn.Sequential(*_eyes(), *head)
        self.middle = nn.Sequential(*_eyes())
        self.cpm_stages = nn.ModuleList(Block(32 + maps) for _ in later)
        self.middle_conv = nn.ModuleList(nn.Sequential(ConvModule(128, 32, 5)) for _ in later)
        self.out_convs = nn.ModuleList(
            nn.Sequential(ConvModule(128, 128, 1), ConvModule(128, maps, 1, True)) for _ in later
        )
        self.eval()

    def forward(self, x: Tensor) -> list[Tensor]:
        beliefs, seen = [self.stem(x)], self.middle(x)
        for stage, features, out in zip(self.cpm_stages, self.middle_conv, self.out_convs, strict=True):
            beliefs.append(out(stage.model(torch.cat([beliefs[-1], features(seen)], dim=1))))
        return beliefs


def checkpoint(net: Backbone, **meta: Any) -> dict[str, Any]:
    """What MMPose saves."""
    return {"meta": meta, "state_dict": {f"backbone.{name}": value for name, value in net.state_dict().items()}}
