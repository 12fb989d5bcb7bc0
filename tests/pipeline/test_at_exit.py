"""Programs that end while something is still at work: as they mean to, not by an abort."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from weakref import WeakSet

import av
import pytest

from cpm_live.pipeline import at_exit

_MACHINE = """
import sys, threading, time
import numpy as np
from cpm_live import PoseMachine
machine, picture = PoseMachine("body", "cpu"), np.zeros((480, 640, 3), np.uint8)
def work():
    while True:
        machine.find(picture)
for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.5)
sys.exit(3)
"""

_SESSION = """
import sys, time
from pathlib import Path
from cpm_live import Live
from cpm_live.capture.open import SourceRequest
from cpm_live.engines.recipe import find
live = Live()
live.set_model(find("body"), "cpu")
live.set_source(SourceRequest("demo"))
while not live.engine_label:
    time.sleep(0.05)
live.start_recording(Path(sys.argv[1]))
while live.recording.written < 3:
    time.sleep(0.05)
raise KeyError("a mistake of the program's own")
"""


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("attempt", range(3))
def test_a_program_whose_threads_use_a_machine_ends_with_its_own_status(attempt: int) -> None:
    ended = _run(_MACHINE)
    assert (ended.returncode, ended.stderr) == (3, "")


def test_a_program_that_breaks_off_leaves_a_whole_recording(tmp_path: Path) -> None:
    ended = _run(_SESSION, str(tmp_path / "a.mp4"))
    assert ended.returncode == 1 and ended.stderr.strip().endswith('KeyError: "a mistake of the program\'s own"')
    told = json.loads((tmp_path / "a.json").read_text())
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == told["frames"] >= 3


_LATE = """
import sys, threading, time
from cpm_live import PoseMachine
def work():
    while True:
        PoseMachine("body", "cpu").close()
for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.8)
sys.exit(3)
"""

_FORKED = """
import os, sys, threading, time
import numpy as np
from cpm_live import PoseMachine
machine, picture = PoseMachine("body", "cpu"), np.zeros((480, 640, 3), np.uint8)
def work():
    while True:
        machine.find(picture)
threading.Thread(target=work, daemon=True).start()
time.sleep(0.5)
if not (child := os.fork()):
    sys.exit(0)
started = time.monotonic()
os.waitpid(child, 0)
print(f"{time.monotonic() - started:.1f}")
"""

_STOPPED = _SESSION.replace("raise KeyError", "live.stop(timeout=0.0)\nraise KeyError")


_LOADING = """
import sys, time
from cpm_live import Live
from cpm_live.capture.open import SourceRequest
from cpm_live.engines.recipe import find
live = Live()
live.set_model(find("body"), "cpu")
live.set_source(SourceRequest("demo"))
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize("after", ["0.0", "0.1", "0.25"])
def test_a_program_ends_while_a_session_loads_its_model(after: str) -> None:
    started = time.monotonic()
    ended = _run(_LOADING, after)
    # Ten seconds are what a worker is waited for that does not come.
    assert (ended.returncode, ended.stderr) == (0, "") and time.monotonic() - started < 9


def test_a_program_ends_while_a_machine_is_being_made() -> None:
    ended = _run(_LATE)
    assert (ended.returncode, ended.stderr) == (3, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_does_not_wait_for_threads_that_it_has_not() -> None:
    ended = _run(_FORKED)
    assert ended.returncode == 0 and float(ended.stdout) < 4.5


def test_a_session_that_was_stopped_in_a_hurry_is_still_finished(tmp_path: Path) -> None:
    ended = _run(_STOPPED, str(tmp_path / "a.mp4"))
    assert ended.returncode == 1
    told = json.loads((tmp_path / "a.json").read_text())
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == told["frames"] >= 3


def test_an_interrupted_end_still_finishes_what_was_begun() -> None:
    asked: list[int] = []

    class Hangs:
        def rest(self) -> None:
            asked.append(1)
            if len(asked) == 1:
                raise KeyboardInterrupt

    at_exit._bring_to_rest(Hangs())
    assert len(asked) == 2


def test_sessions_come_to_rest_before_the_machines_that_they_use(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[tuple[str, bool]] = []

    class Rests:
        def __init__(self, name: str) -> None:
            self.name = name

        def rest(self) -> None:
            order.append((self.name, at_exit._ENDING.is_set()))

    for name, value in (("_SESSIONS", WeakSet()), ("_MACHINES", WeakSet()), ("_ENDING", threading.Event())):
        monkeypatch.setattr(at_exit, name, value)
    kept = [Rests("machine"), Rests("session")]
    at_exit.rest_at_exit(kept[0])
    at_exit.rest_at_exit(kept[1], has_machine=True)
    at_exit._rest()
    assert order == [("session", False), ("machine", True)]
