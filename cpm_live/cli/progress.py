"""What long commands say while they work: to a person at a terminal, never into a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cpm_live.core.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

_WIDE = 140


def say(text: str) -> None:
    """What is being done now. (Plain lines: what moves on the screen would take time from what is being measured.)"""
    if sys.stderr.isatty():
        print(f"{text} ...", file=sys.stderr, flush=True)


@contextmanager
def counted(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar for work that is counted; what it gives takes how much is done."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(what), total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def frames_bar(what: str, total: int | None, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar for the frames of an input; what it gives takes how many are done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        # Names are shown as they are: brackets mean nothing in them.
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[fps]}"),
        TimeRemainingColumn(),
    )
    started = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=True) as bar:
        task = bar.add_task(printable(what), total=total, fps="")

        def advance(done: int) -> None:
            rate = done / max(time.monotonic() - started, 1e-6)
            bar.update(task, completed=done, fps=f"{rate:.0f} fps")

        yield advance


def table_console() -> Console:
    """For tables: as wide as the terminal; into a file, or where nobody reads, as wide as they need. Names are shown as
    they are: brackets and colons mean nothing in them."""
    from rich.console import Console

    wide = None if sys.stdout is not None and sys.stdout.isatty() else _WIDE
    return Console(width=wide, markup=False, emoji=False)
