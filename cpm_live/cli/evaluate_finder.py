"""``cpm-live evaluate finder``: recall and precision of the finder."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from cpm_live.cli.progress import counted, table_console
from cpm_live.engines.recipe import Recipe


def measure_finder(recipe: Recipe, data: Path, split: str, engine: str, threads: int) -> dict[str, Any]:
    """Figures of :func:`evaluation.finding.report` on a split in the layout of ``shared/data``.

    Raises:
        InputError: no such data, or no weights.
    """
    from cpm_live.engines.select import open_engine
    from cpm_live.evaluation import finding
    from cpm_live.training import finder_data

    pictures = finder_data.load(data, split)
    machine = open_engine(recipe, engine, threads)
    try:
        size, stride = machine.preset.size, machine.preset.stride
        cases = finding.whole_frames(pictures, size) + finding.made_scenes(pictures, size)
        with counted(recipe.name, len(cases)) as progress:
            tallies = finding.measure(machine.infer, cases, stride, progress=progress)
    finally:
        machine.close()
    return finding.report(tallies, recipe.name, _reported(recipe.finder_threshold), len(cases))


def _reported(threshold: float) -> float:
    """The measured threshold nearest to the recipe's."""
    from cpm_live.evaluation import finding

    return min(finding.THRESHOLDS, key=lambda level: abs(level - threshold))


def print_finder(figures: dict[str, Any]) -> None:
    """As a table."""
    from rich.table import Table

    table = Table(title=f"{figures['model']}: % found and % right of what was found, threshold {figures['threshold']}")
    for column in ("", "people", "recall", "precision", "hands", "recall", "precision", "side"):
        table.add_column(column, justify="right" if column else "left")
    rows = {
        f"{name} frames" if name == "webcam" else f"pasted {name}": row for name, row in figures["per_group"].items()
    }
    rows |= {f"threshold {level}": row for level, row in figures["per_threshold"].items()}
    rows |= {f"stage {number}": row for number, row in enumerate(figures["per_stage"], 1)}
    for name, row in rows.items():
        cells = [name]
        for kind in ("person", "hand"):
            cells.append(f"{row[kind]['truths']:.0f}")
            cells += [_percent(row[kind][key]) for key in ("recall", "precision")]
        table.add_row(*cells, _percent(row["hand"]["side"]))
    table_console().print(table)


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f}"
