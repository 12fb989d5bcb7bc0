"""``cpm-live bench``: how fast this machine is."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cpm_live.cli.progress import say, table_console
from cpm_live.core.errors import InputError, first_line
from cpm_live.engines import probe

if TYPE_CHECKING:
    from cpm_live.engines.recipe import Recipe
    from cpm_live.pipeline.bench import Timing


def bench(
    model: Annotated[list[str] | None, typer.Option("--model", "-m", help="Models; body and hand by default.")] = None,
    engine: Annotated[
        list[str] | None, typer.Option("--engine", "-e", help="Engines; all that are ready if not given.")
    ] = None,
    source: Annotated[str, typer.Option("--source", "-s", help="Frames to run on.")] = "demo",
    rounds: Annotated[
        int, typer.Option("--rounds", min=5, help="Inferences per figure; fewer of a slow network.")
    ] = 100,
    batch: Annotated[
        list[int] | None,
        typer.Option("--batch", min=2, max=8, help="The engine on so many at once; 2 and 4 if not given."),
    ] = None,
    threads: Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0 chooses.")] = 0,
    naive: Annotated[bool, typer.Option(help="Compare with torch as it is, eager float32, in the same run.")] = True,
    window: Annotated[bool, typer.Option(help="Also start the window, for start-up time and memory.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Time the bare engines, the whole pipeline, the age of live results, start-up and memory."""
    from cpm_live.capture.open import SourceRequest
    from cpm_live.engines import recipe as recipes
    from cpm_live.engines.select import default_threads, open_engine
    from cpm_live.pipeline.bench import live_ages

    names = model or ["body", "hand"]
    chosen = [recipes.find_pose_model(name) for name in names]
    # First: a process that is started by a large one is counted as large as that.
    if window:
        say("starting the window")
    timed = _start_window(names[0]) if window else dict.fromkeys(_WINDOW)
    kinds = engine or [found.kind for found in probe.find_engines() if found.ready and found.kind != "torch"]
    results: list[Timing] = []
    for recipe in chosen:
        for kind in kinds:
            say(f"timing {recipe.name} on {kind}")
            try:
                timing = _time(recipe, kind, source, rounds, threads, naive, batch or [2, 4])
                # Later ones take over what the first one needed, the libraries above all.
                results.append(replace(timing, memory_mb=None) if results else timing)
            except Exception as error:
                if engine or kind == "cpu":
                    raise
                # One that was not asked for by name, such as TensorRT before it is built, or a GPU that fails.
                typer.echo(f"cpm-live: left out: {kind}: {first_line(error)}", err=True)
    if naive and not (torch := probe.torch_reference()).ready:
        typer.echo(f"cpm-live: no comparison with torch: {torch.what}; {torch.fix}", err=True)
    first = chosen[0]
    request = SourceRequest(source, live=True, demo_kind=first.skeleton.name)
    # By name: "auto" begins with the CPU where a GPU's engine takes seconds to load.
    best = next((result.engine for result in results if result.model == first.name), "cpu")
    say("measuring how old live results are")
    opener = partial(open_engine, threads=threads)
    age = live_ages(first, engine[0] if engine else best, request, 4.0, opener=opener, threads=threads)
    figures = {
        "device": _device(),
        "threads": threads or default_threads(),
        "results": [result.to_json() for result in results],
        "age_ms": {"p50": round(age[0], 2), "p95": round(age[1], 2)},
        **timed,
    }
    if as_json:
        typer.echo(json.dumps(figures))
    else:
        _print(figures)


def _time(recipe: Recipe, kind: str, source: str, rounds: int, threads: int, naive: bool, batches: list[int]) -> Timing:
    from cpm_live.capture.open import SourceRequest, open_source
    from cpm_live.pipeline.bench import open_naive, time_model
    from cpm_live.pipeline.machine import PoseMachine
    from cpm_live.pipeline.options import Options

    opened = open_source(SourceRequest(source, live=False, demo_kind=recipe.skeleton.name, frames=60))
    frames = [frame for _ in range(60) if (frame := opened.read()) is not None]
    opened.close()
    if not frames:
        raise InputError(f"{source} has no frames; choose another --source")
    gc.collect()
    before, gpu_before = _memory_mb(), _gpu_mb(kind)
    machine = PoseMachine(recipe, kind, threads, options=Options(people=1))
    machine.engine.warm_up()
    machine(frames[0])
    after = _memory_mb()
    grown = None if before is None or after is None else round(after - before, 1)
    plain = open_naive(recipe, threads) if naive and kind != "torch" else None
    timing = time_model(machine, frames, rounds, plain, batches)
    on_gpu = None
    if timing.engine in ("cuda", "tensorrt") and (gpu_after := _gpu_mb(timing.engine)) is not None:
        on_gpu = round(gpu_after - (gpu_before or 0.0), 1)
    machine.close()
    if plain is not None:
        plain.close()
    return replace(timing, memory_mb=grown, gpu_mb=on_gpu)


