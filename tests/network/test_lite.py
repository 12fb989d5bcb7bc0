"""EfficientNet-Lite trunks: their shapes, and ImageNet weights with the batch normalisations folded in."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS
from cpm_live.network.pretrained import load_lite
from cpm_live.network.trunks import LITE_SHAPES, LiteTrunk, SameConv

EPSILON = 1e-3


def as_released(trunk: LiteTrunk) -> dict[str, Tensor]:
    """A file as the PyPI packages have it, with random values."""
    state: dict[str, Tensor] = {}

    def add(conv: SameConv, kernel: str, norm: str) -> None:
        channels = conv.conv.out_channels
        state[f"{kernel}.weight"] = torch.randn(conv.conv.weight.shape)
        for name, value in (("weight", 0.5), ("running_var", 0.5), ("bias", -0.5), ("running_mean", -0.5)):
            state[f"{norm}.{name}"] = torch.rand(channels) + value

    add(trunk.stem, "_conv_stem", "_bn0")
    for index, block in enumerate(trunk.blocks):
        if block.expand is not None:
            add(block.expand, f"_blocks.{index}._expand_conv", f"_blocks.{index}._bn0")
        add(block.depthwise, f"_blocks.{index}._depthwise_conv", f"_blocks.{index}._bn1")
        add(block.project, f"_blocks.{index}._project_conv", f"_blocks.{index}._bn2")
    return state


@pytest.mark.parametrize("name", LITE_SHAPES)
def test_folded_weights_do_what_convolution_and_normalisation_did(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    trunk = LiteTrunk(LITE_SHAPES[name], 32, deep=True)
    state = as_released(trunk)
    torch.save(state, tmp_path / "lite.pth")
    load_lite(trunk, tmp_path / "lite.pth")

    def normalised(x: Tensor, norm: str) -> Tensor:
        values = (state[f"{norm}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *values, eps=EPSILON)  # type: ignore[misc]

    last = len(trunk.blocks) - 1
    picture, deep = torch.randn(2, 3, 64, 64), torch.randn(2, trunk.blocks[last].project.conv.in_channels, 2, 2)
    with torch.no_grad():
        # SAME padding at stride 2: the odd pixel at right and bottom.
        stem = F.conv2d(F.pad(picture, (0, 1, 0, 1)), state["_conv_stem.weight"], stride=2)
        assert torch.allclose(trunk.stem(picture), normalised(stem, "_bn0"), atol=1e-4)
        out = F.conv2d(deep, state[f"_blocks.{last}._project_conv.weight"])
        assert torch.allclose(
            trunk.blocks[last].project(deep), normalised(out, f"_blocks.{last}._bn2"), rtol=1e-4, atol=1e-3
        )


def test_the_large_preset_is_a_pose_machine_of_its_own_trunk() -> None:
    preset = PRESETS["large"].with_joints(21)
    machine = build(preset).eval()
    assert preset.pretrained and preset.step == 32 and preset.size % preset.step == 0
    with torch.inference_mode():
        beliefs = machine(torch.zeros(1, 3, preset.size, preset.size), torch.full((1, 2), 100.0))
        features, local = machine.trunk(torch.zeros(1, 3, preset.size, preset.size))
    cells = preset.size // 8
    assert beliefs.shape == (1, 6, 22, cells, cells)
    assert features.shape == (1, preset.width, cells, cells) and local.shape == (1, 48, cells, cells)
