"""``cpm-live doctor``: what this machine has, what is missing, and whether its engines tell the truth."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from typing import Annotated

import typer

PACKAGES = (
    "numpy", "opencv-python-headless", "onnxruntime", "av", "PySide6-Essentials", "pyqtgraph", "python-osc",
    "torch", "openvino", "torch-tensorrt", "tensorrt",
)  # fmt: skip


def doctor(
    verify: Annotated[
        bool, typer.Option("--verify", help="Also load every engine and compare its answers with the reference.")
    ] = False,
) -> None:
    """Print what was found on this machine and how to add what is missing."""
    from cpm_live import __version__
    from cpm_live.core.errors import InputError
    from cpm_live.core.paths import cache_dir, data_root
    from cpm_live.engines import cached, nvidia, probe, select
    from cpm_live.engines import recipe as recipes

    typer.echo(f"cpm-live {__version__}, Python {platform.python_version()}, {platform.platform()}")
    for name in PACKAGES:
        typer.echo(f"  {name:24} {_version(name)}")
    if _version("opencv-python") != "not installed":
        # They share a folder, which whoever leaves takes along.
        typer.echo(
            "  opencv-python is installed too: its Qt plugins break the window; pip uninstall opencv-python, then "
            'pip install --force-reinstall --no-deps "opencv-python-headless<5"'
        )
    try:
        size = sum(kind.size for kind in cached.kept()) / 1e6
        cache = f"{cache_dir()}" + (f" ({size:.1f} MB; cpm-live models clean empties it)" if size else "")
    except InputError as error:
        cache = f"none ({error})"
    typer.echo(f"files: {data_root()}; cache: {cache}")
    for name in recipes.names():
        recipe = recipes.find(name)
        typer.echo(f"model {name}: {'ready' if recipe.onnx.is_file() else f'no {recipe.onnx}'}")
    gpu = nvidia.find_gpu()
    threads, window = select.default_threads(), select.default_threads(window=True)
    typer.echo(f"cores: {select.physical_cores()}; the CPU engine uses {threads}, {window} while the window is open")
    typer.echo(
        f"GPU: {gpu.name}, compute capability {gpu.capability}, {gpu.memory_mb} MB, driver runs CUDA {gpu.cuda}"
        if gpu
        else "GPU: no NVIDIA GPU with a driver"
    )
    if problem := probe.runtime_problem():
        typer.echo(problem)
    for found in probe.find_engines():
        state = "ready, " if found.ready else ""
        typer.echo(f"engine {found.kind}: {state}{found.what}")
        if found.fix:
            typer.echo(f"  to add it: {found.fix}")
    if probe.tensorrt().ready:
        _tell_built()
    if sys.platform.startswith("linux"):
        display = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
        typer.echo(f"display: {display or 'none; use cpm-live run'}")
    if verify and not _verify():
        raise typer.Exit(1)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _tell_built() -> None:
    from cpm_live.core.errors import InputError
    from cpm_live.engines import build_cache
    from cpm_live.engines import recipe as recipes

    for name in recipes.names():
        try:
            missing, why = build_cache.missing(recipes.find(name))
        except InputError as error:
            typer.echo(f"TensorRT engine of {name}: {error}")
            continue
        built = [batch for batch in build_cache.BATCHES if batch not in missing]
        state = f"built for batch sizes {', '.join(map(str, built))}" if built else "not built"
        typer.echo(f"TensorRT engine of {name}: {why or state}")
        if missing:
            typer.echo(f"  to build it: cpm-live models build {name}")


def _verify() -> bool:
    """Every engine that can be loaded against the float32 reference; prints a table."""
    from rich.table import Table

    from cpm_live.cli.progress import say, table_console
    from cpm_live.core.errors import InputError, first_line
    from cpm_live.engines import build_cache, probe, verify
    from cpm_live.engines import recipe as recipes
    from cpm_live.engines.select import open_engine

    reference = probe.torch_reference()
    if not reference.ready:
        raise InputError(f"--verify compares with the reference: {reference.what}; {reference.fix}")
    table = Table(title="engines against float32 torch")
    for column in ("model", "engine", "batch", "result"):
        table.add_column(column)
    sound = True
    for name in (*recipes.names(), recipes.FINDER):
        recipe = recipes.find(name)
        if not recipe.weights.is_file():
            table.add_row(name, "", "", "skipped: no weights")
            continue
        # One thread: on a busy machine several of torch's wait for each other longer than they work.
        truth = open_engine(recipe, "torch", 1)
        asked = {batch: verify.pictures(batch, truth.preset) for batch in (1, 3, 4)}
        wanted = {batch: truth.infer(*given) for batch, given in asked.items()}
        truth.close()
        for found in probe.find_engines():
            if found.kind == "torch" or (name == recipes.FINDER and found.kind == "tensorrt"):
                continue  # beside TensorRT the finder runs on CUDA
            if not found.ready:
                table.add_row(name, found.kind, "", f"skipped: {found.what}")
                continue
            if found.kind == "tensorrt" and (unbuilt := build_cache.missing(recipe)[0]):
                sizes = ", ".join(map(str, unbuilt))
                table.add_row(name, found.kind, sizes, "skipped: not built; cpm-live models build")
                continue
            say(f"comparing {name} on {found.kind}")
            try:
                engine = open_engine(recipe, found.kind)
                for batch, given in asked.items():
                    check = verify.compare(
                        engine.infer(*given), wanted[batch], len(recipe.skeleton), engine.preset.stride
                    )
                    precision = engine.describe().precision
                    good = check.passed(precision)
                    sound &= good
                    table.add_row(name, found.kind, str(batch), f"{'ok' if good else 'WRONG'}: {check.line(precision)}")
                engine.close()
            except Exception as error:  # noqa: BLE001 - what one engine runs into must not hide the others
                sound = False
                table.add_row(name, found.kind, "", f"FAILED: {first_line(error)}")
    table_console().print(table)
    return sound
