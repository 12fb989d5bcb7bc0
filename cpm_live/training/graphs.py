"""CUDA graphs: the network's forward and backward pass, recorded once and replayed at every step.

A small network is some three thousand short kernels a step; starting them one by one takes Python longer than they
run. A graph starts them all at once. The loss, the optimiser and what makes batches stay outside, so that whatever
hangs on the data is as it was.
"""

from __future__ import annotations

from typing import Protocol, cast

import torch
from torch import Tensor, nn

from cpm_live.network.cpm import PoseNetwork
from cpm_live.training.device import Device


class Network(Protocol):
    """From images (N, 3, size, size) and centres (N, 2) to beliefs (N, T, maps, h, w)."""

    def __call__(self, images: Tensor, centres: Tensor) -> Tensor:
        """One pass."""
        ...


class GraphedPasses:
    """A network in training, as a :class:`Network`; recorded anew when the pictures' shape changes.

    The answer lies in memory that the next pass writes to.

    Args:
        machine: on the GPU; its parameters must stay where they are from now on.
    """

    def __init__(self, machine: PoseNetwork, device: Device) -> None:
        self._machine, self._device = machine, device
        self._shape: tuple[int, ...] = ()
        # What the recorded passes read beside the parameters: kept, and the sign that it was exchanged.
        self._centre_map: nn.Module | None = None
        self._passes: Network | None = None

    def __call__(self, images: Tensor, centres: Tensor) -> Tensor:
        """One pass."""
        if (
            self._passes is None
            or tuple(images.shape) != self._shape
            or self._centre_map is not self._machine.centre_map
        ):
            # The former graphs' memory is free before the next ones ask for theirs.
            self._passes = None
            self._passes = self._record(images, centres)
            self._shape, self._centre_map = tuple(images.shape), self._machine.centre_map
        return self._passes(images, centres)

    def _record(self, images: Tensor, centres: Tensor) -> Network:
        # Recording begins with a few real passes, which move the batch statistics.
        before = [buffer.clone() for buffer in self._machine.buffers()]
        # Shapes stay the same for thousands of steps: it pays that cuDNN tries its kernels, which it does meanwhile.
        tried, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, True
        # Gradients are added up on the stream of the recording, as make_graphed_callables has it: torch waits for it.
        torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(False)
        try:
            passes = torch.cuda.make_graphed_callables(
                _Mixed(self._machine, self._device), (images.clone(), centres.clone()), allow_unused_input=True
            )
        finally:
            torch.backends.cudnn.benchmark = tried
        with torch.no_grad():
            for buffer, value in zip(self._machine.buffers(), before, strict=True):
                buffer.copy_(value)
        return cast(Network, passes)


class _Mixed(nn.Module):
    """The network in the device's precision."""

    def __init__(self, machine: PoseNetwork, device: Device) -> None:
        super().__init__()
        self.machine = machine
        self._device = device

    def forward(self, images: Tensor, centres: Tensor) -> Tensor:
        with self._device.autocast():
            beliefs: Tensor = self.machine(images, centres)
        return beliefs
