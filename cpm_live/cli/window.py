"""``cpm-live`` and ``cpm-live window``: the live window."""

from __future__ import annotations

from typing import Annotated

import typer

from cpm_live.capture.resolution import parsed
from cpm_live.core.address import osc_receiver
from cpm_live.core.errors import InputError

SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source", "-s", metavar="SOURCE",
        help="camera:0, camera:NAME, a video, picture or folder, a stream URL, or demo. Default: what you chose last; "
        "the first time the first camera, or the demo.",
    ),
]  # fmt: skip
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", "-m", help="body, hand, a recipe (.toml), or weights (.safetensors). Default: the last one."
    ),
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        "-e",
        help="auto, or one that cpm-live doctor lists. Default: the last one.",
    ),
]
ThreadsOption = Annotated[
    int, typer.Option("--threads", min=0, help="CPU threads; 0: the cores; of three or more one stays free.")
]
OscOption = Annotated[
    str | None,
    typer.Option(
        "--osc", metavar="HOST:PORT", help="Send the keypoints to another program (OSC); a port alone: on this machine."
    ),
]
AloneOption = Annotated[
    bool,
    typer.Option("--alone", help="The picture alone, full screen: for an exhibit or an audience. W or Esc leaves it."),
]
SizeOption = Annotated[
    str | None,
    typer.Option("--size", metavar="WxH", help="Resolution to ask a camera for. Default: the last one."),
]


def open_window(
    source: str | None, model: str | None, engine: str | None, size: str | None, threads: int = 0,
    osc: str | None = None, alone: bool = False, report: bool = False,
) -> None:  # fmt: skip
    """Check the options, then hand over to the window. Ends the process with the window's status."""
    from cpm_live.engines import recipe
    from cpm_live.engines.select import ENGINES

    if model is not None:
        recipe.find_pose_model(model)
    if engine is not None and engine not in ENGINES:
        raise InputError(f"unknown engine {engine!r}; use {', '.join(ENGINES)}")
    wanted = None if size is None else parsed(size)
    if osc is not None:
        osc_receiver(osc)
    from cpm_live.gui.app import run_app
    from cpm_live.gui.options import AppOptions

    raise typer.Exit(
        run_app(
            AppOptions(
                source=source, model=model, engine=engine, size=wanted, threads=threads, osc=osc,
                alone=alone, startup_report=report, quit_after_first_frame=report,
            )
        )
    )  # fmt: skip


def window(
    source: SourceOption = None,
    model: ModelOption = None,
    engine: EngineOption = None,
    size: SizeOption = None,
    threads: ThreadsOption = 0,
    osc: OscOption = None,
    alone: AloneOption = False,
    startup_report: Annotated[
        bool, typer.Option("--startup-report", hidden=True, help="Print the start-up time and quit.")
    ] = False,
) -> None:
    """Open the live window (the same as cpm-live without a command)."""
    open_window(source, model, engine, size, threads, osc, alone, startup_report)
