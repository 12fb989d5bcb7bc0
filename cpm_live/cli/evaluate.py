"""``cpm-live evaluate``: accuracy on labelled pictures."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer


def evaluate(
    model: Annotated[str, typer.Argument(help="body, hand, or a recipe (.toml).")],
    data: Annotated[
        Path,
        typer.Option("--data", "-d", help="Folder with annotations.json (COCO) and images/, or our layout."),
    ],
    split: Annotated[str, typer.Option("--split", help="train or val, in our layout.")] = "val",
    engine: Annotated[str, typer.Option("--engine", "-e", help="auto, cpu or torch.")] = "auto",
    threads: Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0 chooses.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure PCK with ground-truth boxes: per joint, per source and per stage."""
    from rich.console import Console
    from rich.progress import Progress

    from cpm_live.engines import recipe as recipes
    from cpm_live.engines.select import open_engine
    from cpm_live.evaluation.evaluate import measure, report
    from cpm_live.training import dataset

    recipe = recipes.find(model)
    samples = dataset.load(data, recipe.skeleton, split)
    machine = open_engine(recipe, engine, threads)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{recipe.name} on {data.name}", total=len(samples))
        errors = measure(
            machine.infer,
            samples,
            recipe.skeleton,
            machine.preset.size,
            machine.preset.stride,
            recipe.margin,
            progress=lambda done: progress.update(task, completed=done),
        )
    machine.close()
    figures = report(errors, recipe.skeleton, recipe.name)
    if as_json:
        typer.echo(json.dumps(_without_nan(figures), allow_nan=False))
    else:
        _print(figures)


def _without_nan(value: Any) -> Any:
    """JSON has no NaN: what could not be measured (a joint nobody labelled) becomes null."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _print(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    unit = "torso" if figures["metric"] == "torso" else "box side"
    thresholds = list(figures["pck"])
    main = "0.2" if figures["metric"] == "torso" else "0.1"

    table = Table(title=f"{figures['model']}: PCK, % within a share of the {unit}, {figures['images']} images")
    table.add_column("")
    for threshold in thresholds:
        table.add_column(f"@{threshold}", justify="right")
    rows = [("all", figures["pck"])]
    rows += [(f"source {name}", shares) for name, shares in figures["per_source"].items()]
    rows += [(f"stage {number}", shares) for number, shares in enumerate(figures["per_stage"], 1)]
    for name, shares in rows:
        table.add_row(name, *(f"{100 * shares[t]:.1f}" for t in thresholds))
    console.print(table)
    joints = Table(title=f"per joint @{main}")
    joints.add_column("joint")
    joints.add_column("%", justify="right")
    for name, share in figures["per_joint"].items():
        joints.add_row(name.replace("_", " "), f"{100 * share:.1f}")
    console.print(joints)
