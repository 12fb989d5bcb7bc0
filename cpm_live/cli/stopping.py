"""Ctrl-C and SIGTERM as a wish: what is being written is written to its end first."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Stop:
    """Whether somebody asked to stop.

    Attributes:
        number: of the signal; 0 while nobody did.
    """

    number = 0

    def __call__(self) -> bool:
        """Whether to stop now."""
        return self.number != 0


@contextmanager
def asked_to_stop() -> Iterator[Stop]:
    """While inside, the first Ctrl-C or SIGTERM is only noted; a second one ends the process the hard way."""
    stop = Stop()

    def ask(number: int, frame: object) -> None:
        stop.number = number
        signal.signal(number, signal.SIG_DFL)

    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
