"""Figures of an evaluation, in a line for people and in columns for logs; of poses and of the finder."""

from __future__ import annotations

import math
from typing import Any


def headline(figures: dict[str, Any]) -> str:
    """One line: PCK at all thresholds and per source, or the finder's recall and precision."""
    if "pck" in figures:
        text = "PCK " + ", ".join(f"@{t} {_percent(v)}" for t, v in figures["pck"].items())
        main = figures["main_threshold"]
        sources = [
            f"{name} {_percent(row[main])}" for name, row in figures.get("per_source", {}).items() if main in row
        ]
        return f"{text}; @{main}: {', '.join(sources)}" if sources else text
    return "; ".join(
        f"{name} " + ", ".join(f"{kind} {_percent(share)}" for kind, share in figures[name].items())
        for name in ("recall", "precision")
        if name in figures
    )


def columns(figures: dict[str, Any]) -> dict[str, float]:
    """Flat columns of a log: ``pck@0.2``, ``lsp@0.2``, ``stage_1@0.2``, ``recall_person``."""
    row = {f"pck@{t}": v for t, v in figures.get("pck", {}).items()}
    if "pck" in figures:
        row |= {f"{s}@{t}": v for s, by in figures.get("per_source", {}).items() for t, v in by.items()}
        for number, by in enumerate(figures.get("per_stage", []), start=1):
            row |= {f"stage_{number}@{t}": v for t, v in by.items()}
    for name in ("recall", "precision"):
        row |= {f"{name}_{kind}": v for kind, v in figures.get(name, {}).items()}
    return row


def _percent(share: float | None) -> str:
    return "-" if share is None or math.isnan(share) else f"{100 * share:.1f}"
