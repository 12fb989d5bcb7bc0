"""``cpm-live models``: what can be run, importing and exporting, building TensorRT engines, emptying the cache."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cpm_live.core.errors import InputError
from cpm_live.core.extras import install

if TYPE_CHECKING:
    from cpm_live.engines.build import Progress
    from cpm_live.engines.recipe import Recipe

app = typer.Typer(
    help="List models; import other projects' weights; export a checkpoint for the CPU engine; build TensorRT engines; "
    "empty the cache.",
    invoke_without_command=True,
)


@app.callback()
def models(context: typer.Context) -> None:
    """List the models that come with cpm-live."""
    if context.invoked_subcommand is None:
        list_models()


@app.command("list")
def list_models() -> None:
    """List the models that come with cpm-live."""
    from cpm_live.engines import recipe as recipes

    for name in (*recipes.names(), recipes.FINDER):
        recipe = recipes.find(name)
        state = "" if recipe.onnx.is_file() else "  (weights missing)"
        typer.echo(f"{name:8} {recipe.description}{state}")


@app.command("import")
def import_(
    weights: Annotated[
        Path, typer.Argument(help="A .caffemodel (the CPM release's, OpenPose's hand) or a .pth (MMPose's CPM).")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The .safetensors to write; default beside the weights.")
    ] = None,
) -> None:
    """Make a model of other projects' CPM weights, and the recipe that runs it. Needs the train extra."""
    try:
        from cpm_live.engines.imported import import_weights
    except ModuleNotFoundError as error:
        raise InputError(f"importing needs {error.name}; install it: {install('train')}") from None
    out = out or weights.with_suffix(".safetensors")
    if out.suffix.lower() != ".safetensors" or out.is_dir():
        raise InputError(f"cannot import into {out}: name a file that ends in .safetensors")
    recipe = import_weights(weights, out)
    typer.echo(f"imported: {recipe.description}\n  weights {out}\n  recipe  {out.with_suffix('.toml')}")
    typer.echo(f"look at it: cpm-live --model {shlex.quote(str(out.with_suffix('.toml')))}")


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
        raise InputError(f"exporting needs {error.name}; install it: {install('train')}") from None
    out = out or weights.with_suffix(".onnx")
    if out.suffix.lower() != ".onnx" or out.is_dir():
        raise InputError(f"cannot export to {out}: name a file that ends in .onnx")
    path = write(weights, out)
    typer.echo(f"exported: {path}")


@app.command("clean")
def clean() -> None:
    """Empty the cache: exported networks and built TensorRT engines, also those of versions that are gone."""
    from cpm_live.core.paths import cache_dir
    from cpm_live.engines import cached

    removed = [kind for kind in cached.clean() if kind.files]
    kinds = ", ".join(f"{kind.what} {kind.size / 1e6:.1f} MB" for kind in removed)
    said = f"removed {sum(kind.size for kind in removed) / 1e6:.1f} MB ({kinds})" if removed else "nothing to remove"
    typer.echo(f"{said} in {cache_dir()}; what is needed is made again")


@app.command("build")
def build(
    model: Annotated[list[str] | None, typer.Argument(help="Models; all that have weights by default.")] = None,
    batch: Annotated[list[int] | None, typer.Option("--batch", "-b", help="Batch sizes; 1, 2 and 4.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Build what is already built, too.")] = False,
) -> None:
    """Build TensorRT engines into the cache; takes minutes. Ctrl-C cancels and leaves nothing half-built."""
    from cpm_live.engines import build_cache, probe
    from cpm_live.engines import recipe as recipes

    if not (found := probe.tensorrt()).ready:
        raise InputError(
            f"TensorRT engines cannot be built here: {found.what}" + (f"; {found.fix}" if found.fix else "")
        )
    if unknown := set(batch or ()) - set(build_cache.BATCHES):
        raise InputError(f"--batch {min(unknown)}: batch sizes are {', '.join(map(str, build_cache.BATCHES))}")
    for name in model or [name for name in recipes.names() if recipes.find(name).weights.is_file()]:
        recipe = recipes.find(name)
        missing, why = build_cache.missing(recipe)
        if why:
            typer.echo(f"{recipe.name}: {why}; building it again")
        wanted = [size for size in batch or build_cache.BATCHES if again or size in missing]
        if not wanted:
            typer.echo(f"{recipe.name}: built already")
            continue
        last = _build_with_progress(recipe.name, recipe, wanted)
        if last.state == "cancelled":
            typer.echo(f"cpm-live: {last.text}; nothing half-built is left", err=True)
            raise typer.Exit(130)
        if last.state == "failed":
            raise InputError(last.text)
        for size in wanted:
            entry = build_cache.find(build_cache.key(recipe, size))
            if isinstance(entry, build_cache.Entry):
                typer.echo(
                    f"{recipe.name}, batch size {size}: {len(entry.plan) / 1e6:.1f} MB, beliefs within "
                    f"{entry.check['beliefs']:.2g} and joints within {entry.check['joints']:.2g} px of float32"
                )


def _build_with_progress(name: str, recipe: Recipe, wanted: list[int]) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from cpm_live.engines.build import build_now

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=1.0)

        def tell(progress: Progress) -> None:
            if console.is_terminal:
                bar.update(task, description=progress.text, completed=progress.share)
            elif progress.state == "building":
                typer.echo(progress.text, err=True)

        return build_now(recipe, wanted, tell)
