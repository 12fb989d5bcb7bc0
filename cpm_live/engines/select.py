"""Which engine runs a model on this machine."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from pathlib import Path

import numpy as np

from cpm_live.core.errors import InputError, first_line
from cpm_live.engines import probe
from cpm_live.engines.base import Engine, opened_warm
from cpm_live.engines.recipe import FINDER, Recipe, check_joints

log = logging.getLogger("cpm_live.engines")

ENGINES = ("auto", "tensorrt", "cuda", "directml", "coreml", "cpu", "openvino", "torch")
ACCELERATED = tuple(kind for kind in ENGINES if kind not in ("auto", "cpu", "torch"))
"""Those whose device can be lost while the CPU goes on."""

LABELS = {
    "auto": "Auto", "tensorrt": "TensorRT", "cuda": "CUDA", "directml": "DirectML", "coreml": "CoreML",
    "cpu": "CPU", "openvino": "OpenVINO", "torch": "PyTorch",
}  # fmt: skip

MOST_THREADS = 4
"""More gain little on small nets."""
_ALL_THREADS = 256
"""More than that is a mistake: each would be started."""


def physical_cores() -> int:
    """Cores this process may use, counting two hardware threads of one core once."""
    try:
        logical = os.sched_getaffinity(0)
    except AttributeError:  # macOS and Windows have no affinity call
        import psutil

        return max(1, psutil.cpu_count(logical=False) or os.cpu_count() or 1)
    cores = set()
    for cpu in logical:
        try:
            siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
        except OSError:
            siblings = str(cpu)
        cores.add(siblings.strip())
    return max(1, len(cores))


def default_threads(window: bool = False) -> int:
    """CPU threads for an engine: the physical cores, at most 4; while a window wants to be painted one less, but two
    where there are two."""
    # Painting and capture take a third of a core: two slow cores for hands are worth more (docs/measurements.md).
    cores = physical_cores()
    return min(MOST_THREADS, cores - 1 if window and cores > 2 else cores)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a live session gets the engine that was asked for.

    Attributes:
        quick: opened first where nothing runs yet, since the better ones take seconds to load.
        best: the first of these that opens is used.
        build: build TensorRT engines meanwhile, then use them.
        note: one line for the person, such as that a built engine was damaged.
    """

    quick: str = ""
    best: tuple[str, ...] = ()
    build: bool = False
    note: str = ""


_AGAIN = "; building it again"


def plan(recipe: Recipe, kind: str) -> Plan:
    """What to open for a kind of engine, in a session that goes on meanwhile. Loads no library but, on Windows and
    macOS, ONNX Runtime."""
    if kind not in ("auto", "tensorrt") or not probe.cuda().ready:
        # Compiling for another accelerator takes its time, too.
        others = kind == "auto" and any(probe.provider(other).ready for other in probe.PROVIDERS)
        return Plan("cpu" if others else "", (kind,))
    if not probe.tensorrt().ready:
        return Plan("cpu", ("cuda",)) if kind == "auto" else Plan(best=(kind,))
    from cpm_live.engines import build_cache

    try:
        missing, why = build_cache.missing(recipe)
    except InputError as error:
        return Plan("cpu", ("cuda",), note=str(error))
    # Batch size 1 is enough to begin with; the others are built beside it.
    best = ("cuda",) if 1 in missing else ("tensorrt", "cuda")
    return Plan("cpu", best, bool(missing), f"{why}{_AGAIN}" if why else "")


def open_engine(recipe: Recipe, kind: str = "auto", threads: int = 0) -> Engine:
    """The engine of this kind with the recipe's weights loaded.

    Raises:
        InputError: unknown kind, what it needs is not installed, or unreadable weights.
    """
    if not isinstance(threads, Integral) or not 0 <= threads <= _ALL_THREADS:
        raise InputError(f"threads is {threads!r}; use 1 to {_ALL_THREADS}, or 0 to let it choose")
    threads = int(threads) or default_threads()
    check_joints(recipe)
    engine = _best(recipe, threads) if kind == "auto" else _open(recipe, kind, threads)
    joints, wanted = engine.preset.joints, len(recipe.skeleton)
    if joints != wanted:
        engine.close()
        name = recipe.skeleton.name
        raise InputError(
            f"recipe {recipe.name}: {recipe.weights.name} has {joints} joints, the {name} skeleton has {wanted}"
        )
    return engine


