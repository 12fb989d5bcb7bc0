"""``cpm-live devices``: the cameras of this machine."""

from __future__ import annotations

import typer


def devices() -> None:
    """List cameras, as --source takes them."""
    from cpm_live.capture.camera import list_cameras

    cameras = list_cameras()
    if not cameras:
        typer.echo("no cameras found; use a file, a stream URL or demo")
    for camera in cameras:
        typer.echo(f"camera:{camera.index}  {camera.name}")
