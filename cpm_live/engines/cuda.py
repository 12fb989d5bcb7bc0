"""The CUDA engine: torch in half precision, one CUDA graph for each batch size."""

from __future__ import annotations

import torch
from torch import Tensor

from cpm_live.core.errors import InputError, first_line
from cpm_live.engines import nvidia, probe
from cpm_live.engines.base import EngineInfo
from cpm_live.engines.build_cache import BATCHES
from cpm_live.engines.gpu import CAPTURING, GpuEngine, Network, give_back
from cpm_live.engines.recipe import Recipe
from cpm_live.network import checkpoint
from cpm_live.network.cpm import PoseNetwork


def halved(machine: PoseNetwork) -> PoseNetwork:
    """The network in half precision, the centre map's arithmetic in single: squares of pixels overflow fp16."""
    machine = machine.eval().half()
    if machine.centre_map is not None:
        machine.centre_map.float()
    return machine


class Graphed:
    """A network of one batch size as a CUDA graph: one launch instead of a hundred.

    Its answer lies in memory that the next run writes to.
    """

    def __init__(self, machine: Network, batch: int, size: int, dtype: torch.dtype) -> None:
        # A graph does not own what was there before it: without the network its weights would be given to others.
        self._machine = machine
        with CAPTURING, torch.inference_mode():
            self._capture(machine, batch, size, dtype)

    def _capture(self, machine: Network, batch: int, size: int, dtype: torch.dtype) -> None:
        self._pictures = torch.zeros((batch, 3, size, size), dtype=dtype, device="cuda")
        self._pictures = self._pictures.contiguous(memory_format=torch.channels_last)
        self._centres = torch.full((batch, 2), (size - 1) / 2, dtype=torch.float32, device="cuda")
        # A few runs on a side stream first, as capturing asks: cuDNN chooses its kernels there.
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                machine(self._pictures, self._centres)
        torch.cuda.current_stream().wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        # Another engine may be at work on another thread meanwhile: only this thread's work is captured.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._beliefs = machine(self._pictures, self._centres)

    def __call__(self, pictures: Tensor, centres: Tensor) -> Tensor:
        """Beliefs (N, T, maps, h, w)."""
        self._pictures.copy_(pictures)
        self._centres.copy_(centres)
        self._graph.replay()
        out: Tensor = self._beliefs
        return out


def load(recipe: Recipe) -> GpuEngine:
    """The CUDA engine with the recipe's checkpoint.

    Raises:
        InputError: no GPU or one that this torch does not run on, torch missing or built without CUDA, too little
            memory, or unreadable weights.
    """
    require_cuda()
    machine, _ = checkpoint.load(recipe.weights)
    preset = machine.preset
    name = torch.cuda.get_device_name()
    problem = ""
    try:
        networks = _networks(machine, preset.size)
    except torch.cuda.OutOfMemoryError as error:
        problem = out_of_memory("the CUDA engine", error)
    except RuntimeError as error:
        # Such as a card that this torch holds no kernels for: it counts as available all the same.
        problem = f"engine cuda does not start on {name}: {first_line(error)}; use --engine cpu"
    if problem:
        # Only here is the half that was loaded free to go: an exception keeps what its frames hold.
        del machine
        give_back()
        raise InputError(problem)
    info = EngineInfo("cuda", f"CUDA (torch {torch.__version__}, {name})", name, "fp16")
    return GpuEngine(preset, networks, torch.float16, torch.device("cuda"), info)


def _networks(machine: PoseNetwork, size: int) -> dict[int, Network]:
    # Shapes never change: let cuDNN try its kernels once.
    torch.backends.cudnn.benchmark = True
    machine = halved(machine).to("cuda", memory_format=torch.channels_last)  # type: ignore[call-overload]
    # Whoever looks for people looks at one frame at a time; each graph takes seconds to make.
    batches = BATCHES[:1] if machine.preset.finds else BATCHES
    return {batch: Graphed(machine, batch, size, torch.float16) for batch in batches}


def require_cuda() -> None:
    """Raises ``InputError`` where torch cannot use a GPU; the line says why and what to do."""
    if not (found := probe.cuda()).ready:
        raise found.refusal()
    if torch.version.cuda is None:
        raise probe.without_cuda("cuda").refusal("cpu")
    try:
        if torch.cuda.is_available():
            torch.cuda.init()
            return
        why = "torch sees no GPU"
    except RuntimeError as error:
        why = first_line(error)
    gpu = nvidia.find_gpu()
    newest = f"; its driver runs CUDA {gpu.cuda}, torch was built for CUDA {torch.version.cuda}" if gpu else ""
    raise InputError(f"engine cuda does not start: {why}{newest}; update the driver, or use --engine cpu")


def out_of_memory(what: str, error: Exception) -> str:
    """One line for a GPU that is full."""
    return (
        f"not enough GPU memory for {what} ({first_line(error)[:80]}); close other programs that use the GPU, "
        "or use --engine cpu"
    )
