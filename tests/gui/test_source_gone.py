"""What the window does where a source does not open, falls silent or is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from cpm_live.capture.base import Source
from cpm_live.capture.open import SourceRequest
from cpm_live.gui import settings as memory
from cpm_live.gui.openers import Openers
from cpm_live.gui.signs import no_picture
from cpm_live.gui.window import MainWindow
from cpm_live.pipeline.live import Event
from tests.capture.films import film
from tests.gui.conftest import Opener, shown, wait_for_pose
from tests.gui.fakes import openers
from tests.gui.test_timeline import _at
from tests.gui.test_window import press

Key = Qt.Key


def _fail(window: MainWindow, why: str) -> None:
    window.session._handle(Event("source-failed", why, generation=window.session.live.generation))


def test_where_the_next_source_does_not_open_the_one_before_goes_on(
    window: MainWindow, qtbot: QtBot, store: QSettings
) -> None:
    window.choose_source("demo")
    qtbot.waitUntil(lambda: window.settings.source == "demo", timeout=5000)
    press(qtbot, window, Key.Key_R)
    window.choose_source("/nope/nothing.mp4")
    qtbot.waitUntil(lambda: window.picture.banner.notice is not None, timeout=5000)
    notice = window.picture.banner.notice
    assert notice is not None and notice.kind == "error" and "/nope/nothing.mp4" in notice.text
    generation = window.session.live.generation
    qtbot.waitUntil(
        lambda: window.picture.result is not None and window.picture.result.generation == generation, timeout=5000
    )
    assert "Demo" in window.windowTitle() and window.toolbar.pause.isEnabled()
    assert window.picture.banner.notice is notice, "that the one before plays again does not make it untrue"
    assert window.session.live.recording is not None
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
    assert memory.load(store).source == "demo"


def test_a_source_that_is_gone_leaves_nothing_of_its_own(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    assert "Demo" in window.windowTitle()
    qtbot.waitUntil(lambda: len(window.charts.history.times()) > 3, timeout=3000)
    press(qtbot, window, Key.Key_R)
    qtbot.waitUntil(lambda: window.session.live.stats().recorded > 2, timeout=5000)
    press(qtbot, window, Key.Key_Space)
    _fail(window, "the demo is damaged after frame 9")
    assert len(window.charts.history.times()) == 0
    assert window.session.live.stats().capture_fps == window.session.live.stats().pose_fps == 0
    assert window.windowTitle() == "cpm-live" and window.joints.list._result is None
    # Nor does it go on being recorded, and there is nothing to pause.
    qtbot.waitUntil(lambda: not window.toolbar.record.isChecked(), timeout=5000)
    assert window.session.live.recording is None and list((tmp_path / "out").glob("*.mp4"))
    window._show_status()
    assert window.status.figures.text() == "no source"
    bar = window.toolbar
    assert not any(button.isEnabled() for button in (bar.pause, bar.step, bar.record, bar.snapshot, bar.region))
    press(qtbot, window, Key.Key_Space)
    press(qtbot, window, Key.Key_I)
    assert not window.session.live.paused and not window.picture.region.armed
    press(qtbot, window, Key.Key_D)
    wait_for_pose(window, qtbot)
    assert bar.pause.isEnabled() and bar.record.isEnabled()


def test_a_source_that_fails_for_good_is_not_gone_back_to(window: MainWindow, qtbot: QtBot) -> None:
    _fail(window, "the demo is damaged after frame 9")
    window.choose_source("/nope/nothing.mp4")
    qtbot.waitUntil(lambda: not window.toolbar.pause.isEnabled(), timeout=5000)
    assert window.picture.result is None


def test_asking_for_a_camera_where_there_is_none_leaves_what_plays(window: MainWindow, qtbot: QtBot) -> None:
    generation = window.session.live.generation
    press(qtbot, window, Key.Key_C)
    qtbot.waitUntil(lambda: window.picture.banner.notice is not None, timeout=5000)
    notice = window.picture.banner.notice
    assert notice is not None and notice.text.startswith("No camera found")
    assert window.session.live.generation == generation and window.session.source == "demo"


def test_what_cannot_be_recorded_says_to_free_space_only_where_there_is_none(window: MainWindow) -> None:
    for why, said in (("No space left on device", True), ("No such file or directory", False)):
        window.session._handle(Event("recording-failed", f"cannot write /gone/a.mp4: {why}"))
        notice = window.picture.banner.notice
        assert notice is not None and ("free some space" in notice.text) == said and "another folder" in notice.text


def test_a_source_that_falls_silent_does_not_look_live(window: MainWindow, qtbot: QtBot) -> None:
    rate = window.session.live._capture_rate
    window._show_status()
    assert window.picture._quiet == 0
    rate.tick = lambda: None  # type: ignore[method-assign]
    rate._last = time.perf_counter() - 3.5
    window._show_status()
    assert window.picture._quiet == 3
    press(qtbot, window, Key.Key_Space)
    window._show_status()
    assert window.picture._quiet == 0, "whoever pauses knows why"


def test_nobody_is_shown_to_others_long_after_the_camera_fell_silent(open_window: Opener, qtbot: QtBot) -> None:
    """The last visitor of an exhibit whose camera is unplugged for the night."""
    window = open_window(None, cameras=True)
    wait_for_pose(window, qtbot)
    picture, rate = window.picture, window.session.live._capture_rate
    rate.tick = lambda: None  # type: ignore[method-assign]
    window.session.result.disconnect(window._show_result)

    def colours(seconds: float) -> int:
        rate._last = time.perf_counter() - seconds
        window._show_status()
        image = picture.grab().toImage()
        return len({image.pixel(x, y) for x in range(0, image.width(), 7) for y in range(0, image.height(), 7)})

    x, y, _ = shown(window).poses[0].keypoints[12]
    at = picture.frame_to_widget(x, y)
    assert picture.joint_at(at) >= 0 and picture.person_at(at) is not None
    assert colours(0) > 200 and colours(15) > 200, "a cable that is loose, a person who sees why"
    assert colours(25) < 60 and picture._quiet == 25
    strip = window.strip.grab().toImage()
    there = {strip.pixel(x, y) for x in range(0, strip.width(), 3) for y in range(0, strip.height(), 3)}
    assert len(there) < 5, "nor are parts of it in the thumbnails"
    assert window.joints.list._result is None
    assert picture.joint_at(at) == -1 and picture.person_at(at) is None, "nobody can be clicked who cannot be seen"
    window.session.info = replace(window.session.info, kind="video")  # type: ignore[type-var]
    assert colours(25) > 200, "of a film it is no visitor"
    window.session.info = replace(window.session.info, kind="camera")
    assert colours(25) < 60
    assert colours(0) > 200, "it is back"


def test_how_long_there_was_no_picture() -> None:
    told = {3: "3 s", 119: "119 s", 120: "2 min", 7199: "119 min", 7200: "2 h", 180_000: "50 h"}
    assert all(no_picture(seconds) == f"No picture for {text}" for seconds, text in told.items())


def test_a_region_is_of_its_source(open_window: Opener, qtbot: QtBot) -> None:
    window = open_window(cameras=True)
    wait_for_pose(window, qtbot)
    window.following._region_drawn((10.0, 10.0, 50.0, 40.0))
    assert window.session.live.options.region is not None
    for source in ("camera:0", "demo", "demo"):
        window.choose_source(source)
        assert window.session.live.options.region is None, "nor does it come back with the source"


def _held_up(name: str, wait: Callable[[], object]) -> Openers:
    """Fakes, but opening a source of this name takes its time."""
    fakes = openers()

    def opener(request: SourceRequest) -> Source:
        if name in request.text:
            wait()
        return fakes.source(request)

    return replace(fakes, source=opener)


def test_a_second_bad_source_on_the_way_back_does_not_lose_what_played(
    open_window: Opener, qtbot: QtBot, tmp_path: Path
) -> None:
    slow = threading.Event()
    # As a camera or a stream takes to open.
    fakes = _held_up("a.mp4", lambda: time.sleep(0.5 if slow.is_set() else 0.0))
    window = open_window(str(film(tmp_path / "a.mp4", 160)), fakes=fakes)
    qtbot.waitUntil(lambda: _at(window) > 0.1, timeout=5000)
    slow.set()
    window.choose_source("/nope/one.mp4")
    qtbot.waitUntil(lambda: window.session.went_back, timeout=5000)
    window.choose_source("/nope/two.mp4")
    generation = window.session.live.generation
    qtbot.waitUntil(lambda: window.session.live.generation > generation, timeout=5000)
    generation = window.session.live.generation
    qtbot.waitUntil(
        lambda: window.picture.result is not None and window.picture.result.generation == generation, timeout=5000
    )
    assert "a.mp4" in window.windowTitle() and window.toolbar.pause.isEnabled()


def test_the_place_that_is_gone_back_to_is_that_of_the_last_source(
    open_window: Opener, qtbot: QtBot, tmp_path: Path
) -> None:
    window = open_window(str(film(tmp_path / "a.mp4", 160)))
    qtbot.waitUntil(lambda: _at(window) > 0.1, timeout=5000)
    press(qtbot, window, Key.Key_Space)
    window.session.live.seek(6.0)
    qtbot.waitUntil(lambda: _at(window) == pytest.approx(6.0, abs=2e-3), timeout=5000)
    # As where the second one has opened, and the third fails before its first picture has come.
    window.session.result.disconnect(window._show_result)
    window.choose_source(str(film(tmp_path / "b.mp4", 160)))
    window.session._take_result = lambda: None  # type: ignore[method-assign]
    session = window.session
    session.latest = None
    qtbot.waitUntil(lambda: session._played.endswith("b.mp4"), timeout=5000)
    assert session._left == (None, False)


def test_a_demo_of_its_own_kind_is_gone_back_to(open_window: Opener, qtbot: QtBot) -> None:
    window = open_window("demo:hand")
    qtbot.waitUntil(lambda: "hand" in window.windowTitle(), timeout=5000)
    window.choose_source("/nope/one.mp4")
    qtbot.waitUntil(lambda: window.session.went_back, timeout=5000)
    generation = window.session.live.generation
    qtbot.waitUntil(
        lambda: window.picture.result is not None and window.picture.result.generation == generation, timeout=5000
    )
    assert "hand" in window.windowTitle()


def test_a_region_drawn_while_the_next_source_opens_is_not_its_own(
    open_window: Opener, qtbot: QtBot, tmp_path: Path
) -> None:
    go_on = threading.Event()
    window = open_window(str(film(tmp_path / "a.mp4", 160)), fakes=_held_up("b.mp4", lambda: go_on.wait(5)))
    qtbot.waitUntil(lambda: _at(window) > 0.1, timeout=5000)
    window.choose_source(str(film(tmp_path / "b.mp4", 160)))
    window.following._region_drawn((5.0, 5.0, 30.0, 30.0))
    go_on.set()
    qtbot.waitUntil(lambda: "b.mp4" in window.windowTitle(), timeout=5000)
    assert window.session.live.options.region is None and window.picture.region.region is None


def test_no_region_is_drawn_without_a_picture(window: MainWindow) -> None:
    def offered() -> bool:
        menu = window.following.menu(None)
        return next(action.isEnabled() for action in menu.actions() if action.text().startswith("Draw a region"))

    assert offered()
    _fail(window, "the demo is damaged after frame 9")
    assert not offered()


def test_a_dialog_that_is_answered_while_the_window_closes(window: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, window, Key.Key_O)
    qtbot.waitUntil(lambda: bool(window.findChildren(QFileDialog)), timeout=2000)
    (dialog,) = window.findChildren(QFileDialog)
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
        assert not dialog.isVisible()
        dialog.fileSelected.emit("/nope/one.mp4")
