"""Ctrl-C and SIGTERM as a wish: what is being written is written to its end first."""

from __future__ import annotations

import os
import signal
import socket
import threading
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
    """While inside, the first Ctrl-C or SIGTERM is only noted; a second one ends the process the hard way, also while
    the main thread waits for a stream: Python's handlers would not run before that answers.
    """
    stop = Stop()

    def note(number: int, frame: object) -> None:
        stop.number = number

    # What is ignored, as by jobs in the background, stays so.
    numbers = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN]
    heard, told = socket.socketpair()
    told.setblocking(False)
    threading.Thread(target=_end_at_the_second, args=(heard, frozenset(numbers)), daemon=True).start()
    wakeup = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    previous = {number: signal.signal(number, note) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        told.close()


def _end_at_the_second(heard: socket.socket, numbers: frozenset[int]) -> None:
    """Each signal is a byte: its number."""
    count = 0
    with heard:
        while data := heard.recv(64):
            for number in data:
                count += number in numbers
                if count == 2:
                    os._exit(128 + number)
