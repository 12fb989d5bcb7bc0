"""Opens engines beside the worker, so that the picture never waits for one, and has TensorRT's built.

The worker goes on with what it has and takes the next engine between two frames.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from cpm_live.core.errors import InputError, first_line
from cpm_live.engines import build_cache
from cpm_live.engines.base import OPENING, Engine, close_quietly, opened_warm
from cpm_live.engines.build import Build, Progress
from cpm_live.engines.recipe import Recipe
from cpm_live.engines.select import plan

Asked = tuple[str, str]
"""Model and engine, as asked for."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An engine that is warm and ready to be used.

    Attributes:
        asked: the kind that was asked for.
        kind: which one it is: a better one may follow.
    """

    recipe: Recipe
    asked: str
    kind: str
    engine: Engine


@dataclass(frozen=True, slots=True)
class _Job:
    recipe: Recipe
    kind: str
    built: bool = False


class EngineLoader:
    """Owns the loading thread and the build process. All methods return at once, except :meth:`close`.

    Args:
        opener: opens an engine of a recipe by kind.
        tell: takes (kind, message, asked): ``engine-failed`` or ``engine-note``; called on other threads.
        builder: makes a build; others in tests.
    """

    def __init__(
        self,
        opener: Callable[[Recipe, str], Engine],
        tell: Callable[[str, str, Asked], None],
        builder: Callable[..., Build] = Build,
    ) -> None:
        self._open, self._tell, self._builder = opener, tell, builder
        self._wake = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._serving: _Job | None = None
        self._ready: Opened | None = None
        self._wish = 0
        self._closed = self._running = False
        self._build: Build | None = None
        self._progress: Progress | None = None
        self._ended: set[tuple[str, int]] = set()
        """Weights and batch sizes whose build failed or was stopped: not tried again unless asked for by name."""
        self._thread: threading.Thread | None = None

    def load(self, recipe: Recipe, kind: str, running: bool) -> None:
        """Ask for an engine; what was asked for before is given up.

        Args:
            running: whether some engine runs meanwhile.
        """
        with self._wake:
            self._wish += 1
            self._jobs.clear()
            self._jobs.append(_Job(recipe, kind))
            self._running = running
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="engine-loader", daemon=True)
                self._thread.start()
            self._wake.notify_all()
        self._stop_build()

    def take(self) -> Opened | None:
        """The engine to use from now on, if there is a new one."""
        with self._wake:
            opened, self._ready = self._ready, None
        return opened

    @property
    def outstanding(self) -> tuple[Recipe, str] | None:
        """What was asked for last and is neither ready nor given up; None when nothing is."""
        with self._wake:
            job = self._jobs[-1] if self._jobs else self._serving
            return (job.recipe, job.kind) if job is not None and self._ready is None else None

    @property
    def progress(self) -> Progress | None:
        """Of a build that runs."""
        # One that was given up just now may have had its last word after that.
        return self._progress if self._build is not None else None

    def cancel(self) -> None:
        """Stop building; the engine that runs goes on."""
        build = self._build
        if build is not None:
            build.cancel()

    def close(self, timeout: float = 5.0) -> None:
        """End the thread and the build. May wait."""
        with self._wake:
            self._closed = True
            self._jobs.clear()
            self._wake.notify_all()
        self._stop_build()
        if self._thread is not None:
            self._thread.join(timeout)
        if (left := self.take()) is not None:
            close_quietly(left.engine)

    # -- the thread -------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._jobs and not self._closed:
                    self._wake.wait()
                if self._closed:
                    return
                job, wish = self._jobs.popleft(), self._wish
                self._serving = job
            try:
                self._serve(job, wish)
            except Exception as error:  # noqa: BLE001 - the thread must outlive what planning runs into
                if not self._running:
                    self._offer(_Job(job.recipe, "auto"), "cpu", wish)  # a window without an engine shows nothing
                self._tell("engine-failed", first_line(error), (job.recipe.name, job.kind))
            self._serving = None

    def _serve(self, job: _Job, wish: int) -> None:
        if job.built:
            if (problem := self._offer(job, "tensorrt", wish)) is not None:
                self._tell("engine-note", problem, (job.recipe.name, job.kind))
            return
        wanted = plan(job.recipe, job.kind)
        if wanted.note:
            self._tell("engine-note", wanted.note, (job.recipe.name, job.kind))
        quick = bool(wanted.quick) and not self._running and self._offer(job, wanted.quick, wish) is None
        problems: list[str] = []
        for kind in wanted.best:
            if wish != self._wish or (problem := self._offer(job, kind, wish)) is None:
                break
            problems.append(problem)
        else:
            self._settle(job, wish, problems, wanted.quick, quick)
            problems = []
        failed = bool(problems)
        if problems and wish == self._wish:
            # The next best runs; why not the best one is worth a line.
            self._tell("engine-note", problems[0], (job.recipe.name, job.kind))
        refused = wanted.best[:1] == ("tensorrt",) and failed
        if (wanted.build or refused) and wish == self._wish:
            self._start_build(job, wish)

    def _settle(self, job: _Job, wish: int, problems: list[str], stopgap: str, runs: bool) -> None:
        """Nothing that was wanted opens: go on with what there is, and say why."""
        asked = (job.recipe.name, job.kind)
        # What ran before may be another model's: then the stopgap has not been opened yet.
        if job.kind == "auto" and (runs or (stopgap and self._offer(job, stopgap, wish) is None)):
            self._tell("engine-note", problems[0], asked)
            return
        if not self._running and job.kind not in ("auto", "cpu"):
            # A window without any engine shows nothing at all; under the name that will be remembered.
            instead = _Job(job.recipe, "auto")
            self._offer(instead, "cpu", wish)
        self._tell("engine-failed", problems[0], asked)

    def _offer(self, job: _Job, kind: str, wish: int) -> str | None:
        """Open an engine and lay it ready; the problem in one line, None if there was none."""
        with OPENING:
            return self._offered(job, kind, wish)

    def _offered(self, job: _Job, kind: str, wish: int) -> str | None:
        try:
            engine = opened_warm(lambda: self._open(job.recipe, kind))
        except InputError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - engines raise what their libraries raise
            return f"engine {kind} could not start: {first_line(error)}"
        with self._wake:
            before = self._ready
            if wish == self._wish and not self._closed:
                self._ready = Opened(job.recipe, job.kind, kind, engine)
                self._running = True
            else:
                before = Opened(job.recipe, job.kind, kind, engine)
        if before is not None:
            close_quietly(before.engine)
        return None

    # -- building ---------------------------------------------------------------------------------

    def _start_build(self, job: _Job, wish: int) -> None:
        missing, _ = build_cache.missing(job.recipe)
        weights = str(job.recipe.weights)
        if job.kind != "tensorrt":
            missing = [batch for batch in missing if (weights, batch) not in self._ended]
        if not missing:
            return

        def tell(progress: Progress) -> None:
            if self._build is not build:
                return  # given up for another wish
            self._progress = progress if progress.state == "building" else None
            if progress.state == "building":
                return
            self._build = None
            if progress.state != "built":
                self._ended |= {(weights, batch) for batch in missing}
                self._tell("engine-note", progress.text, (job.recipe.name, job.kind))
            # Where only larger batches failed, what is there is used.
            if progress.state == "built" or (1 in missing and 1 not in build_cache.missing(job.recipe)[0]):
                with self._wake:
                    if wish == self._wish and not self._closed:
                        self._jobs.append(_Job(job.recipe, job.kind, built=True))
                        self._wake.notify_all()

        build = self._builder(job.recipe, missing, tell)
        with self._wake:
            # Whoever wishes for something else from here on finds the build and cancels it.
            if wish != self._wish or self._closed:
                return
            self._build = build
            self._progress = Progress("building", f"{job.recipe.name}: starting", 0.0)
        build.start()

    def _stop_build(self) -> None:
        build, self._build, self._progress = self._build, None, None
        if build is not None:
            build.cancel()
