"""What one thread prints is kept from standard output; what all others print comes out as ever."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

_TURN = threading.Lock()


class _ForOthers:
    """Standard output for all threads but the one that made it."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._hushed = out, threading.get_ident()

    def write(self, text: str) -> int:
        return len(text) if threading.get_ident() == self._hushed else self._out.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


@contextmanager
def hushed() -> Iterator[None]:
    """Nothing that this thread prints inside comes out. Threads take turns: one that gave back what another has put in
    its place would leave the program without a standard output."""
    with _TURN:
        before = sys.stdout
        sys.stdout = for_others = cast(TextIO, _ForOthers(before))
        try:
            yield
        finally:
            if sys.stdout is for_others:
                sys.stdout = before
