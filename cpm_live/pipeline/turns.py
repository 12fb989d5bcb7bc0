"""Calls from several threads that take turns."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from cpm_live.pipeline.at_exit import go_no_further


class TakesTurns(Protocol):
    """Has a lock that whoever it belongs to may take again."""

    turn: threading.RLock


_Self = TypeVar("_Self", bound=TakesTurns)
_P = ParamSpec("_P")
_R = TypeVar("_R")


def in_turn(method: Callable[Concatenate[_Self, _P], _R]) -> Callable[Concatenate[_Self, _P], _R]:
    """A method that one thread at a time may be in."""

    @wraps(method)
    def waits(own: _Self, /, *arguments: _P.args, **named: _P.kwargs) -> _R:
        if not own.turn._is_owned():  # type: ignore[attr-defined]  # as threading.Condition asks it
            # Locks are not fair: threads that come again and again would leave the end of the program no turn.
            go_no_further()
        with own.turn:
            return method(own, *arguments, **named)

    return waits
