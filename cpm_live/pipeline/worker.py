"""The worker thread: owns the engine, turns the newest frame into a result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cpm_live.core.errors import InputError, first_line
from cpm_live.core.frame import Frame
from cpm_live.core.mailbox import Mailbox
from cpm_live.core.pose import Result
from cpm_live.engines.base import Engine
from cpm_live.engines.recipe import Recipe
from cpm_live.pipeline.machine import PoseMachine


class Worker(threading.Thread):
    """Takes frames from a mailbox until it closes.

    Args:
        publish: takes (generation, result); must not wait.
        tell: takes (kind, message, (model, engine)): ``engine`` or ``engine-failed``, and which was asked for.
        engine_opener: opens the engine of a recipe.
    """

    def __init__(
        self,
        frames: Mailbox[tuple[int, Frame]],
        publish: Callable[[int, Result], None],
        tell: Callable[[str, str, tuple[str, str]], None],
        engine_opener: Callable[[Recipe, str], Engine],
    ) -> None:
        super().__init__(name="worker", daemon=True)
        self._frames, self._publish, self._tell, self._open = frames, publish, tell, engine_opener
        self._wanted: Mailbox[tuple[Recipe, str]] = Mailbox()
        self._machine: PoseMachine | None = None
        self._recipe: Recipe | None = None
        self._running = ("", "")
        self._generation = -1
        self.engine_label = ""

    def load(self, recipe: Recipe, engine: str) -> None:
        """Ask for another model or engine; of several requests the last one counts."""
        if self._recipe is None:
            self._recipe = recipe
        self._wanted.put((recipe, engine))

    def run(self) -> None:
        """The thread's body."""
        shown = False
        while True:
            # A first frame is shown before the engine is loaded, so that the window is not empty.
            if (shown or self._machine is not None) and (wanted := self._wanted.take_now()) is not None:
                self._switch(*wanted)
            item = self._frames.take(timeout=0.1)
            if item is None:
                if self._frames.closed:
                    break
                shown = True
                continue
            shown = True
            generation, frame = item
            if self._machine is None:
                self._show_bare(generation, frame)
                continue
            if generation != self._generation:
                self._generation = generation
                self._machine.reset()
            try:
                result = self._machine(frame)
            except Exception as error:  # noqa: BLE001 - engines raise what their libraries raise
                self._machine.close()
                self._machine, self.engine_label = None, ""
                line = f"the engine failed: {first_line(error)}; choose another engine"
                self._tell("engine-failed", line, self._running)
                continue
            self._publish(generation, result)
        if self._machine is not None:
            self._machine.close()

    def _switch(self, recipe: Recipe, kind: str) -> None:
        asked = (recipe.name, kind)
        try:
            engine = self._open(recipe, kind)
            engine.warm_up()
        except InputError as error:
            self._tell("engine-failed", str(error), asked)
            return
        except Exception as error:  # noqa: BLE001 - as above: the window must survive any engine
            self._tell("engine-failed", f"engine {kind} could not start: {first_line(error)}", asked)
            return
        if self._machine is not None:
            self._machine.close()
        self._recipe, self._running = recipe, asked
        self._machine = PoseMachine(recipe, engine)
        self.engine_label = engine.describe().label
        self._tell("engine", self.engine_label, asked)

    def _show_bare(self, generation: int, frame: Frame) -> None:
        if self._recipe is not None:
            self._publish(
                generation,
                Result(frame, (), self._recipe.skeleton, self._recipe.name, 0, self._recipe.joint_threshold,
                       finished_ns=time.monotonic_ns()),
            )  # fmt: skip
