"""``cpm-live doctor``: what this machine has and what is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sys

import typer


def doctor() -> None:
    """Print what was found on this machine and how to add what is missing."""
    from cpm_live import __version__
    from cpm_live.core.paths import cache_dir, data_root
    from cpm_live.engines import recipe as recipes

    typer.echo(f"cpm-live {__version__}, Python {platform.python_version()}, {platform.platform()}")
    for name in ("numpy", "opencv-python-headless", "onnxruntime", "av", "PySide6-Essentials", "pyqtgraph", "torch"):
        typer.echo(f"  {name:24} {_version(name)}")
    if _version("opencv-python") != "not installed":
        typer.echo("  opencv-python is installed too: its Qt plugins break the window; pip uninstall opencv-python")
    typer.echo(f"files: {data_root()}; cache: {cache_dir()}")
    for name in recipes.names():
        recipe = recipes.find(name)
        typer.echo(f"model {name}: {'ready' if recipe.onnx.is_file() else f'no {recipe.onnx}'}")
    typer.echo("engine cpu: ready (ONNX Runtime)")
    if importlib.util.find_spec("torch") is None:
        typer.echo('engine torch: not installed; pip install "cpm-live[train]" (only needed for training and checks)')
    else:
        typer.echo("engine torch: ready (reference)")
    if sys.platform.startswith("linux"):
        display = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
        typer.echo(f"display: {display or 'none; use cpm-live run'}")


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
