"""``cpm-live run``: headless, over a whole input."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from cpm_live.core.errors import InputError


def _refuse_own_input(given: Path, *written: Path | None) -> None:
    """Writing over what is being read would destroy it."""
    for path in written:
        if path is not None and path.exists() and path.samefile(given):
            raise InputError(f"{path} is the input itself; choose another place to write to")


def run(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="A video, picture, folder, stream URL, camera:0 or demo.")
    ],
    model: Annotated[str, typer.Option("--model", "-m", help="body, hand, or a recipe (.toml).")] = "body",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Annotated video (.mp4, .mkv), picture, or folder for a folder of pictures."),
    ] = None,
    keypoints: Annotated[
        Path | None, typer.Option("--keypoints", "-k", help="Keypoints of every frame as JSON lines.")
    ] = None,
    engine: Annotated[str, typer.Option("--engine", "-e", help="auto, cpu or torch.")] = "auto",
    threads: Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0 chooses.")] = 0,
    stage: Annotated[int, typer.Option("--stage", min=0, help="Draw this stage (1..T); 0 is the last.")] = 0,
    joint: Annotated[
        str, typer.Option("--joint", help="Whose belief map glows: a joint's name, all, background or none.")
    ] = "none",
    boxes: Annotated[bool, typer.Option("--boxes", help="Draw boxes and track numbers.")] = False,
    frames: Annotated[int, typer.Option("--frames", min=0, help="Stop after so many frames; 0 reads all.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no summary.")] = False,
) -> None:
    """Estimate every frame of INPUT and write annotated video and keypoints.

    Example: cpm-live run clip.mp4 --model body --out annotated.mp4 --keypoints out.jsonl
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from cpm_live.capture.open import SourceRequest, open_source
    from cpm_live.drawing import view as views
    from cpm_live.engines import recipe as recipes
    from cpm_live.pipeline.machine import PoseMachine
    from cpm_live.recording.batch import run_batch

    recipe = recipes.find(model)
    skeleton = recipe.skeleton
    special = {"all": views.ALL_JOINTS, "none": views.NO_MAP, "background": views.BACKGROUND}
    try:
        shown = special[joint] if joint in special else skeleton.index(joint.replace(" ", "_"))
    except ValueError as error:
        raise InputError(f"--joint: {error}, and all, background, none") from None
    if out is None and keypoints is None:
        raise InputError("nothing to write; give --out annotated.mp4, --keypoints out.jsonl or both")
    request = SourceRequest(source, live=False, demo_kind=skeleton.name, demo_frames=frames or 300)
    opened = open_source(request)
    try:
        if opened.info.kind in ("video", "image", "folder"):
            _refuse_own_input(Path(source).expanduser(), out, keypoints)
        machine = PoseMachine(recipe, engine, threads)
        stages = machine.engine.preset.stages
        if stage > stages:
            raise InputError(f"--stage {stage}: {recipe.name} has stages 1 to {stages}")
        view = views.View(stage=stage - 1 if stage else None, joint=shown, boxes=boxes)
        limit = frames or None
        total = opened.info.frames if limit is None else min(limit, opened.info.frames or limit)
        interrupted = False
        done = 0
        started = time.monotonic()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[fps]}"),
            TimeRemainingColumn(),
        )
        console = Console(stderr=True)
        with Progress(*columns, console=console, disable=quiet, transient=True) as progress:
            task = progress.add_task(opened.info.label, total=total, fps="")

            def tell(count: int, result: object) -> None:
                nonlocal done
                done = count
                rate = count / max(time.monotonic() - started, 1e-6)
                progress.update(task, completed=count, fps=f"{rate:.0f} fps")

            try:
                summary = run_batch(
                    opened, machine, out, keypoints, view, tell, stop=lambda: limit is not None and done >= limit
                )
            except KeyboardInterrupt:
                interrupted = True
        machine.close()
    finally:
        opened.close()
    if interrupted:
        typer.echo(f"cpm-live: interrupted after {done} frames; what is written so far is whole", err=True)
        raise typer.Exit(130)
    if not quiet:
        took = time.monotonic() - started
        parts = [f"{summary.frames} frames, somebody seen in {summary.with_pose}"]
        parts.append(f"{took:.1f} s ({summary.frames / max(took, 1e-6):.1f} fps)")
        typer.echo("; ".join(parts))
        for label, path in (("annotated", out), ("keypoints", keypoints)):
            if path is not None:
                typer.echo(f"{label}: {path}")
