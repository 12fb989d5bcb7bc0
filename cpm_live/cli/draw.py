"""``cpm-live draw``: keypoints from a file on the film that they are of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cpm_live.cli.files import cut_short, left_out, place, refuse_own_input, same_file
from cpm_live.cli.progress import frames_bar
from cpm_live.cli.stopping import asked_to_stop
from cpm_live.core.errors import InputError, printable

if TYPE_CHECKING:
    from cpm_live.recording.keypoint_reader import Whose


def draw(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="The video, picture or folder that the keypoints are of.")
    ],
    keypoints: Annotated[
        Path, typer.Argument(metavar="KEYPOINTS", help="JSON lines or a table (.csv), as run writes them.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Video (.mp4, .mkv), picture, or folder for a folder of pictures.")
    ],
    model: Annotated[
        str, typer.Option("--model", "-m", help="Of a table of a model of your own: its recipe (.toml).")
    ] = "body",
    boxes: Annotated[bool, typer.Option("--boxes", help="Draw boxes and track numbers.")] = False,
    sound: Annotated[bool, typer.Option("--sound/--no-sound", help="Whether --out has the sound of a film.")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no summary.")] = False,
) -> None:
    """Draw keypoints from a file on INPUT, such as those that run wrote and you have changed since.

    Example: cpm-live draw clip.mp4 smoothed.csv --out smoothed.mp4
    """
    from cpm_live.capture.base import Film
    from cpm_live.capture.open import SourceRequest, is_camera, open_source
    from cpm_live.recording.keypoint_reader import KeypointFile
    from cpm_live.recording.redraw import redraw

    if is_camera(source):
        raise InputError("a camera's frames are gone; give the film that the keypoints are of")
    target, file = place("--out", out), place("KEYPOINTS", keypoints)
    assert target is not None and file is not None
    read = KeypointFile(file, _known(model))
    if same_file(target, file):
        raise InputError(f"{target} are the keypoints themselves; choose another place to write to")
    opened = open_source(SourceRequest(source, live=False))
    try:
        refuse_own_input(opened, target, None)
        with asked_to_stop() as stop, frames_bar(opened.info.label, opened.info.frames, quiet) as advance:
            summary = redraw(opened, read, target, boxes, advance, stop, sound)
    finally:
        opened.close()
    if summary.sound_lost:
        typer.echo(f"cpm-live: of the sound something is missing: {printable(summary.sound_lost)}", err=True)
    if stop() and summary.cancelled:
        typer.echo(f"cpm-live: interrupted after {summary.frames} frames; what is written so far is whole", err=True)
        raise typer.Exit(128 + stop.number)
    if not quiet:
        typer.echo(f"{summary.frames} frames, somebody drawn in {summary.with_pose}\nannotated: {target}")
    if cut := cut_short(opened, summary):
        typer.echo(f"cpm-live: {cut}", err=True)
    if bad := left_out(opened):
        typer.echo(f"cpm-live: {bad}", err=True)
    # Of a film that broke off it is clear which.
    if unused := 0 if cut else len(read.lines.keys() - read.used):
        typer.echo(
            f"cpm-live: {unused} of {len(read.lines)} lines of {printable(str(file))} are of frames that there are "
            f"not; are they of another input than {printable(opened.info.label)}?",
            err=True,
        )
    joined = isinstance(opened, Film) and opened.joined
    if cut or bad or unused or (summary.sound_lost and not joined):
        raise typer.Exit(1)


def _known(model: str) -> dict[str, Whose]:
    """The skeletons that a table may name."""
    from cpm_live.engines.recipe import find, find_pose_model
    from cpm_live.recording.keypoint_reader import Whose

    recipes = [find("body"), find("hand"), find_pose_model(model)]
    return {
        recipe.skeleton.name: Whose(recipe.skeleton, recipe.joint_threshold, recipe.hollow_threshold)
        for recipe in recipes
    }
