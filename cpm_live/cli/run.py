"""``cpm-live run``: headless, over a whole input."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cpm_live.cli.files import cut_short, left_out, place, refuse_own_input
from cpm_live.cli.progress import frames_bar
from cpm_live.cli.stopping import asked_to_stop
from cpm_live.core.errors import InputError, printable

if TYPE_CHECKING:
    from cpm_live.core.pose import Result


def _region(text: str) -> tuple[float, float, float, float] | None:
    """``X,Y,W,H`` in pixels."""
    if not text:
        return None
    try:
        x, y, w, h = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--region {text}: give four numbers, X,Y,W,H, in pixels") from None
    return x, y, w, h


def _check_region(region: tuple[float, float, float, float] | None, width: int, height: int) -> None:
    """A region that shows nothing of the picture finds nobody, ever."""
    if region is None or not width or not height:
        return
    x, y, w, h = region
    if w <= 0 or h <= 0 or x >= width or y >= height or x + w <= 0 or y + h <= 0:
        text = ",".join(f"{part:g}" for part in region)
        raise InputError(
            f"--region {text} shows nothing of the picture, which is {width}x{height} pixels; give X,Y,W,H"
        )


def run(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="A video, picture, folder, stream URL, camera:0 or demo.")
    ],
    model: Annotated[
        str, typer.Option("--model", "-m", help="body, hand, a recipe (.toml), or weights (.safetensors).")
    ] = "body",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Annotated video (.mp4, .mkv), picture, or folder for a folder of pictures."),
    ] = None,
    keypoints: Annotated[
        Path | None,
        typer.Option(
            "--keypoints", "-k", help="Keypoints of every frame: JSON lines, or a table (.csv); - prints them."
        ),
    ] = None,
    every_stage: Annotated[
        bool, typer.Option("--every-stage", help="Keypoints of every stage, not of the last one alone.")
    ] = False,
    osc: Annotated[
        str | None,
        typer.Option("--osc", metavar="HOST:PORT", help="Send the keypoints of each frame to another program (OSC)."),
    ] = None,
    engine: Annotated[str, typer.Option("--engine", "-e", help="auto, or one that cpm-live doctor lists.")] = "auto",
    threads: Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0 chooses.")] = 0,
    stage: Annotated[int, typer.Option("--stage", min=0, help="Draw this stage (1..T); 0 is the last.")] = 0,
    side_by_side: Annotated[bool, typer.Option("--side-by-side", help="Draw all stages side by side.")] = False,
    joint: Annotated[
        str,
        typer.Option(
            "--joint",
            help="Whose belief map glows: a joint's name, all, background or none. Default: none; all side by side.",
        ),
    ] = "",
    boxes: Annotated[bool, typer.Option("--boxes", help="Draw boxes and track numbers.")] = False,
    people: Annotated[
        int, typer.Option("--people", min=0, help="At most so many, 1 to 8; 0 is the model's usual: 4 bodies, 2 hands.")
    ] = 0,
    region: Annotated[
        str, typer.Option("--region", metavar="X,Y,W,H", help="Look for people inside this box of the picture only.")
    ] = "",
    smooth: Annotated[float, typer.Option("--smooth", help="Smoothing over time, 0 (raw) to 1.")] = 0.5,
    hands: Annotated[bool, typer.Option("--hands", help="With --model body: the hands at the wrists too.")] = False,
    sound: Annotated[bool, typer.Option("--sound/--no-sound", help="Whether --out has the sound of a film.")] = True,
    frames: Annotated[int, typer.Option("--frames", min=0, help="Stop after so many frames; 0 reads all.")] = 0,
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Resolution to ask a camera for.")] = "640x480",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no summary.")] = False,
) -> None:
    """Estimate every frame of INPUT and write annotated video and keypoints.

    Example: cpm-live run clip.mp4 --model body --hands --out annotated.mp4 --keypoints out.jsonl
    """
    from cpm_live.capture.base import Film
    from cpm_live.capture.open import SourceRequest, open_source
    from cpm_live.capture.resolution import parsed
    from cpm_live.drawing import view as views
    from cpm_live.engines import recipe as recipes
    from cpm_live.pipeline.machine import PoseMachine
    from cpm_live.pipeline.options import Options
    from cpm_live.recording.batch import run_batch
    from cpm_live.recording.text_file import STANDARD_OUTPUT

    recipe = recipes.find_pose_model(model)
    skeleton = recipe.skeleton
    joint = joint or ("all" if side_by_side else "none")
    special = {"all": views.ALL_JOINTS, "none": views.NO_MAP, "background": views.BACKGROUND}
    try:
        shown = special[joint] if joint in special else skeleton.index(joint)
    except ValueError as error:
        raise InputError(f"--joint: {error}, and all, background, none") from None
    options = Options(people or None, smooth, _region(region), hands=hands)
    if hands and skeleton.name != "body":
        raise InputError(f"--hands goes with a body model; {recipe.name} has the {skeleton.name} skeleton")
    if out is None and keypoints is None and osc is None:
        raise InputError("nothing to write; give --out annotated.mp4, --keypoints out.jsonl or --osc 9000")
    if side_by_side and (out is None or stage):
        raise InputError("--side-by-side draws all stages; give --out annotated.mp4, and no --stage")
    if every_stage and keypoints is None:
        raise InputError("--every-stage is about keypoints; give --keypoints out.jsonl")
    printed = keypoints == STANDARD_OUTPUT
    out, keypoints = place("--out", out), keypoints if printed else place("--keypoints", keypoints)
    if out is not None and keypoints is not None and out.resolve() == keypoints.resolve():
        raise InputError(f"--out and --keypoints are both {out}; give them different names")
    request = SourceRequest(source, live=False, size=parsed(size), demo_kind=skeleton.name, frames=frames or 300)
    opened = open_source(request)
    sender = None
    try:
        if osc is not None:
            from cpm_live.streaming.sender import OscSender

            sender = OscSender(osc)
        refuse_own_input(opened, out, None if printed else keypoints)
        _check_region(options.region, opened.info.width, opened.info.height)
        machine = PoseMachine(recipe, engine, threads, options)
        stages = machine.engine.preset.stages
        if stage > stages:
            raise InputError(f"--stage {stage}: {recipe.name} has stages 1 to {stages}")
        view = views.View(stage=stage - 1 if stage else None, joint=shown, boxes=boxes)
        limit = frames or None
        total = opened.info.frames if limit is None else min(limit, opened.info.frames or limit)
        done = 0
        started = time.monotonic()
        with asked_to_stop() as stop, frames_bar(opened.info.label, total, quiet) as advance:

            def tell(count: int, result: Result) -> None:
                nonlocal done
                done = count
                if sender is not None:
                    sender.send(result)
                advance(count)

            def enough() -> bool:
                return stop() or (limit is not None and done >= limit)

            summary = run_batch(opened, machine, out, keypoints, view, tell, enough, every_stage, sound, side_by_side)
        machine.close()
    finally:
        opened.close()
        if sender is not None:
            sender.close()
    if summary.sound_lost:
        typer.echo(f"cpm-live: of the sound something is missing: {printable(summary.sound_lost)}", err=True)
    if sender is not None and sender.lost:
        typer.echo(f"cpm-live: keypoints of {sender.lost} frames could not be sent to {sender.address}", err=True)
    if stop() and summary.cancelled:
        typer.echo(f"cpm-live: interrupted after {done} frames; what is written so far is whole", err=True)
        raise typer.Exit(128 + stop.number)
    if not quiet:
        took = time.monotonic() - started
        parts = [f"{summary.frames} frames, somebody seen in {summary.with_pose}"]
        if summary.left_out:
            parts.append(f"more than --people allows in {summary.left_out}")
        parts.append(f"{took:.1f} s ({summary.frames / max(took, 1e-6):.1f} fps)")
        typer.echo("; ".join(parts), err=printed)
        for label, path in (("annotated", out), ("keypoints", None if printed else keypoints)):
            if path is not None:
                typer.echo(f"{label}: {path}", err=printed)
    if joined := isinstance(opened, Film) and opened.joined:
        typer.echo("cpm-live: the recording's times jump, as where files were joined; they were counted on", err=True)
    if limit is None and (missing := cut_short(opened, summary)):
        typer.echo(f"cpm-live: {missing}", err=True)
        raise typer.Exit(1)
    if bad := left_out(opened):
        typer.echo(f"cpm-live: {bad}", err=True)
        raise typer.Exit(1)
    if (summary.sound_lost and not joined) or (sender is not None and sender.lost):
        raise typer.Exit(1)
