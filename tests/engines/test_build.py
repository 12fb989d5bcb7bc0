"""The build process from outside: progress, cancel, and every way it can end. Real processes, without TensorRT."""

from __future__ import annotations

import _thread
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cpm_live.engines import build_cache
from cpm_live.engines.build import COMMAND, Build, Progress, build_now
from cpm_live.engines.recipe import find

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(build_cache, "cache_dir", lambda: tmp_path / "cache")


def run(script: str) -> list[Progress]:
    told: list[Progress] = []
    build = Build(find("body"), [1], told.append, [sys.executable, "-c", script])
    build.start()
    build.join(30)
    assert not build.is_alive()
    return told


def test_progress_and_success() -> None:
    told = run(
        "import json\nprint('noise')\nprint('[1]')\n"
        "print(json.dumps({'step': 'choosing', 'done': 1, 'of': 4}))\nprint(json.dumps({'built': 1}))"
    )
    assert told == [
        Progress("building", "body: choosing", 0.25),
        Progress("built", "TensorRT engine of body built", 1.0),
    ]


def test_what_the_process_says_is_what_is_told() -> None:
    told = run("import json, sys\nprint(json.dumps({'failed': 'no kernel'}))\nsys.exit(1)")
    assert told == [Progress("failed", "no kernel")]


@pytest.mark.parametrize(
    ("script", "line"),
    [
        (
            "import sys; print('Traceback\\nValueError: boom', file=sys.stderr); sys.exit(3)",
            "status 3: ValueError: boom",
        ),
        ("import os; os.kill(os.getpid(), 9)", "killed by the system, most likely for want of memory"),
        ("import os; os.kill(os.getpid(), 11)", "signal 11: it said nothing"),
    ],
)
def test_a_process_that_dies_is_one_line(script: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # With it a process that dies says where, and that is then the line.
    monkeypatch.delenv("PYTHONFAULTHANDLER", raising=False)
    (last,) = run(script)
    assert last.state == "failed" and line in last.text and "build.log" in last.text and "\n" not in last.text


def test_a_command_that_is_not_there() -> None:
    told: list[Progress] = []
    build = Build(find("body"), [1], told.append, ["/no/such/python"])
    build.start()
    build.join(10)
    assert told == [Progress("failed", "the TensorRT build did not start: No such file or directory (/no/such/python)")]


def test_cancel_ends_the_process_at_once() -> None:
    told: list[Progress] = []
    started = threading.Event()

    def tell(progress: Progress) -> None:
        told.append(progress)
        started.set()

    script = "import time, json\nprint(json.dumps({'step': 'x', 'done': 0, 'of': 1}), flush=True)\ntime.sleep(60)"
    build = Build(find("body"), [1], tell, [sys.executable, "-c", script])
    build.start()
    assert started.wait(20)
    before = time.monotonic()
    build.cancel()
    build.join(10)
    assert not build.is_alive() and time.monotonic() - before < 5
    assert told[-1] == Progress("cancelled", "building body for TensorRT was cancelled")
    assert build._process is not None and build._process.poll() is not None


def test_cancel_before_the_process_runs() -> None:
    told: list[Progress] = []
    build = Build(find("body"), [1], told.append, ["/no/such/python"])
    build.cancel()
    build.start()
    build.join(10)
    assert told[-1].state == "cancelled" and build._process is None


def test_ctrl_c_cancels(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import time, json\nprint(json.dumps({'step': 'x', 'done': 0, 'of': 1}), flush=True)\ntime.sleep(60)"
    monkeypatch.setattr(Build.__init__, "__defaults__", ([sys.executable, "-c", script],))

    def tell(progress: Progress) -> None:
        if progress.state == "building":
            threading.Timer(0.3, _thread.interrupt_main).start()

    # Background jobs of a shell ignore Ctrl-C, and so would the test.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert build_now(find("body"), [1], tell).state == "cancelled"
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_error_that_nobody_foresaw_is_still_the_last_line() -> None:
    begins = "from cpm_live.engines.tensorrt_build import end_with_owner\nend_with_owner()\n"
    (last,) = run(begins + "raise RuntimeError('CUDA is ill')")
    assert last.state == "failed" and "status 1" in last.text and "RuntimeError: CUDA is ill" in last.text


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for the process in /proc")
def test_a_build_ends_with_whoever_asked_for_it(tmp_path: Path) -> None:
    """Also where that is killed, and can end nothing: else TensorRT would go on for minutes, and nobody would know."""
    pid = tmp_path / "pid"
    child = (
        "import os, sys, time\nfrom cpm_live.engines.tensorrt_build import end_with_owner\nend_with_owner()\n"
        f"open({str(pid)!r} + '.part', 'w').write(str(os.getpid()))\n"
        f"os.rename({str(pid)!r} + '.part', {str(pid)!r})\ntime.sleep(100)"
    )
    parent = (
        "import sys\nfrom cpm_live.engines.build import Build\nfrom cpm_live.engines.recipe import find\n"
        f"Build(find('body'), [1], print, [sys.executable, '-c', {child!r}]).run()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path)}
    owner = subprocess.Popen([sys.executable, "-c", parent], env=environment)
    deadline = time.monotonic() + 60
    while not pid.exists() and owner.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    builds = Path(f"/proc/{pid.read_text()}/stat")
    assert builds.exists()
    owner.kill()
    owner.wait(10)
    # Nobody may be there to collect it: a process that has ended is a zombie then.
    while builds.exists() and " Z " not in builds.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not builds.exists() or " Z " in builds.read_text()


def test_the_real_process_says_in_one_line_what_is_missing() -> None:
    """On a machine without an NVIDIA GPU; with one this is what test_contract builds."""
    from cpm_live.engines import nvidia

    if nvidia.find_gpu() is not None:
        pytest.skip("this machine has an NVIDIA GPU")
    told: list[Progress] = []
    build = Build(find("body"), [1], told.append, COMMAND)
    build.start()
    build.join(60)
    assert told[-1].state == "failed"
    assert told[-1].text == "engine cuda: no NVIDIA GPU with a driver was found; use --engine auto"


def test_nothing_of_the_working_folder_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The window may be started in a folder that somebody else filled."""
    (tmp_path / "numpy.py").write_text("raise SystemExit('code of the working folder ran')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    told: list[Progress] = []
    build = Build(find("body"), [], told.append, COMMAND)
    build.start()
    build.join(60)
    assert told == [Progress("built", "TensorRT engine of body built", 1.0)], "no engine was asked for"
