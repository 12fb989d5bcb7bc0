"""The quick gradients of depthwise convolutions are torch's own."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS
from cpm_live.training.depthwise import MEASURED, quicken

pytestmark = pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() not in MEASURED, reason="not used on this processor"
)


def gradients(layer: nn.Module, x: Tensor, weigh: Tensor) -> list[Tensor]:
    """Of input and parameters, of one weighted sum of the output."""
    x = x.clone().requires_grad_()
    (layer(x).float() * weigh).sum().backward()
    assert x.grad is not None
    return [x.grad, *(p.grad for p in layer.parameters() if p.grad is not None)]


@pytest.mark.parametrize("kernel, stride, padding, size", [(7, 1, 3, 20), (5, 1, 2, 5), (5, 2, 0, 43), (3, 2, 0, 20),
                                                           (3, 2, 1, 11)])  # fmt: skip
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_are_those_of_torch(kernel: int, stride: int, padding: int, size: int, bias: bool) -> None:
    torch.manual_seed(3)
    plain = nn.Conv2d(6, 6, kernel, stride, padding, groups=6, bias=bias)
    quick = copy.deepcopy(plain)
    assert quicken(quick) == 1
    x = torch.randn(4, 6, size, size).to(memory_format=torch.channels_last)
    expected = plain(x)
    weigh = torch.randn_like(expected)
    assert torch.allclose(quick(x), expected, atol=1e-5)
    for ours, theirs in zip(gradients(quick, x, weigh), gradients(plain, x, weigh), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-3, rtol=1e-4)


def test_mixed_precision_keeps_gradients_close_and_weights_in_float32() -> None:
    torch.manual_seed(4)
    plain = nn.Conv2d(8, 8, 7, padding=3, groups=8)
    quick = copy.deepcopy(plain)
    quicken(quick)
    x, weigh = torch.randn(4, 8, 12, 12), torch.randn(4, 8, 12, 12)
    with torch.autocast("cpu", torch.bfloat16):
        ours = gradients(quick, x, weigh)
    theirs = gradients(plain, x, weigh)
    assert all(grad.dtype == torch.float32 for grad in ours)
    for mine, reference in zip(ours, theirs, strict=True):
        assert (mine - reference).norm() < 0.02 * reference.norm()


def test_a_whole_network_learns_the_same_and_saves_the_same() -> None:
    torch.manual_seed(5)
    plain = build(PRESETS["tiny"])
    quick = copy.deepcopy(plain)
    assert quicken(quick) > 0
    assert list(quick.state_dict()) == list(plain.state_dict())
    images = torch.randint(0, 256, (2, 3, 128, 128), dtype=torch.uint8)
    centres = torch.full((2, 2), 64.0)
    for machine in (plain, quick):
        machine.train()
        machine(images, centres).square().mean().backward()
    for (name, ours), theirs in zip(quick.named_parameters(), plain.parameters(), strict=True):
        assert ours.grad is not None and theirs.grad is not None
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-4, rtol=1e-2), name


def test_other_processors_keep_torchs_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "SVE256")
    assert quicken(build(PRESETS["tiny"])) == 0


def test_only_depthwise_convolutions_that_fit_are_touched() -> None:
    others = nn.Sequential(
        nn.Conv2d(4, 4, 3, padding=1),
        nn.Conv2d(4, 8, 3, padding=1, groups=4),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4),
        nn.Conv2d(4, 4, 3, padding="same", groups=4),
    )
    assert quicken(others) == 0
