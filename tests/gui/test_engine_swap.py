"""The real window while TensorRT is built: the picture goes on, the engine is swapped, a build can be stopped or fail.

The GPU's engines are stand-ins on the CPU, for there is none here; window, threads, loader and the build's
process, with its progress on a pipe, are the real ones. CPM_LIVE_SHOTS=FOLDER keeps pictures of the states.
"""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from cpm_live.engines import build, build_cache, probe
from cpm_live.engines.base import EngineInfo
from cpm_live.engines.build import Build
from cpm_live.engines.probe import Found
from cpm_live.engines.recipe import Recipe
from cpm_live.gui.window import MainWindow
from cpm_live.pipeline import worker
from cpm_live.pipeline.engine_loader import EngineLoader
from tests.gui.conftest import Opener, wait_for_pose
from tests.gui.fakes import KnowingEngine, openers

LABELS = {"cpu": "CPU (stand-in)", "cuda": "CUDA fp16 (stand-in)", "tensorrt": "TensorRT fp16 (stand-in)"}


class Labelled(KnowingEngine):
    """The knowing engine under a GPU engine's name."""

    def __init__(self, joints: int, kind: str) -> None:
        super().__init__(joints)
        self.kind = kind

    def describe(self) -> EngineInfo:
        return EngineInfo(self.kind, LABELS[self.kind], "stand-in", "fp16")


class Bay:
    """What the build's process does, and what is in the cache afterwards."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.built = tmp_path / "built"
        self.script = tmp_path / "build.py"
        self.go_on = tmp_path / "go on"
        self.opened: list[str] = []
        monkeypatch.setattr(probe, "cuda", lambda: Found("cuda", True, "a stand-in"))
        monkeypatch.setattr(probe, "tensorrt", lambda: Found("tensorrt", True, "a stand-in"))
        monkeypatch.setattr(build_cache, "missing", lambda recipe: ([] if self.built.exists() else [1, 2], ""))
        monkeypatch.setattr(build_cache, "folder", lambda: tmp_path)
        monkeypatch.setattr(build, "request_for", lambda recipe, batches, where: {})
        command = (sys.executable, str(self.script))
        monkeypatch.setattr(
            worker, "EngineLoader", lambda *given: EngineLoader(*given, builder=partial(Build, command=command))
        )

    def process(self, *lines: str) -> None:
        """The build: one step, then a wait for the test, then these lines of Python."""
        head = f"""
            import json, pathlib, sys, time
            def tell(**what): print(json.dumps(what), flush=True)
            tell(step="choosing kernels for 1 at once", done=1, of=3)
            while not pathlib.Path({str(self.go_on)!r}).exists(): time.sleep(0.01)
        """
        self.script.write_text("\n".join([textwrap.dedent(head), *lines]), encoding="utf-8")

    def open(self, recipe: Recipe, kind: str) -> Labelled:
        self.opened.append(kind)
        return Labelled(len(recipe.skeleton), kind)


@pytest.fixture
def bay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bay:
    return Bay(monkeypatch, tmp_path)


@pytest.fixture
def building(bay: Bay, open_window: Opener, qtbot: QtBot) -> MainWindow:
    """A window that runs on CUDA while TensorRT's build is at its first step."""
    bay.process(f"pathlib.Path({str(bay.built)!r}).touch()")
    window = open_window(fakes=replace(openers(), engine=bay.open), engine="auto")
    wait_for_pose(window, qtbot)
    qtbot.waitUntil(lambda: window.session.live.engine_label == LABELS["cuda"], timeout=5000)
    qtbot.waitUntil(lambda: window.toolbar.engine.progress.value() == 33, timeout=20000)
    return window


def shoot(window: MainWindow, name: str) -> None:
    if folder := os.environ.get("CPM_LIVE_SHOTS"):
        window.grab().save(str(Path(folder) / f"{name}.png"))


def said_in(window: MainWindow) -> str:
    notice = window.picture.banner.notice
    return notice.text if notice is not None else ""


def goes_on(window: MainWindow, qtbot: QtBot, poses: int = 5) -> None:
    """Pictures with poses keep coming."""
    indices: set[int] = set()

    def more() -> bool:
        result = window.picture.result
        if result is not None and result.poses:
            indices.add(result.frame.index)
        return len(indices) >= poses

    qtbot.waitUntil(more, timeout=5000)


def longest_gap(window: MainWindow, qtbot: QtBot, until: Callable[[], bool]) -> float:
    """Seconds between two painted results, at most, until something holds and a little longer."""
    gaps, last, seen = [0.0], time.monotonic(), -1

    def done() -> bool:
        nonlocal last, seen
        result = window.picture.result
        if result is not None and result.frame.index != seen:
            now = time.monotonic()
            gaps.append(now - last)
            last, seen = now, result.frame.index
        return until()

    qtbot.waitUntil(done, timeout=20000)
    return max(gaps)


def test_cpu_first_then_cuda_then_tensorrt_without_a_pause(bay: Bay, building: MainWindow, qtbot: QtBot) -> None:
    window = building
    result = window.picture.result
    assert result is not None
    number = result.poses[0].id
    assert "building TensorRT: body: choosing kernels" in window.status.engine.toolTip()
    assert window.toolbar.engine.cancel.isVisible()
    goes_on(window, qtbot)
    shoot(window, "building")
    bay.go_on.touch()
    gap = longest_gap(window, qtbot, lambda: window.session.live.engine_label == LABELS["tensorrt"])
    assert bay.opened == ["cpu", "cuda", "tensorrt"]
    goes_on(window, qtbot)
    qtbot.waitUntil(lambda: not window.toolbar.engine.progress.isVisible(), timeout=5000)
    qtbot.waitUntil(lambda: window.status.engine.toolTip() == LABELS["tensorrt"], timeout=5000)
    shoot(window, "swapped")
    result = window.picture.result
    assert result is not None
    assert result.poses[0].id == number, "whoever is followed stays followed"
    # Not a benchmark: a picture that waits for an engine to open stands for much longer than this.
    assert gap < 3.0


def test_a_build_is_stopped_and_cuda_goes_on(bay: Bay, building: MainWindow, qtbot: QtBot) -> None:
    window = building
    qtbot.mouseClick(window.toolbar.engine.cancel, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "cancelled" in said_in(window), timeout=5000)
    qtbot.waitUntil(lambda: not window.toolbar.engine.progress.isVisible(), timeout=5000)
    goes_on(window, qtbot)
    shoot(window, "cancelled")
    assert window.session.live.engine_label == LABELS["cuda"]
    assert not bay.built.exists() and bay.opened == ["cpu", "cuda"]


@pytest.mark.parametrize(
    "line, said",
    [
        ("tell(failed='TensorRT could not build body for 1 at once: no kernel fits'); sys.exit(1)", "no kernel fits"),
        ("sys.stderr.write('Segmentation fault'); import os; os.kill(os.getpid(), 11)", "ended with signal 11"),
    ],
)
def test_a_build_that_fails_is_one_line_and_cuda_goes_on(
    bay: Bay, open_window: Opener, qtbot: QtBot, line: str, said: str
) -> None:
    bay.process(line)
    bay.go_on.touch()
    window = open_window(fakes=replace(openers(), engine=bay.open), engine="auto")
    qtbot.waitUntil(lambda: said in said_in(window), timeout=20000)
    wait_for_pose(window, qtbot)
    goes_on(window, qtbot)
    shoot(window, "failed" if "kernel" in said else "died")
    assert "\n" not in said_in(window)
    assert window.session.live.engine_label == LABELS["cuda"]
