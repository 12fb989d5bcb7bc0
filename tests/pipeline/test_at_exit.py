"""Programs that end while something is still at work: as they mean to, not by an abort."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import pytest

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


@pytest.mark.parametrize("attempt", range(2))
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
