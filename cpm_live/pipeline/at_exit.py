"""What is still at work when Python ends is brought to rest first.

Threads that are inside a library's own code when the interpreter is torn down abort the whole process, and a program
that has done its work ends with an error.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from contextlib import suppress
from typing import Protocol


class _Rests(Protocol):
    def rest(self) -> None:
        """Be at rest from now on; may wait, not for long."""


_SESSIONS: weakref.WeakSet[_Rests] = weakref.WeakSet()
_MACHINES: weakref.WeakSet[_Rests] = weakref.WeakSet()
_ENDING = threading.Event()


def rest_at_exit(own: _Rests, has_machine: bool = False) -> None:
    """Have somebody brought to rest when Python ends, unless they are gone before; sessions before what they use."""
    go_no_further()
    (_SESSIONS if has_machine else _MACHINES).add(own)


def go_no_further() -> None:
    """Wait for the end, if it has begun and this is not the thread that ends."""
    if _ENDING.is_set() and threading.current_thread() is not threading.main_thread():
        threading.Event().wait()


@atexit.register
def _rest() -> None:
    for own in list(_SESSIONS):
        _bring_to_rest(own)
    # Not before: a session that is stopped has its own machine closed, which takes a turn.
    _ENDING.set()
    for own in list(_MACHINES):
        _bring_to_rest(own)


def _bring_to_rest(own: _Rests) -> None:
    try:
        own.rest()
    except KeyboardInterrupt:
        # Meant for what hangs, not for the recordings of the others.
        with suppress(KeyboardInterrupt):
            own.rest()


def _forget() -> None:
    """In a child that was forked: the threads are the parent's, and the locks that they held are open to nobody."""
    _SESSIONS.clear()
    _MACHINES.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
