"""The plain torch engine on the CPU: slow, exact, the reference of the contract tests."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from cpm_live.engines.base import EngineInfo, processor
from cpm_live.engines.look import OnCpu
from cpm_live.engines.recipe import Recipe
from cpm_live.network import checkpoint
from cpm_live.network.cpm import PoseNetwork


class TorchEngine(OnCpu):
    """Runs the safetensors checkpoint in float32, eagerly."""

    def __init__(self, machine: PoseNetwork, threads: int) -> None:
        self._machine: PoseNetwork | None = machine.eval()
        self._threads = threads
        self.preset = machine.preset

    @classmethod
    def load(cls, recipe: Recipe, threads: int) -> TorchEngine:
        """Load the recipe's checkpoint. Raises ``InputError`` for unreadable weights."""
        torch.set_num_threads(threads)
        machine, _ = checkpoint.load(recipe.weights)
        return cls(machine, threads)

    def infer(self, images: NDArray[np.uint8], centres: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :meth:`Engine.infer`."""
        if self._machine is None:
            raise RuntimeError("the engine is closed")
        with torch.inference_mode():
            beliefs = self._machine(torch.from_numpy(images), torch.from_numpy(centres))
        out: NDArray[np.float32] = beliefs.numpy()
        return out

    def describe(self) -> EngineInfo:
        """See :meth:`Engine.describe`."""
        return EngineInfo("torch", f"CPU (torch {torch.__version__}, reference)", processor(), "fp32", self._threads)

    def close(self) -> None:
        """Drop the network; a second time does nothing."""
        self._machine = None
