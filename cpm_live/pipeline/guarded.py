"""Callbacks of others, called on threads of ours."""

from __future__ import annotations

import logging
from collections.abc import Callable

log = logging.getLogger("cpm_live.pipeline")


def guarded(callback: Callable[[], None] | None) -> Callable[[], None]:
    """A callback whose errors are its own, not those of the thread that calls it."""

    def call() -> None:
        if callback is None:
            return
        try:
            callback()
        except Exception:
            # It is somebody else's, and the session goes on.
            log.exception("a callback of a live session failed")

    return call
