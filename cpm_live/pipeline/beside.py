"""An engine, or what holds one, that is opened beside the worker: the picture goes on without it until it is there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic

from cpm_live.engines.base import OPENING, W, close_quietly, opened_warm, warm
from cpm_live.engines.recipe import Recipe


class OpenedBeside(Generic[W]):
    """Opens an engine on a thread of its own: ask again and again until it is there.

    Args:
        opener: opens the engine of a recipe; may take long.
        instead: opens another one where that fails, such as for want of memory; told the error.
        warm_up: runs it once.
    """

    def __init__(
        self,
        opener: Callable[[Recipe], W],
        instead: Callable[[Recipe, Exception], W] | None = None,
        warm_up: Callable[[W], None] = warm,
    ) -> None:
        self._open, self._instead, self._warm_up = opener, instead, warm_up
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._engine: W | None = None
        self._error: Exception | None = None
        self._given_up = False

    def __call__(self, recipe: Recipe) -> W | None:
        """The engine, warm, or None while it is not ready. Raises what opening it raised; then it may be asked anew."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, args=(recipe,), name="engine-beside", daemon=True)
            self._thread.start()
        if self._thread.is_alive():
            return None
        self._thread = None
        engine, error, self._engine, self._error = self._engine, self._error, None, None
        if error is not None:
            raise error
        return engine

    @property
    def answers(self) -> bool:
        """Whether it was asked for, and whoever asks now is given it, or told why not."""
        return self._thread is not None and not self._thread.is_alive()

    def give_up(self) -> W | None:
        """Nobody asks any more: what is still being opened will be closed; what is open and not taken is given back."""
        with self._lock:
            self._given_up = True
            engine, self._engine = self._engine, None
        return engine

    def _work(self, recipe: Recipe) -> None:
        with OPENING:
            try:
                engine = self._opened(recipe)
            except Exception as error:  # noqa: BLE001 - engines raise what their libraries raise; whoever asks gets it
                self._error = error
                return
            with self._lock:
                if not self._given_up:
                    self._engine = engine
                    return
            close_quietly(engine)

    def _opened(self, recipe: Recipe) -> W:
        try:
            return opened_warm(lambda: self._open(recipe), self._warm_up)
        except Exception as error:
            if self._instead is None:
                raise
            instead, failed = self._instead, error
        return opened_warm(lambda: instead(recipe, failed), self._warm_up)