def open_for_window(recipe: Recipe, kind: str = "auto", threads: int = 0) -> Engine:
    """The same, with as many threads as suit beside a window unless their number is given."""
    return open_engine(recipe, kind, threads or default_threads(window=True))


def _open(recipe: Recipe, kind: str, threads: int) -> Engine:
    if kind in ("cpu", *probe.PROVIDERS):
        try:
            from cpm_live.engines.onnx_cpu import CpuEngine
        except ImportError as error:
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise KeyboardInterrupt from None  # of which libraries make an error of theirs
            raise InputError(probe.runtime_problem() or "ONNX Runtime does not load") from None
        if kind != "cpu" and not (found := probe.provider(kind)).ready:
            raise found.refusal()
        return CpuEngine.load(recipe, threads, kind)
    if kind == "openvino":
        if not (found := probe.openvino()).ready:
            raise found.refusal()
        try:
            from cpm_live.engines.openvino_cpu import OpenVinoEngine
        except ImportError as error:
            raise InputError(f"OpenVINO does not load: {first_line(error)}; use --engine cpu") from None
        # The finder tells sizes by their logarithm, for which bfloat16's eight bits are few: more that is no hand is
        # found (docs/measurements.md).
        return OpenVinoEngine.load(recipe, threads, exact=recipe.skeleton.name == FINDER)
    if kind in ("cuda", "tensorrt", "torch"):
        # Asked before anything is imported: loading torch takes seconds.
        if not (found := probe.find(kind)).ready:
            raise found.refusal()
        try:
            return _open_torch(recipe, kind, threads)
        except ModuleNotFoundError as error:
            raise InputError(f"engine {kind} needs {error.name}: {probe.ADD_TORCH}, or use --engine cpu") from None
    raise InputError(f"unknown engine {kind!r}; use {', '.join(ENGINES)}")


def _open_torch(recipe: Recipe, kind: str, threads: int) -> Engine:
    if kind == "torch":
        from cpm_live.engines.torch_reference import TorchEngine

        return TorchEngine.load(recipe, threads)
    if kind == "cuda":
        from cpm_live.engines import cuda

        return cuda.load(recipe)
    from cpm_live.engines import tensorrt

    return tensorrt.load(recipe)


def _best(recipe: Recipe, threads: int) -> Engine:
    """TensorRT if it is built, else CUDA, else DirectML or CoreML where they are faster, else the CPU."""
    planned = plan(recipe, "auto")
    if planned.note:
        log.warning("%s", planned.note.removesuffix(_AGAIN))
    for kind in planned.best:
        if kind == "auto":
            break
        try:
            return opened_warm(partial(_open, recipe, kind, threads))
        except Exception as error:  # noqa: BLE001 - engines raise what their libraries raise; the CPU is still there
            log.warning("%s", error if isinstance(error, InputError) else f"{LABELS[kind]}: {first_line(error)}")
    cpu = _open(recipe, "cpu", threads)
    for kind in probe.PROVIDERS:
        if probe.provider(kind).ready:
            return _faster(recipe, kind, threads, cpu)
    return cpu


def _faster(recipe: Recipe, kind: str, threads: int, cpu: Engine) -> Engine:
    """The engine through another provider, if it answers as the CPU does and sooner; else the CPU's.

    Providers take over what they can of a network and leave the rest to the CPU, which can end up slower:
    so both are asked.
    """
    from cpm_live.engines import verify

    try:
        other = _open(recipe, kind, threads)
        preset = cpu.preset
        # Three at once first: not every provider can do with batches what it can do with one picture.
        for count in (3, 1):
            images, centres = verify.pictures(count, preset)
            check = verify.compare(
                other.infer(images, centres), cpu.infer(images, centres), len(recipe.skeleton), preset.stride
            )
            if not check.passed("fp16"):
                break
    except Exception as error:  # noqa: BLE001 - ONNX Runtime's providers raise many unrelated types
        log.warning("%s is not used: %s", LABELS[kind], first_line(error))
        return cpu
    if not check.passed("fp16"):
        log.warning("%s is not used: its %s", LABELS[kind], check.line("fp16"))
    elif _seconds(other, images, centres) < _seconds(cpu, images, centres):
        cpu.close()
        return other
    other.close()
    return cpu


def _seconds(engine: Engine, images: np.ndarray, centres: np.ndarray) -> float:
    """Of the quickest of five runs."""
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        engine.infer(images, centres)
        best = min(best, time.perf_counter() - started)
    return best
