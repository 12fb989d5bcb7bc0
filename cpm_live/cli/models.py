"""``cpm-live models``: what can be run, and exporting checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cpm_live.core.errors import InputError

app = typer.Typer(help="List models; export a checkpoint for the CPU engine.", invoke_without_command=True)


@app.callback()
def models(context: typer.Context) -> None:
    """List the models that come with cpm-live."""
    if context.invoked_subcommand is None:
        list_models()


@app.command("list")
def list_models() -> None:
    """List the models that come with cpm-live."""
    from cpm_live.engines import recipe as recipes

    for name in recipes.names():
        recipe = recipes.find(name)
        state = "" if recipe.onnx.is_file() else "  (weights missing)"
        typer.echo(f"{name:8} {recipe.description}{state}")


@app.command("export")
def export(
    weights: Annotated[Path, typer.Argument(help="A .safetensors checkpoint.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The .onnx to write; default beside the weights.")
    ] = None,
) -> None:
    """Export a checkpoint to ONNX, which the CPU engine runs. Needs the train extra."""
    try:
        from cpm_live.engines.export import export as write
    except ModuleNotFoundError as error:
        raise InputError(f'exporting needs {error.name}; install it: pip install "cpm-live[train]"') from None
    path = write(weights, out or weights.with_suffix(".onnx"))
    typer.echo(f"exported: {path}")
