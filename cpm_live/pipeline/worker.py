"""The worker thread: owns the engine, turns the newest frame into a result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from cpm_live.core.errors import InputError, first_line
from cpm_live.core.frame import Frame
from cpm_live.core.mailbox import Mailbox
from cpm_live.core.memory import give_back_freed
from cpm_live.core.pose import Result
from cpm_live.engines.base import Engine, close_quietly
from cpm_live.engines.build import Progress
from cpm_live.engines.recipe import Recipe
from cpm_live.engines.select import ACCELERATED, LABELS
from cpm_live.pipeline.beside import OpenedBeside
from cpm_live.pipeline.engine_loader import EngineLoader, Opened
from cpm_live.pipeline.finding import Finder, FinderOpener, engine_beside
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.pipeline.options import Options


class Worker(threading.Thread):
    """Takes frames from a mailbox until it closes.

    Args:
        publish: takes (generation, result); must not wait.
        tell: takes (kind, message, (model, engine)): ``engine``, ``engine-failed`` or ``engine-note``, and which
            was asked for. Called on other threads too.
        engine_opener: opens the engine of a recipe.
        finder_opener: makes the finder; None searches with the pose network. It is first opened on the CPU, which is
            quick, and on the GPU beside, where that runs the poses.
    """

    def __init__(
        self,
        frames: Mailbox[tuple[int, Frame]],
        publish: Callable[[int, Result], None],
        tell: Callable[[str, str, tuple[str, str]], None],
        engine_opener: Callable[[Recipe, str], Engine],
        finder_opener: FinderOpener | None = None,
    ) -> None:
        super().__init__(name="worker", daemon=True)
        self._frames, self._publish, self._tell, self._open = frames, publish, tell, engine_opener
        self._open_finder = finder_opener
        self.options = Options()
        self.curious = False
        self._loader = EngineLoader(engine_opener, tell)
        self._wanted: Mailbox[tuple[Recipe, str]] = Mailbox()
        self._machine: PoseMachine | None = None
        self._hands: OpenedBeside[Engine] | None = None
        self._no_hands_yet: tuple[int, Frame] | None = None
        self._finder: tuple[OpenedBeside[Finder], str] | None = None
        self._finder_kind = "cpu"
        self._recipe: Recipe | None = None
        self._running = ("", "")
        self._generation = -1
        self.engine_label = ""

    def load(self, recipe: Recipe, engine: str) -> None:
        """Ask for another model or engine; of several requests the last one counts."""
        if self._recipe is None:
            self._recipe = recipe
        self._wanted.put((recipe, engine))

    @property
    def build_progress(self) -> Progress | None:
        """Of a TensorRT build that runs beside."""
        return self._loader.progress

    @property
    def finder_moves(self) -> bool:
        """Whether the finder is being opened where the poses are."""
        return self._finder is not None

    def cancel_build(self) -> None:
        """Stop building; the engine that runs goes on."""
        self._loader.cancel()

    def run(self) -> None:
        """The thread's body."""
        shown = False
        while True:
            # A first frame is shown before the engine is loaded, so that the window is not empty.
            if (shown or self._machine is not None) and (wanted := self._wanted.take_now()) is not None:
                self._loader.load(*wanted, running=self._machine is not None)
            if (opened := self._loader.take()) is not None:
                self._switch(opened)
            item = self._frames.take(timeout=0.1) or self._once_more()
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
            self._machine.options, self._machine.curious = self.options, self.curious
            self._take_finder(self._machine)
            problem, result = "", None
            try:
                result = self._machine(frame)
            except Exception as error:  # noqa: BLE001 - engines raise what their libraries raise
                problem = first_line(error)
            if result is not None:
                waiting = self.curious and self._machine.with_hands and result.hand_skeleton is None
                self._no_hands_yet = item if waiting else None
                self._publish(generation, result)
            else:
                # Only here is what was on the GPU free to go: an error keeps what its frames hold.
                self._engine_died(self._machine, problem)
        self._loader.close()
        self._give_up()
        if self._machine is not None:
            self._machine.close()

    def _once_more(self) -> tuple[int, Frame] | None:
        """The picture that stands still, once the hands' engine is there: it was looked at without."""
        if self._no_hands_yet is None or self._hands is None or not (self.curious and self._hands.answers):
            return None
        (generation, frame), self._no_hands_yet = self._no_hands_yet, None
        return generation, replace(frame, captured_ns=time.perf_counter_ns())

    def _switch(self, opened: Opened) -> None:
        """Go on with another engine; people who are followed stay followed if it runs the same model."""
        recipe, kind, engine = opened.recipe, opened.asked, opened.engine
        machine, asked = self._machine, (recipe.name, kind)

        self._give_up()
        # Beside, for the picture must not wait for it. Of the same kind, also where that is the CPU only until a GPU is
        # ready: else hands would wait for the GPU. TensorRT engines are built for the model that was asked for: the
        # hands' may not be there, and CUDA's will do.
        hands_kind = "auto" if opened.kind == "tensorrt" else opened.kind

        def on_the_cpu(hand: Recipe, error: Exception) -> Engine:
            self._tell("engine-note", f"hands run on the CPU: {first_line(error)}", asked)
            return self._open(hand, "cpu")

        instead = on_the_cpu if hands_kind in ACCELERATED else None
        self._hands = open_hands = OpenedBeside(lambda hand: self._open(hand, hands_kind), instead)
        if machine is not None and recipe == self._recipe and engine.preset == machine.engine.preset:
            close_quietly(machine.swap(engine, open_hands))
        else:
            if machine is not None:
                close_quietly(machine)
            self._finder_kind = "cpu"
            machine = self._machine = PoseMachine(
                recipe,
                engine,
                options=self.options,
                finder=self._open_finder,
                hand_engine=open_hands,
                hands_failed=lambda line: self._tell("engine-note", line, asked),
            )
        give_back_freed()
        self._open_finder_beside(machine)
        self._recipe, self._running = recipe, asked
        self.engine_label = engine.describe().label
        self._tell("engine", self.engine_label, asked)

    def _open_finder_beside(self, machine: PoseMachine) -> None:
        """Have the finder opened where it belongs, if it does not run there."""
        opener, model = self._open_finder, machine.recipe.kind
        kind = engine_beside(machine.engine.describe().kind)
        if opener is None or model is None or kind == self._finder_kind:
            return

        def opened(_recipe: Recipe) -> Finder:
            finder = opener(kind)
            if finder is None:
                raise InputError("it has no weights")
            return finder

        self._finder = OpenedBeside(opened, warm_up=lambda finder: finder.warm_up(model)), kind

    def _take_finder(self, machine: PoseMachine) -> None:
        """Go on with the finder that was opened beside, once it is there."""
        if self._finder is None:
            return
        beside, kind = self._finder
        try:
            finder = beside(machine.recipe)
        except Exception as error:  # noqa: BLE001 - engines raise what their libraries raise; the other one goes on
            self._finder = None
            self._tell("engine-note", f"the finder does not run on {LABELS[kind]}: {first_line(error)}", self._running)
            return
        if finder is not None:
            self._finder, self._finder_kind = None, kind
            if (before := machine.use_finder(finder)) is not None:
                close_quietly(before)

    def _give_up(self) -> None:
        """What is being opened beside the engine, or lies ready, is not wanted any more."""
        hands = self._hands.give_up() if self._hands is not None else None
        finder = self._finder[0].give_up() if self._finder is not None else None
        self._finder = None
        for left in (hands, finder):
            if left is not None:
                close_quietly(left)

    def _engine_died(self, machine: PoseMachine, problem: str) -> None:
        info = machine.engine.describe()
        self._machine, self.engine_label = None, ""
        line = f"the engine failed: {problem}"
        outstanding = self._loader.outstanding
        if outstanding is not None and outstanding[0] != self._recipe:
            # Another model is on its way, and nobody waits for this one; it must not fail for want of this one.
            self._tell("engine-failed", line, self._running)
            self._loader.load(*outstanding, running=False)
        elif self._recipe is not None and info.kind in ACCELERATED:
            # A GPU runs out of memory or falls off the bus; the CPU is still there.
            self._tell("engine-failed", f"{line}; going on with the CPU", self._running)
            self._loader.load(self._recipe, "cpu", running=False)
        else:
            self._tell("engine-failed", f"{line}; choose another engine", self._running)
        close_quietly(machine)

    def _show_bare(self, generation: int, frame: Frame) -> None:
        if self._recipe is not None:
            self._publish(
                generation,
                Result(frame, (), self._recipe.skeleton, self._recipe.name, 0, self._recipe.joint_threshold,
                       finished_ns=time.perf_counter_ns()),
            )  # fmt: skip
