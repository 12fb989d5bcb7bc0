"""``cpm-live bench``: how fast this machine is."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from typing import Annotated, Any

import typer


def bench(
    model: Annotated[list[str] | None, typer.Option("--model", "-m", help="Models; body and hand by default.")] = None,
    engine: Annotated[list[str] | None, typer.Option("--engine", "-e", help="Engines; cpu if not given.")] = None,
    source: Annotated[str, typer.Option("--source", "-s", help="Frames to run on.")] = "demo",
    rounds: Annotated[int, typer.Option("--rounds", min=5, help="Inferences per figure.")] = 100,
    threads: Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0 chooses.")] = 0,
    window: Annotated[bool, typer.Option(help="Also start the window, for start-up time and memory.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Time the bare engine, the whole pipeline, the age of live results, start-up and memory."""
    from cpm_live.capture.open import SourceRequest, open_source
    from cpm_live.engines import recipe as recipes
    from cpm_live.engines.select import default_threads
    from cpm_live.pipeline.bench import live_ages, time_model
    from cpm_live.pipeline.machine import PoseMachine

    results = []
    first = None
    for name in model or ["body", "hand"]:
        recipe = recipes.find(name)
        first = first or recipe
        opened = open_source(SourceRequest(source, live=False, demo_kind=recipe.skeleton.name, demo_frames=60))
        frames = [frame for _ in range(60) if (frame := opened.read()) is not None]
        opened.close()
        for kind in engine or ["cpu"]:
            machine = PoseMachine(recipe, kind, threads)
            results.append(time_model(machine, frames, rounds))
            machine.close()
    assert first is not None
    kind = (engine or ["cpu"])[0]
    age = live_ages(first, kind, SourceRequest(source, live=True, demo_kind=first.skeleton.name), 4.0)
    startup, memory = _start_window(first.name) if window else (None, None)
    figures = {
        "device": platform.processor() or platform.machine(),
        "threads": threads or default_threads(),
        "results": [result.to_json() for result in results],
        "age_ms": {"p50": round(age[0], 2), "p95": round(age[1], 2)},
        "startup_s": startup,
        "peak_rss_mb": memory,
    }
    if as_json:
        typer.echo(json.dumps(figures))
    else:
        _print(figures)


def _start_window(model: str) -> tuple[float | None, float | None]:
    """Start the window in a process of its own: seconds to the first painted frame, peak memory in MB."""
    command = [sys.executable, "-m", "cpm_live.cli.main", "window", "--source", "demo", "--model", model,
               "--startup-report"]  # fmt: skip
    environment = dict(os.environ)
    if sys.platform.startswith("linux") and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        environment["QT_QPA_PLATFORM"] = "offscreen"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            told = json.loads(line)
            return told.get("startup_s"), told.get("peak_rss_mb")
    problem = (done.stderr.strip().splitlines() or ["no output"])[-1]
    typer.echo(f"cpm-live: the window could not be timed: {problem}", err=True)
    return None, None


def _print(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{figures['device']}, {figures['threads']} threads")
    for column in ("model", "engine", "bare ms p50", "p95", "pipeline ms", "pipeline fps", "ratio"):
        table.add_column(column, justify="left" if column in ("model", "engine") else "right")
    for row in figures["results"]:
        table.add_row(
            row["model"], row["engine"], f"{row['bare_ms']['p50']:.1f}", f"{row['bare_ms']['p95']:.1f}",
            f"{row['pipeline_ms']['p50']:.1f}", f"{row['pipeline_fps']:.1f}", f"{row['ratio']:.2f}",
        )  # fmt: skip
    Console().print(table)
    typer.echo(f"age of live results: p50 {figures['age_ms']['p50']} ms, p95 {figures['age_ms']['p95']} ms")
    if figures["startup_s"] is not None:
        typer.echo(
            f"window: first painted frame after {figures['startup_s']} s, peak memory {figures['peak_rss_mb']} MB"
        )
