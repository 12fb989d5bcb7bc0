"""What is still at work when Python ends is brought to rest first.

Threads that are inside a library's own code when the interpreter is torn down abort the whole process, and a program
that has done its work ends with an error.
"""

from __future__ import annotations

import atexit
import weakref
from typing import Protocol


class _Rests(Protocol):
    def rest(self) -> None:
        """Be at rest from now on; may wait, not for long."""


_SESSIONS: weakref.WeakSet[_Rests] = weakref.WeakSet()
_MACHINES: weakref.WeakSet[_Rests] = weakref.WeakSet()


def rest_at_exit(own: _Rests, has_machine: bool = False) -> None:
    """Have somebody brought to rest when Python ends, unless they are gone before; sessions before what they use."""
    (_SESSIONS if has_machine else _MACHINES).add(own)


@atexit.register
def _rest() -> None:
    for own in (*_SESSIONS, *_MACHINES):
        own.rest()
