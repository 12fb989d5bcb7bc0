"""What a training step on the CPU costs, and how much of it is the gradient of depthwise convolutions' weights.

    python benchmarks/depthwise.py [--size 160] [--threads 1]

First the convolutions of the ``lite`` preset alone: forward, torch's own gradients, and ours
(``cpm_live/training/depthwise.py``). Then whole steps, in fp32 and bf16. Needs the train extra.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS
from cpm_live.training.depthwise import quicken
from cpm_live.training.targets import draw_targets, stage_losses

BATCH = 16
LAYERS = ((128, 8, 7), (240, 8, 5), (672, 16, 5), (1152, 32, 5))
"""Channels, stride in the picture, kernel: the stages' layers and three of the trunk's."""


def milliseconds(run: Callable[[], object], rounds: int = 5) -> float:
    """The quickest of some rounds."""
    run()
    best = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - started)
    return best * 1e3


def layer(channels: int, side: int, kernel: int) -> tuple[float, float, float]:
    """Forward, then both gradients as torch has them, then as we do, in milliseconds."""
    plain = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False)
    quick = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False)
    quicken(quick)
    x = torch.randn(BATCH, channels, side, side).to(memory_format=torch.channels_last).requires_grad_()

    def backward(convolution: nn.Conv2d) -> float:
        answer = convolution(x)
        grad = torch.randn_like(answer)
        inputs: list[Tensor] = [x, convolution.weight]
        return milliseconds(lambda: torch.autograd.grad(answer, inputs, grad, retain_graph=True))

    with torch.no_grad():
        forward = milliseconds(lambda: plain(x))
    return forward, backward(plain), backward(quick)


def step(size: int, bf16: bool, quick: bool) -> float:
    """One training step of the ``lite`` preset, in milliseconds."""
    torch.manual_seed(0)
    machine = build(PRESETS["lite"])
    machine.set_size(size)
    if quick:
        quicken(machine)
    machine.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(machine.parameters(), lr=1e-4, fused=True)
    images = torch.randint(0, 256, (BATCH, 3, size, size), dtype=torch.uint8)
    centres = torch.full((BATCH, 2), size / 2)
    joints = np.random.default_rng(0).uniform(0, size, (BATCH, 14, 3)).astype(np.float32)
    joints[..., 2] = 2

    def once() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            beliefs = machine(images, centres)
        targets = draw_targets(joints, np.ones(BATCH, np.float32), size // 8, 8, 1.2)
        optimiser.zero_grad()
        stage_losses(beliefs.float(), targets).sum().backward()
        optimiser.step()

    return milliseconds(once, 3)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {asked.threads} thread(s)")
    print(f"{'channels, side, kernel':>24}{'forward':>10}{'gradients':>11}{'ours':>8}  ms")
    for channels, stride, kernel in LAYERS:
        side = asked.size // stride
        forward, theirs, ours = layer(channels, side, kernel)
        print(f"{f'{channels}, {side}, {kernel}':>24}{forward:10.1f}{theirs:11.1f}{ours:8.1f}")
    for bf16 in (False, True):
        plain, quick = (step(asked.size, bf16, quick) for quick in (False, True))
        print(
            f"a step of {BATCH} at {asked.size} px, {'bf16' if bf16 else 'fp32'}: {plain:.0f} ms "
            f"({1e3 * BATCH / plain:.0f} images/s), ours {quick:.0f} ms ({1e3 * BATCH / quick:.0f} images/s)"
        )


if __name__ == "__main__":
    main()
