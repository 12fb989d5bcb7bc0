"""Depthwise convolutions whose gradients do not dominate a training on the CPU.

torch's own gradient of a depthwise convolution's weights takes fourteen to twenty times as long as its
forward pass on a CPU (``benchmarks/depthwise.py``), half to two thirds of each step of the ``lite`` preset.
But that gradient is itself a depthwise convolution, of the input with the output's gradient as the kernel, one
group for each channel of each sample; and oneDNN's forward kernels are fast at any kernel size.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MEASURED = ("AVX2", "AVX512")
"""Where oneDNN has quick kernels for this; without them each of the thousands of groups would be a call."""


class _Depthwise(torch.autograd.Function):
    """``F.conv2d`` with ``groups`` = channels; every gradient is a forward convolution."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
        """See ``F.conv2d``; square kernels, the same stride and padding both ways."""
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, bias, stride, padding, 1, x.shape[1])

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        """Gradients of ``x``, ``weight`` and ``bias`` where asked for."""
        (grad,) = grads
        x, weight = ctx.saved_tensors
        of_x = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_x = _input_gradient(x, weight, grad, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[1]:
            of_weight = _weight_gradient(x, weight, grad, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[2]:
            of_bias = grad.sum(dim=(0, 2, 3))
        return of_x, of_weight, of_bias, None, None


def _input_gradient(x: Tensor, weight: Tensor, grad: Tensor, stride: int, padding: int) -> Tensor:
    """A convolution of the gradient, spread out by the stride, with the turned kernel."""
    channels, kernel = x.shape[1], weight.shape[-1]
    if stride > 1:
        height, width = ((size - 1) * stride + 1 for size in grad.shape[2:])
        spread = torch.zeros(
            (*grad.shape[:2], height, width), dtype=grad.dtype, device=grad.device
        ).to(memory_format=torch.channels_last)  # fmt: skip
        spread[..., ::stride, ::stride] = grad
        grad = spread
    found = F.conv2d(grad, weight.flip(2, 3), padding=kernel - 1 - padding, groups=channels)
    # Rows and columns at the end that no window reaches have no gradient.
    below, right = x.shape[2] - found.shape[2], x.shape[3] - found.shape[3]
    return F.pad(found, (0, right, 0, below)) if below or right else found


def _weight_gradient(x: Tensor, weight: Tensor, grad: Tensor, stride: int, padding: int) -> Tensor:
    samples, channels, kernel = x.shape[0], x.shape[1], weight.shape[-1]
    groups = samples * channels
    picture = x.reshape(1, groups, *x.shape[2:])
    found = F.conv2d(
        picture, grad.reshape(groups, 1, *grad.shape[2:]), padding=padding, dilation=stride, groups=groups
    )  # fmt: skip
    per_sample = found[..., :kernel, :kernel].reshape(samples, channels, kernel, kernel)
    return per_sample.sum(dim=0, dtype=torch.float32)[:, None].to(weight.dtype)


def _forward(self: nn.Conv2d, x: Tensor) -> Tensor:
    weight, bias = self.weight, self.bias
    if not (torch.is_grad_enabled() and weight.requires_grad and x.device.type == "cpu"):
        return self._conv_forward(x, weight, bias)
    if torch.is_autocast_enabled("cpu"):
        kind = torch.get_autocast_dtype("cpu")
        x, weight, bias = x.to(kind), weight.to(kind), None if bias is None else bias.to(kind)
    answer: Tensor = _Depthwise.apply(x, weight, bias, self.stride[0], self.padding[0])
    return answer


def quicken(machine: nn.Module) -> int:
    """Let all depthwise convolutions of a network take this way while training on the CPU.

    What is computed stays the same up to rounding; weights, checkpoints and inference are untouched.

    Returns:
        How many there are; 0 on processors where nobody has measured that it pays.
    """
    if not (torch.backends.mkldnn.is_available() and torch.backends.cpu.get_cpu_capability() in MEASURED):
        return 0
    count = 0
    for module in machine.modules():
        if isinstance(module, nn.Conv2d) and _fits(module):
            module.forward = MethodType(_forward, module)  # type: ignore[method-assign]
            count += 1
    return count


def _fits(module: nn.Conv2d) -> bool:
    padding, kernel = module.padding, module.kernel_size
    return (
        1 < module.groups == module.in_channels == module.out_channels
        and kernel[0] == kernel[1]
        and module.stride[0] == module.stride[1]
        and module.dilation == (1, 1)
        and module.padding_mode == "zeros"
        and not isinstance(padding, str)
        and padding[0] == padding[1] < kernel[0]
    )
