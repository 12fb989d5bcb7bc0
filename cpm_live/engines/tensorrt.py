"""The TensorRT engine: plans built by torch-tensorrt, run inside torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cpm_live.core.errors import InputError, first_line
from cpm_live.engines import build_cache, nvidia, probe
from cpm_live.engines.base import EngineInfo
from cpm_live.engines.cuda import Graphed, out_of_memory, require_cuda
from cpm_live.engines.gpu import GpuEngine, Network
from cpm_live.engines.recipe import Recipe
from cpm_live.network.presets import Preset

DEVICE = "cuda"
"""Tests of what happens around TensorRT use another."""


def load(recipe: Recipe) -> GpuEngine:
    """The TensorRT engine of a recipe, from the cache.

    Plans are plain bytes made into modules again, rather than programs saved with ``torch.export``: loading
    those unpickles, and would run whatever somebody put into the file.

    Raises:
        InputError: what it needs is missing, nothing is built, or what is built does not load.
    """
    # The cheap questions first: they need no torch-tensorrt, which takes seconds to load.
    if not (found := probe.tensorrt()).ready:
        raise found.refusal()
    require_cuda()
    entries = {}
    for batch in build_cache.BATCHES:
        entry = build_cache.find(build_cache.key(recipe, batch))
        if isinstance(entry, build_cache.Entry):
            entries[batch] = entry
        elif batch == 1:
            why = entry.why or f"no TensorRT engine of {recipe.name} is built for this GPU"
            raise InputError(f"{why}; build it: cpm-live models build {recipe.name}")
    torch_tensorrt = probe.load_torch_tensorrt()
    preset = Preset.from_dict(build_cache.key(recipe, 1)["preset"])
    networks: dict[int, Network] = {}
    for batch, entry in entries.items():
        try:
            network = _network(torch_tensorrt, entry, f"{recipe.name}_{batch}")
            # Not torch-tensorrt's own graphs: those are captured for all threads of the process at once, and the
            # worker's use of the GPU would break them, or they it.
            networks[batch] = Graphed(network, batch, preset.size, torch.float16)
        except torch.cuda.OutOfMemoryError as error:
            raise InputError(out_of_memory("the TensorRT engine", error)) from None
        except Exception as error:  # noqa: BLE001 - TensorRT raises many unrelated types
            if "out of memory" in str(error).lower():
                raise InputError(out_of_memory("the TensorRT engine", error)) from None
            why = f"the built TensorRT engine does not load ({first_line(error)})"
            if "deserialize" not in str(error):
                # The plan is good; a full GPU, for one, gives no context to run it in.
                raise InputError(f"{why}; use --engine cuda or cpu") from None
            build_cache.remove(build_cache.key(recipe, batch))
            raise InputError(f"{why}; it was removed, build it again: cpm-live models build {recipe.name}") from None
    name = gpu.name if (gpu := nvidia.find_gpu()) is not None else ""
    info = EngineInfo("tensorrt", f"TensorRT {probe.tensorrt_version()} ({name})", name, "fp16")
    return GpuEngine(preset, networks, torch.float16, torch.device(DEVICE), info)


def _network(torch_tensorrt: Any, entry: build_cache.Entry, name: str) -> Network:
    module = torch_tensorrt.runtime.TorchTensorRTModule(
        entry.plan,
        input_binding_names=list(entry.inputs),
        output_binding_names=list(entry.outputs),
        name=name,
    )
    given = len(entry.inputs)

    def run(pictures: Tensor, centres: Tensor) -> Tensor:
        # A network without centre map has only one input left after tracing.
        answer = module(*(pictures, centres)[:given])
        out: Tensor = answer[0] if isinstance(answer, tuple | list) else answer
        return out

    return run
