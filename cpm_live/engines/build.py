"""Building TensorRT engines beside the running app: progress while it lasts, cancelled at once."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cpm_live.core.errors import first_line
from cpm_live.engines import build_cache
from cpm_live.engines.recipe import Recipe
from cpm_live.engines.request import request_for


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a build is.

    Attributes:
        state: ``building``, then one of ``built``, ``cancelled`` and ``failed``.
        text: one line.
        share: done, 0 to 1.
    """

    state: str
    text: str
    share: float = 0.0


COMMAND: Sequence[str] = (sys.executable, "-P", "-m", "cpm_live.engines.tensorrt_build")
"""Without ``-P`` Python would look for modules in the working folder first: whoever starts the window among somebody
else's films would run the ``numpy.py`` that lies there."""


class Build(threading.Thread):
    """Runs the build process and listens to it.

    Args:
        recipe: whose engines.
        batches: which batch sizes.
        tell: called on this thread; the last call has another state than ``building``.
        command: the process; others in tests.
    """

    def __init__(
        self, recipe: Recipe, batches: Sequence[int], tell: Callable[[Progress], None], command: Sequence[str] = COMMAND
    ) -> None:
        super().__init__(name="tensorrt-build", daemon=True)
        self.recipe, self._batches, self._tell, self._command = recipe, batches, tell, command
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._cancelled = False
        self.finished = threading.Event()

    def cancel(self) -> None:
        """Stop building; ``cancelled`` follows."""
        with self._lock:
            self._cancelled = True
            if self._process is not None:
                # TensorRT does not listen while it tries kernels; nothing half-written is ever used.
                self._process.kill()

    def run(self) -> None:
        """The thread's body."""
        try:
            last = self._build()
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            last = Progress("failed", f"the TensorRT build did not start: {error.strerror}{where}")
        except Exception as error:  # noqa: BLE001 - somebody waits for the end of this thread, whatever it meets
            last = Progress("failed", f"the TensorRT build did not start: {first_line(error)}")
        if self._cancelled:
            last = Progress("cancelled", f"building {self.recipe.name} for TensorRT was cancelled")
        try:
            self._tell(last)
        finally:
            self.finished.set()

    def _build(self) -> Progress:
        where = build_cache.folder()
        where.mkdir(parents=True, exist_ok=True)
        log = where / "build.log"
        request = json.dumps(request_for(self.recipe, self._batches, where))
        with log.open("w", encoding="utf-8") as said:
            with self._lock:
                if self._cancelled:
                    return Progress("cancelled", "")
                self._process = subprocess.Popen(
                    [*self._command, request],
                    stdout=subprocess.PIPE,
                    stderr=said,
                    # It ends when this closes: with us, if we are killed.
                    stdin=subprocess.PIPE,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                )
            assert self._process.stdin is not None
            with self._process.stdin:
                failed = self._listen(self._process)
                status = self._process.wait()
        if failed:
            return Progress("failed", failed)
        if status:
            return Progress("failed", _ended(status, log))
        return Progress("built", f"TensorRT engine of {self.recipe.name} built", 1.0)

    def _listen(self, process: subprocess.Popen[str]) -> str:
        """Pass on what the process tells; the line it failed with, if it did."""
        failed = ""
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                try:
                    told = json.loads(line)
                except ValueError:
                    continue  # not ours: a library wrote to the pipe
                if not isinstance(told, dict):
                    continue
                failed = told.get("failed", failed)
                if "step" in told:
                    share = told["done"] / max(1, told["of"])
                    self._tell(Progress("building", f"{self.recipe.name}: {told['step']}", share))
        return failed


def _ended(status: int, log: Path) -> str:
    """A process that ended without saying why."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    if status in (-9, 137):
        return f"the TensorRT build was killed by the system, most likely for want of memory (see {log})"
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return f"the TensorRT build ended with {how}: {lines[-1][:160] if lines else 'it said nothing'} (see {log})"


def build_now(recipe: Recipe, batches: Sequence[int], tell: Callable[[Progress], None]) -> Progress:
    """Build and wait for it; Ctrl-C cancels. The last progress."""
    last = Progress("failed", "")

    def keep(progress: Progress) -> None:
        nonlocal last
        last = progress
        tell(progress)

    build = Build(recipe, batches, keep)
    build.start()
    try:
        # Not join: where Ctrl-C interrupts it, Python 3.11 takes the thread for ended.
        while not build.finished.wait(0.2):
            pass
    except KeyboardInterrupt:
        build.cancel()
        build.finished.wait(10)
    return last
