"""What is still at work when Python ends is brought to rest first.

Threads that are inside a library's own code when the interpreter is torn down abort the whole process, and a program
that has done its work ends with an error.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from typing import Protocol


class _Rests(Protocol):
    def rest(self) -> None:
        """Be at rest from now on; may wait, not for long."""


_SESSIONS: weakref.WeakSet[_Rests] = weakref.WeakSet()
_MACHINES: weakref.WeakSet[_Rests] = weakref.WeakSet()
_ENDING = threading.Event()


def rest_at_exit(own: _Rests, has_machine: bool = False) -> None:
    """Have somebody brought to rest when Python ends, unless they are gone before; sessions before what they use.

    A thread that has made somebody while Python ends goes no further.
    """
    if _ENDING.is_set() and threading.current_thread() is not threading.main_thread():
        threading.Event().wait()
    (_SESSIONS if has_machine else _MACHINES).add(own)


@atexit.register
def _rest() -> None:
    _ENDING.set()
    for own in (*_SESSIONS, *_MACHINES):
        own.rest()


def _forget() -> None:
    """In a child that was forked: the threads are the parent's, and the locks that they held are open to nobody."""
    _SESSIONS.clear()
    _MACHINES.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
