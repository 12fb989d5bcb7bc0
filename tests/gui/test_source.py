"""Where pictures come from, as the person at the window sees it: cameras, files, failures."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from pytestqt.qtbot import QtBot

from cpm_live.capture.camera import Device
from cpm_live.capture.open import SourceRequest
from cpm_live.core.errors import InputError
from cpm_live.gui import settings as memory
from cpm_live.gui.window import MainWindow
from cpm_live.pipeline.live import Event
from tests.gui.conftest import Opener, wait_for_pose
from tests.gui.fakes import fake_source, one_camera, openers
from tests.gui.test_window import press

Key = Qt.Key


def test_lost_source_is_shown_until_it_is_back(window: MainWindow, qtbot: QtBot) -> None:
    info = window.session.info
    window.session._handle(Event("source-lost", "camera 0 stopped delivering; reconnecting", info))
    assert window.picture.banner.isVisible()
    window.session._handle(Event("source", "", info))
    assert not window.picture.banner.isVisible()


def test_a_source_that_was_lost_and_is_back_keeps_what_was_set_for_it(window: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, window, Key.Key_M)
    assert window.state.view.mirror
    qtbot.waitUntil(lambda: len(window.charts.history.times()) > 5, timeout=3000)
    info = window.session.info
    window.session._handle(Event("source-lost", "the stream was lost; reconnecting", info))
    window.session._handle(Event("source", "", info))
    assert window.state.view.mirror and len(window.charts.history.times()) > 5


def test_a_file_can_be_opened_after_one_that_may_not_be_looked_at(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(_path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    window.toolbar.source.show_none("/secret/clip.mp4")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", forbidden)
        assert window.toolbar.source._folder() == str(Path.home())


def test_a_source_that_cannot_be_opened_is_not_remembered(window: MainWindow, qtbot: QtBot, store: QSettings) -> None:
    window.choose_source("/nope/nothing.mp4")
    qtbot.waitUntil(lambda: window.picture.banner.notice is not None, timeout=5000)
    window.choose_source("demo")
    qtbot.waitUntil(lambda: window.settings.source == "demo", timeout=5000)
    window.choose_source("/nope/nothing.mp4")
    qtbot.waitUntil(lambda: window.picture.banner.notice is not None, timeout=5000)
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
    assert memory.load(store).source == "demo"


def test_a_stream_that_never_answered_is_not_remembered(open_window: Opener, qtbot: QtBot, store: QSettings) -> None:
    """The next start would wait for it once more."""
    waiting = threading.Event()

    def source(request: SourceRequest) -> object:
        if "://" in request.text:
            waiting.wait(5)
            raise InputError("no answer")
        return fake_source(request)

    window = open_window(fakes=replace(openers(), source=source))
    wait_for_pose(window, qtbot)
    window.choose_source("http://127.0.0.1:9/cam")
    qtbot.wait(100)
    threading.Timer(0.5, waiting.set).start()
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
    assert memory.load(store).source == ""


def test_no_camera_shows_the_demo_and_says_so(open_window: Opener, qtbot: QtBot) -> None:
    window = open_window(source=None)
    wait_for_pose(window, qtbot)
    notice = window.picture.banner.notice
    assert notice is not None and "No camera found" in notice.text and window.picture.banner.isVisible()
    assert window.settings.source == "", "the demo was not chosen, so it is not remembered"
    window.picture.banner.dismiss()
    assert not window.picture.banner.isVisible()


def test_absent_camera_given_falls_back(open_window: Opener, qtbot: QtBot) -> None:
    window = open_window(source="camera:7")
    wait_for_pose(window, qtbot)
    assert "No camera found" in window.picture.banner.notice.text  # type: ignore[union-attr]


def test_camera_is_preferred_and_mirrored(open_window: Opener, qtbot: QtBot) -> None:
    window = open_window(source=None, cameras=True)
    wait_for_pose(window, qtbot)
    assert window.session.source == "camera:0" and window.state.view.mirror
    press(qtbot, window, Key.Key_M)
    assert not window.settings.mirror, "remembered for cameras"
    press(qtbot, window, Key.Key_D)
    qtbot.waitUntil(lambda: "Demo" in window.toolbar.source.text(), timeout=2000)
    assert not window.state.view.mirror
    press(qtbot, window, Key.Key_C)
    qtbot.waitUntil(lambda: "Fake camera" in window.toolbar.source.text(), timeout=5000)
    assert not window.state.view.mirror, "as it was left"
    press(qtbot, window, Key.Key_M)
    assert window.settings.mirror


def test_a_list_of_cameras_that_comes_late_changes_nothing(open_window: Opener, qtbot: QtBot) -> None:
    """C, then D before the cameras are listed: the demo stays."""
    listed: list[bool] = []

    def slow() -> list[Device]:
        time.sleep(0.5)
        listed.append(True)
        return one_camera()

    window = open_window(source="demo", fakes=replace(openers(), cameras=slow))
    wait_for_pose(window, qtbot)
    window.session.open_camera()
    press(qtbot, window, Key.Key_D)
    qtbot.waitUntil(lambda: bool(listed), timeout=3000)
    qtbot.wait(200)
    assert window.session.source == "demo"
    window.session.open_camera()
    qtbot.waitUntil(lambda: window.session.source == "camera:0", timeout=3000)


def test_what_comes_from_a_source_after_it_failed_is_not_shown(open_window: Opener, qtbot: QtBot) -> None:
    window = open_window(source="demo")
    wait_for_pose(window, qtbot)
    live, last = window.session.live, window.session.latest
    assert last is not None
    window.session._handle(Event("source-failed", "it broke", generation=live.generation))
    assert window.session.latest is None
    live.results.put(last)
    window.session._take_result()
    assert window.session.latest is None
    # And a failure of the source before is not taken for one of the next.
    old = live.generation
    press(qtbot, window, Key.Key_D)
    wait_for_pose(window, qtbot)
    window.session._handle(Event("source-failed", "late", generation=old))
    assert window.session.latest is not None


def test_bad_source_is_explained(open_window: Opener, qtbot: QtBot) -> None:
    window = open_window(source="/no/such/film.mp4")
    qtbot.waitUntil(lambda: window.picture.banner.notice is not None, timeout=3000)
    notice = window.picture.banner.notice
    assert notice is not None and notice.kind == "error" and "/no/such/film.mp4" in notice.text
    assert window.picture.result is None
    press(qtbot, window, Key.Key_D)
    wait_for_pose(window, qtbot)
    assert not window.picture.banner.isVisible()
