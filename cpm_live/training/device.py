"""Where training runs and how exactly it counts."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cpm_live.core.errors import InputError

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")


@dataclass(frozen=True, slots=True)
class Device:
    """A device and a precision.

    Attributes:
        name: ``cpu`` or ``cuda:0``, as torch names it.
        precision: of convolutions while training: ``fp32``, or mixed with ``bf16`` or ``fp16``. Weights,
            losses and evaluation are float32 always.
        graphs: whether the network's passes are recorded once and replayed (CUDA graphs).
    """

    name: str = "cpu"
    precision: str = "fp32"
    graphs: bool = False

    @property
    def kind(self) -> str:
        """``cpu`` or ``cuda``."""
        return self.name.partition(":")[0]

    def autocast(self) -> AbstractContextManager[Any]:
        """Convolutions inside run in the chosen precision."""
        if self.precision == "fp32":
            return nullcontext()
        kind = torch.bfloat16 if self.precision == "bf16" else torch.float16
        # A graph must hold the weights' casts themselves: cached ones would be those of its recording for ever.
        return torch.autocast(self.kind, kind, cache_enabled=not self.graphs)

    def scaler(self) -> torch.amp.GradScaler:
        """Keeps small gradients from vanishing in fp16; does nothing in the other precisions."""
        return torch.amp.GradScaler(self.kind, enabled=self.precision == "fp16")

    def put(self, array: NDArray[Any]) -> Tensor:
        """An array as a tensor on the device; the copy to a GPU goes on beside other work."""
        return put(array, self.name)


def put(array: NDArray[Any], device: torch.device | str) -> Tensor:
    """An array as a tensor on ``device``; the copy to a GPU goes on beside other work, and nothing waits for it."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    if torch.device(device).type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def _quickest_on_cpu() -> str:
    """bf16 where the processor computes in it, 1.6 to 2 times as fast as fp32; elsewhere it would be emulated."""
    return "bf16" if torch.cpu.get_capabilities().get("avx512_bf16") else "fp32"


def choose(device: str = "auto", precision: str = "auto", number: int = 0, graphs: bool = True) -> Device:
    """The device asked for; ``auto`` takes a GPU where there is one, and mixed precision where it is quicker.

    Args:
        number: which GPU, for runs with several.
        graphs: record and replay the network's passes on a GPU.

    Raises:
        InputError: unknown words, or no GPU.
    """
    if device not in DEVICES or precision not in PRECISIONS:
        raise InputError(f"--device is one of {', '.join(DEVICES)}; --precision one of {', '.join(PRECISIONS)}")
    gpu = torch.cuda.is_available()
    if device == "cuda" and not gpu:
        raise InputError("torch finds no CUDA device here; use --device cpu, or look at cpm-live doctor")
    if device == "cpu" or not gpu:
        return Device("cpu", _quickest_on_cpu() if precision == "auto" else precision)
    if precision == "auto":
        precision = "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    return Device(f"cuda:{number}", precision, graphs)
