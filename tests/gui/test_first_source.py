"""A camera or stream that is not there when the window opens, as where everything is switched on at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QSettings, Qt
from pytestqt.qtbot import QtBot

from cpm_live.capture.base import Source
from cpm_live.capture.demo import DemoSource
from cpm_live.capture.open import SourceRequest
from cpm_live.core.errors import InputError
from cpm_live.gui import first_source
from cpm_live.gui import settings as memory
from cpm_live.gui.first_source import LATE_CAMERA
from cpm_live.gui.window import MainWindow
from tests.gui.conftest import Opener, wait_for_pose
from tests.gui.fakes import RampSource, openers
from tests.gui.test_window import press

STREAM = "rtsp://127.0.0.1:9/cam"


class Late:
    """``camera:0`` and a stream that are there from some time on."""

    def __init__(self) -> None:
        self.there = False
        self.asked: list[str] = []
        self.fakes = replace(openers(), source=self._open)

    def _open(self, request: SourceRequest) -> Source:
        if request.text == "demo":
            return RampSource(DemoSource("body"))
        self.asked.append(request.text)
        if not self.there:
            why = "Connection refused" if request.text == STREAM else "no camera 0; this machine lists none"
            raise InputError(why)
        kind = "stream" if request.text == STREAM else "camera"
        return RampSource(DemoSource("body"), kind=kind, label="It")


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Iterator[Late]:
    monkeypatch.setattr(first_source, "LOOK_AGAIN_MS", 30)
    yield Late()


def _notice(window: MainWindow) -> str:
    notice = window.picture.banner.notice
    return notice.text if notice is not None else ""


def test_a_camera_that_was_asked_for_is_shown_as_soon_as_it_is_there(
    open_window: Opener, qtbot: QtBot, late: Late
) -> None:
    window = open_window("camera:0", fakes=late.fakes)
    wait_for_pose(window, qtbot)
    assert _notice(window) == LATE_CAMERA and "Demo" in window.windowTitle()
    # Another model begins the demo anew.
    press(qtbot, window, Qt.Key.Key_H)
    qtbot.waitUntil(lambda: len(late.asked) > 3, timeout=5000)
    late.there = True
    qtbot.waitUntil(lambda: "It" in window.windowTitle(), timeout=5000)
    assert window.session.source == "camera:0" and "is there now" in _notice(window)
    count = len(late.asked)
    qtbot.wait(150)
    assert len(late.asked) == count, "nobody looks for it any more"


def test_a_stream_that_was_asked_for_is_tried_again(open_window: Opener, qtbot: QtBot, late: Late) -> None:
    window = open_window(STREAM, fakes=late.fakes)
    qtbot.waitUntil(lambda: "trying again" in _notice(window), timeout=5000)
    late.there = True
    wait_for_pose(window, qtbot)
    assert window.session.source == STREAM


def test_whoever_opens_something_else_keeps_it(open_window: Opener, qtbot: QtBot, late: Late) -> None:
    window = open_window("camera:0", fakes=late.fakes)
    wait_for_pose(window, qtbot)
    # It does not open, and the demo goes on.
    window.choose_source(STREAM)
    qtbot.waitUntil(lambda: window.session.went_back, timeout=5000)
    late.there = True
    qtbot.wait(200)
    assert window.session.source == "demo"


def test_a_window_takes_no_camera_by_itself_that_nobody_asked_for(
    open_window: Opener, qtbot: QtBot, late: Late
) -> None:
    """It may have been plugged in for another program."""
    window = open_window(None, fakes=late.fakes)
    wait_for_pose(window, qtbot)
    late.there = True
    qtbot.wait(200)
    assert window.session.source == "demo" and not late.asked


@pytest.mark.parametrize(("source", "alone"), [("camera:0", True), ("", True), (STREAM, True), (STREAM, False)])
def test_an_exhibit_waits_also_for_what_was_used_last(
    open_window: Opener, qtbot: QtBot, late: Late, store: QSettings, source: str, alone: bool
) -> None:
    memory.save(store, replace(memory.Settings(), source=source))
    window = open_window(None, fakes=late.fakes, alone=alone)
    wait_for_pose(window, qtbot)
    assert window.session.source == "demo"
    late.there = True
    if alone:
        qtbot.waitUntil(lambda: window.session.source == (source or "camera:0"), timeout=5000)
    else:
        qtbot.wait(200)
        assert window.session.source == "demo"


def test_a_window_that_closes_while_it_looks(open_window: Opener, qtbot: QtBot, late: Late) -> None:
    window = open_window("camera:0", fakes=late.fakes)
    wait_for_pose(window, qtbot)
    qtbot.waitUntil(lambda: len(late.asked) > 2, timeout=5000)
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
    assert not any(thread.is_alive() for thread in window.session._first.stop())
    count = len(late.asked)
    qtbot.wait(150)
    assert len(late.asked) == count


def test_a_camera_that_is_just_being_looked_for_can_be_chosen(
    open_window: Opener, qtbot: QtBot, late: Late, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever plugs it in and chooses it at once; a camera is there for one at a time."""
    taken, looked = threading.Lock(), threading.Event()

    class Only(RampSource):
        def close(self) -> None:
            if taken.locked():
                taken.release()

    def source(request: SourceRequest) -> Source:
        if request.text == "demo" or not late.there:
            return late.fakes.source(request)
        if not taken.acquire(blocking=False):
            raise InputError("camera 0 cannot be opened; another program may be using it")
        looked.set()
        time.sleep(0.3)  # until it gives its first picture
        return Only(DemoSource("body"), kind="camera", label="It")

    window = open_window("camera:0", fakes=replace(late.fakes, source=source))
    wait_for_pose(window, qtbot)
    late.there = True
    qtbot.waitUntil(looked.is_set, timeout=5000)
    window.choose_source("camera:0")
    qtbot.waitUntil(lambda: window.session.info is not None and window.session.info.kind == "camera", timeout=5000)
    assert "another program" not in _notice(window)
