"""``cpm-live``: the command itself, its errors and its exit status."""

from __future__ import annotations

import io
import logging
import os
import sys
from typing import Annotated

import typer

from cpm_live import __version__
from cpm_live.cli import bench, devices, doctor, draw, evaluate, models, run, train, window
from cpm_live.core.errors import InputError, first_line, printable

app = typer.Typer(
    name="cpm-live",
    help="See a Convolutional Pose Machine think: live skeletons and belief maps, stage by stage.\n\n"
    "Without a command the window opens, on what you chose last; the first time on your camera or, without one, on the "
    "built-in demo.",
    add_completion=False,
    no_args_is_help=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"cpm-live {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    source: window.SourceOption = None,
    model: window.ModelOption = None,
    engine: window.EngineOption = None,
    size: window.SizeOption = None,
    threads: window.ThreadsOption = 0,
    osc: window.OscOption = None,
    alone: window.AloneOption = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """The window opens when no command is given."""
    if context.invoked_subcommand is None:
        window.open_window(source, model, engine, size, threads, osc, alone)
        return
    command = context.invoked_subcommand
    for name in ("source", "model", "engine", "size", "threads", "osc", "alone"):
        given = context.get_parameter_source(name)
        if given is not None and given.name == "COMMANDLINE":
            there = f"put it behind: {command} --{name} ..." if name in _options(context, command) else "leave it out"
            if name == "source" and command == "run":
                there = "give it as INPUT: run INPUT ..."
            raise InputError(f"--{name} before {command} does nothing; {there}")


def _options(context: typer.Context, command: str) -> set[str]:
    """The names of a command's parameters."""
    commands = getattr(context.command, "commands", {})
    return {str(parameter.name) for parameter in commands[command].params} if command in commands else set()


app.command("window", rich_help_panel="Look")(window.window)
app.command("run", rich_help_panel="Look")(run.run)
app.command("draw", rich_help_panel="Look")(draw.draw)
app.command("devices", rich_help_panel="Look")(devices.devices)
app.add_typer(models.app, name="models", rich_help_panel="Models")
app.command("train", rich_help_panel="Models")(train.train)
app.command("evaluate", rich_help_panel="Models")(evaluate.evaluate)
app.command("bench", rich_help_panel="This machine")(bench.bench)
app.command("doctor", rich_help_panel="This machine")(doctor.doctor)


def _hold_standard_streams() -> None:
    """Where one is closed, as daemons have it, no file of ours may get its number: libraries would write into it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # Gets the lowest number that is free; for what we start, too.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stderr is None:
        # print(file=None) means standard output.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process


class _Printable(logging.Formatter):
    """Of warnings, which name files."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def main() -> None:
    """Run the command line; wrong input ends with one line and status 2, no traceback."""
    _hold_standard_streams()
    # For what is started from here (training's workers, by multiprocessing): Python would take modules of the working
    # folder before its own, and that folder may be somebody else's data.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Printable())
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file's name that the terminal's encoding does not know must not end a command that has done its work.
        sys.stdout.reconfigure(errors="backslashreplace")
    debug = "--debug" in sys.argv
    if debug:
        # Accepted anywhere on the line, before or after the command.
        sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    try:
        app()
    except InputError as error:
        if debug:
            raise
        print(f"cpm-live: {error}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as end:
        # Typer ends silently on Ctrl-C. (Commands that catch it themselves have said what is left of their work.)
        if isinstance(getattr(end.__context__, "__cause__", None), KeyboardInterrupt):
            print("cpm-live: interrupted", file=sys.stderr)
        raise
    except KeyboardInterrupt:
        print("cpm-live: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        print(
            f"cpm-live: unexpected {type(error).__name__}: {first_line(error)} (show all with --debug)", file=sys.stderr
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
