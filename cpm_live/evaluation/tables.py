"""Figures as tables on a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from cpm_live.core.skeleton import Skeleton

SECTIONS = ("joint", "source", "stage")


def print_figures(console: Console, figures: Mapping[str, Any], skeleton: Skeleton, sections: tuple[str, ...]) -> None:
    """PCK at all thresholds, then the sections asked for (of :data:`SECTIONS`), PCKh and AP where they are known."""
    unit = "torso" if figures["metric"] == "torso" else "box side"
    thresholds = list(figures["pck"])
    title = f"{figures['model']}: PCK, % within a share of the {unit}, {figures['images']} images{_looks(figures)}"
    table = Table(title=title)
    table.add_column("")
    for threshold in thresholds:
        table.add_column(f"@{threshold}", justify="right")
    rows: list[tuple[str, Mapping[str, Any]]] = [("all", figures["pck"])]
    if "source" in sections:
        rows += [(f"source {name}", shares) for name, shares in figures["per_source"].items()]
    if "stage" in sections:
        rows += [(f"stage {number}", shares) for number, shares in enumerate(figures["per_stage"], 1)]
    for name, shares in rows:
        table.add_row(name, *(percent(shares[t]) for t in thresholds))
    console.print(table)
    if "joint" in sections:
        console.print(_joints(figures, skeleton, figures["main_threshold"]))
    if "pckh" in figures:
        console.print("PCKh  " + "  ".join(f"@{t} {percent(share)}" for t, share in figures["pckh"].items()))
    if "oks" in figures:
        console.print("OKS   " + "  ".join(f"{name} {percent(figures['oks'][name])}" for name in ("AP", "AP50", "AR")))


def _joints(figures: Mapping[str, Any], skeleton: Skeleton, main: str) -> Table:
    by_source: Mapping[str, Mapping[str, Any]] = figures["per_joint_and_source"]
    table = Table(title=f"per joint, PCK@{main}")
    table.add_column("joint")
    table.add_column("all", justify="right")
    for source in by_source if len(by_source) > 1 else ():
        table.add_column(source, justify="right")
    if "pckh_per_joint" in figures:
        table.add_column("PCKh@0.5", justify="right")
    for index, name in enumerate(skeleton.joints):
        cells = [percent(figures["per_joint"][name])]
        cells += [percent(row[name]) for row in by_source.values()] if len(by_source) > 1 else []
        cells += [percent(figures["pckh_per_joint"][name])] if "pckh_per_joint" in figures else []
        table.add_row(skeleton.label(index), *cells)
    return table


def _looks(figures: Mapping[str, Any]) -> str:
    looks = figures.get("looks")
    if not looks:
        return ""
    scales = ", scales " + " ".join(f"{scale:g}" for scale in looks["scales"]) if looks["scales"] != [1.0] else ""
    return scales + (", flipped too" if looks["flip"] else "")


def percent(share: float | None) -> str:
    """A share in percent; a dash where there is nothing to measure."""
    return "-" if share is None or math.isnan(share) else f"{100 * share:.1f}"
