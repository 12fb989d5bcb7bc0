"""What long commands say while they work: to a person at a terminal, never into a pipe."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """What is being done now. (Plain lines: what moves on the screen would take time from what is being measured.)"""
    if sys.stderr.isatty():
        print(f"{text} ...", file=sys.stderr, flush=True)
