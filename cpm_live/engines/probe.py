"""Which engines this machine can run, what is missing for the others, and the command that would add it."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from cpm_live.core.errors import InputError, first_line
from cpm_live.core.extras import install, pip
from cpm_live.engines import nvidia
from cpm_live.engines.hushed import hushed

ADD_TENSORRT = install("tensorrt")
ADD_CUDA = install("gpu")
ADD_DRIVER = "sudo ubuntu-drivers install (Ubuntu) or sudo apt-get install nvidia-driver (Debian), then restart"
ADD_TORCH = install("train")
ADD_OPENVINO = install("openvino")
RUNTIMES = ("onnxruntime", "onnxruntime-directml", "onnxruntime-gpu")
"""Distributions that hold ONNX Runtime."""
ADD_RUNTIME = f"{pip()} install --force-reinstall --no-deps onnxruntime"
PAIRED = "2.13"
"""torch and torch-tensorrt go together by version; this is the pair that the extra installs."""

PROVIDERS = {"directml": "DmlExecutionProvider", "coreml": "CoreMLExecutionProvider"}
"""ONNX Runtime's ways to other accelerators."""


@dataclass(frozen=True, slots=True)
class Found:
    """One kind of engine.

    Attributes:
        kind: as given to ``--engine``.
        ready: whether it can be opened, as far as can be told without loading it.
        what: one line: what was found, or what is missing.
        fix: the command that would add it; empty where no command can.
    """

    kind: str
    ready: bool
    what: str
    fix: str = ""

    @property
    def line(self) -> str:
        """All of it in one line."""
        return f"{self.kind}: {self.what}" + (f"; {self.fix}" if self.fix else "")

    def refusal(self, other: str = "auto") -> InputError:
        """The error of somebody who asked for this engine."""
        do = f"{self.fix}, or use --engine {other}" if self.fix else f"use --engine {other}"
        return InputError(f"engine {self.kind}: {self.what}; {do}")


def version(distribution: str) -> str:
    """The installed version of a distribution, empty where it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def installed(module: str) -> bool:
    """Whether a module can be found, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        # A half-removed package; a module put into sys.modules without a spec.
        return module in sys.modules


def find_engines() -> list[Found]:
    """Every kind of engine: those that are chosen unasked, the best first, then others.

    Loads no library but, on Windows and macOS, ONNX Runtime.
    """
    return [tensorrt(), cuda(), *(provider(kind) for kind in PROVIDERS), cpu(), openvino(), torch_reference()]


def find(kind: str) -> Found:
    """One kind of engine by name."""
    return next(found for found in find_engines() if found.kind == kind)


def cuda() -> Found:
    """The CUDA engine: an NVIDIA GPU and a torch that was built for it."""
    return _torch_on_gpu("cuda", ADD_CUDA) or Found("cuda", True, f"torch {version('torch')} on {_gpu_name()}")


def tensorrt() -> Found:
    """The TensorRT engine: what CUDA needs, and torch-tensorrt."""
    if problem := _torch_on_gpu("tensorrt", ADD_TENSORRT):
        return problem
    if not installed("torch_tensorrt"):
        return Found("tensorrt", False, "torch-tensorrt is not installed", ADD_TENSORRT)
    ours, torch = version("torch-tensorrt"), version("torch")
    if not ours.startswith(f"{PAIRED}."):
        what = f"torch-tensorrt {ours or 'of unknown version'} is installed, {PAIRED} is needed"
        return Found("tensorrt", False, what, ADD_TENSORRT)
    if not torch.startswith(f"{PAIRED}."):
        return Found("tensorrt", False, f"torch-tensorrt {ours} needs torch {PAIRED}, not {torch}", ADD_TENSORRT)
    return Found("tensorrt", True, f"torch-tensorrt {ours}, TensorRT {tensorrt_version()} on {_gpu_name()}")


def tensorrt_version() -> str:
    """Of the installed TensorRT libraries."""
    return next((found for name in ("tensorrt", "tensorrt-cu13") if (found := version(name))), "of unknown version")


def provider(kind: str) -> Found:
    """DirectML or CoreML through ONNX Runtime."""
    platform, package = {"directml": ("win32", "onnxruntime-directml"), "coreml": ("darwin", "onnxruntime")}[kind]
    if sys.platform != platform:
        return Found(kind, False, f"only on {'Windows' if platform == 'win32' else 'macOS'}")
    # Both packages fill one folder: taking one away leaves the other without its files.
    fix = f"{pip()} uninstall onnxruntime, then {pip()} install --force-reinstall --no-deps {package}"
    if error := _runtime_error():
        return Found(kind, False, error, ADD_RUNTIME)
    import onnxruntime as ort

    if PROVIDERS[kind] in ort.get_available_providers():
        return Found(kind, True, f"ONNX Runtime {ort.__version__} with {PROVIDERS[kind]}")
    return Found(kind, False, f"this ONNX Runtime has no {PROVIDERS[kind]}", fix)


