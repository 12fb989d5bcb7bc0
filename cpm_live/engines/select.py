"""Which engine runs a model on this machine."""

from __future__ import annotations

import os

from cpm_live.core.errors import InputError
from cpm_live.engines.base import Engine
from cpm_live.engines.recipe import Recipe

ENGINES = ("auto", "cpu", "torch")


def default_threads() -> int:
    """CPU threads for an engine: all cores this process may use, at most 4 (more gains little on small nets)."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity call
        cores = os.cpu_count() or 1
    return max(1, min(4, cores))


def open_engine(recipe: Recipe, kind: str = "auto", threads: int = 0) -> Engine:
    """The engine of this kind with the recipe's weights loaded.

    Raises:
        InputError: unknown kind, what it needs is not installed, or unreadable weights.
    """
    engine = _open(recipe, kind, threads or default_threads())
    joints, wanted = engine.preset.joints, len(recipe.skeleton)
    if joints != wanted:
        engine.close()
        name = recipe.skeleton.name
        raise InputError(
            f"recipe {recipe.name}: {recipe.weights.name} has {joints} joints, the {name} skeleton has {wanted}"
        )
    return engine


def _open(recipe: Recipe, kind: str, threads: int) -> Engine:
    if kind in ("auto", "cpu"):
        from cpm_live.engines.onnx_cpu import CpuEngine

        return CpuEngine.load(recipe, threads)
    if kind == "torch":
        try:
            from cpm_live.engines.torch_reference import TorchEngine
        except ModuleNotFoundError as error:
            raise InputError(
                f'the torch engine needs {error.name}; install it: pip install "cpm-live[train]", or use --engine cpu'
            ) from None
        return TorchEngine.load(recipe, threads)
    raise InputError(f"unknown engine {kind!r}; use {', '.join(ENGINES)}")