def _memory_mb() -> float | None:
    """What this process holds now; None where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError, IndexError):
        return None


def _gpu_mb(kind: str) -> float | None:
    """What is taken of the GPU's memory now, by whomever: TensorRT's share is not torch's to tell. None for an engine
    that runs elsewhere."""
    if kind not in ("auto", "cuda", "tensorrt") or not probe.cuda().ready:
        return None
    # Asking makes torch's own beginnings on the GPU, so that they are no engine's.
    import torch

    if not torch.cuda.is_available():
        return None
    free, there = torch.cuda.mem_get_info()
    return (there - free) / 1e6


def _device() -> str:
    """The GPU where there is one, and the processor."""
    from cpm_live.engines import base, nvidia

    processor = base.processor()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = {line.partition(":")[2].strip() for line in file if line.startswith("model name")}
        processor = names.pop() if len(names) == 1 else processor
    except OSError:
        pass  # not Linux: the short name must do
    gpu = nvidia.find_gpu()
    return f"{gpu.name}, {processor}" if gpu is not None else processor


_WINDOW = ("startup_s", "paint_ms", "peak_rss_mb")


def _start_window(model: str) -> dict[str, float | None]:
    """Start the window in a process of its own: seconds to the first painted frame, what painting the picture takes in
    milliseconds, peak memory in MB."""
    # -P: no modules of the folder we happen to be in.
    command = [sys.executable, "-P", "-m", "cpm_live.cli.main", "window", "--source", "demo", "--model", model,
               "--startup-report"]  # fmt: skip
    environment = dict(os.environ)
    if sys.platform.startswith("linux") and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        environment["QT_QPA_PLATFORM"] = "offscreen"
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        typer.echo("cpm-live: the window could not be timed: no picture within a minute", err=True)
        return dict.fromkeys(_WINDOW)
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            told = json.loads(line)
            return {name: told.get(name) for name in _WINDOW}
    problem = (done.stderr.strip().splitlines() or ["no output"])[-1]
    typer.echo(f"cpm-live: the window could not be timed: {problem}", err=True)
    return dict.fromkeys(_WINDOW)


def _print(figures: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(title=f"{figures['device']}, {figures['threads']} threads")
    table.add_column("")
    for row in figures["results"]:
        table.add_column(f"{row['model']}, {row['engine']}", justify="right")
    columns = [_column(row) for row in figures["results"]]
    for name in dict.fromkeys(name for column in columns for name in column):
        table.add_row(name, *(column.get(name, "") for column in columns))
    table_console().print(table)
    typer.echo(f"age of live results: p50 {figures['age_ms']['p50']} ms, p95 {figures['age_ms']['p95']} ms")
    if figures["startup_s"] is not None:
        typer.echo(
            f"window: first painted frame after {figures['startup_s']} s, {figures['paint_ms']} ms to paint it, peak "
            f"memory {figures['peak_rss_mb']} MB"
        )


def _column(row: dict[str, Any]) -> dict[str, str]:
    """One model's figures on one engine, by what they are called; only what was measured."""
    sizes = list(row["batch_ms"])
    out = {"bare engine, ms": f"{row['bare_ms']['p50']:.2f}", "  95 %": f"{row['bare_ms']['p95']:.2f}"}
    out |= {f"  {size} at once": f"{row['batch_ms'][size]:.2f}" for size in sizes}
    if sizes:
        out["  a person more"] = f"{row['extra_person_ms'][sizes[-1]]:.2f}"
    out |= {
        "whole pipeline, ms": f"{row['pipeline_ms']['p50']:.2f}",
        "  frames/s, finder included": f"{row['pipeline_fps']:.1f}",
        "  bare engine over it": f"{row['ratio']:.2f}",
        "  the same, without finder": f"{row['frame_ratio']:.2f}",
        "  the finder's share, %": f"{100 * row['finder_share']:.0f}",
    }
    if row["naive_torch_ms"] is not None:
        out |= {"torch, eager, ms": f"{row['naive_torch_ms']:.1f}", "  times the engine": f"{row['times_naive']:.1f}"}
    if row["memory_mb"] is not None:
        out["memory, MB"] = f"{row['memory_mb']:.0f}"
    if row["gpu_mb"] is not None:
        out["memory of the GPU, MB"] = f"{row['gpu_mb']:.0f}"
    return out