def cpu() -> Found:
    """The CPU engine: there with every installation that is whole."""
    if not installed("onnxruntime"):
        return Found("cpu", False, "ONNX Runtime is not installed", ADD_RUNTIME)
    ours = next((found for name in RUNTIMES if (found := version(name))), "of unknown version")
    return Found("cpu", True, f"ONNX Runtime {ours}")


def openvino() -> Found:
    """OpenVINO on the CPU."""
    if not installed("openvino"):
        return Found("openvino", False, "OpenVINO is not installed", ADD_OPENVINO)
    return Found("openvino", True, f"OpenVINO {version('openvino')}")


def runtime_problem() -> str:
    """Why ONNX Runtime does not load and what to do, in one line; empty where it does. Loads it."""
    error = _runtime_error()
    return f"{error}; {ADD_RUNTIME}" if error else ""


def _runtime_error() -> str:
    try:
        importlib.import_module("onnxruntime")
    except ImportError as error:
        # On Windows its libraries need Microsoft's.
        more = " (on Windows it needs the Visual C++ redistributable)" if sys.platform == "win32" else ""
        return f"ONNX Runtime does not load: {first_line(error)}{more}"
    return ""


def torch_reference() -> Found:
    """The reference on torch."""
    if not (installed("torch") and installed("safetensors")):
        return Found("torch", False, "torch is not installed (only needed for training and checks)", ADD_TORCH)
    return Found("torch", True, f"torch {version('torch')}, the reference of the checks")


def load_torch_tensorrt() -> ModuleType:
    """Import torch-tensorrt, or say in one line why it cannot be.

    Raises:
        InputError: not installed, not the version that is needed, or its libraries do not load.
    """
    if not (found := tensorrt()).ready:
        raise found.refusal()
    try:
        # It prints what goes wrong, which would spoil --json; the exception says the same.
        with hushed():
            return importlib.import_module("torch_tensorrt")
    except Exception as error:  # noqa: BLE001 - it raises plain Exception, and its libraries raise OSError
        # Half-imported modules would make the second try fail in another, stranger way.
        for name in [name for name in sys.modules if name.split(".")[0] == "torch_tensorrt"]:
            del sys.modules[name]
        why = first_line(error).removeprefix("import error when try to import _TensorRTProxyModule, got error ")
        raise InputError(
            f"torch-tensorrt is installed but does not load: {why}; reinstall it: {ADD_TENSORRT}, or use --engine auto"
        ) from None


def _torch_on_gpu(kind: str, fix: str) -> Found | None:
    """What keeps torch from the GPU; None if nothing does."""
    gpu = nvidia.find_gpu()
    if gpu is None:
        where = "" if sys.platform != "darwin" else " (none works with macOS)"
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        if hidden is not None and hidden.strip() in ("", "-1"):
            where = f" (CUDA_VISIBLE_DEVICES={hidden!r} hides them)"
        if not where and nvidia.on_the_bus():
            return Found(kind, False, "an NVIDIA GPU is plugged in, but no driver answers", ADD_DRIVER)
        return Found(kind, False, f"no NVIDIA GPU with a driver was found{where}")
    for module in ("torch", "safetensors"):
        if not installed(module):
            return Found(kind, False, f"{gpu.name} found, but {module} is not installed", fix)
    local = version("torch").partition("+")[2]
    if local.startswith(("cpu", "rocm", "xpu")):
        return without_cuda(kind, fix)
    # NVIDIA's containers, Jetsons and builds from source say other things there; the package index says nothing.
    doubtful = not local.startswith("cu") if local else sys.platform == "win32"
    return without_cuda(kind, fix) if doubtful and not _holds_cuda() else None


def without_cuda(kind: str, fix: str = ADD_CUDA) -> Found:
    """A GPU, and a torch that cannot use it."""
    what = f"{_gpu_name()} found, but torch {version('torch')} was built without CUDA"
    # The package index has none with CUDA for Windows.
    add = f"install torch {PAIRED} for CUDA from PyTorch's own index" if sys.platform == "win32" else fix
    return Found(kind, False, what, f"{pip()} uninstall torch, then {add}")


def _holds_cuda() -> bool:
    """Whether the installed torch brings its CUDA library; asked without loading it, which takes seconds."""
    spec = importlib.util.find_spec("torch")
    folders = (spec.submodule_search_locations or []) if spec is not None else []
    names = ("torch_cuda.dll", "libtorch_cuda.so")
    return any((Path(folder) / "lib" / name).is_file() for folder in folders for name in names)


def _gpu_name() -> str:
    gpu = nvidia.find_gpu()
    return gpu.name if gpu is not None else ""
