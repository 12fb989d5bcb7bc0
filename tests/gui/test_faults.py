"""Faults of the window that no other test noticed: each was put into the code once, and is seen here."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from cpm_live.core.errors import InputError
from cpm_live.gui import openers as gui_openers
from cpm_live.gui import placement, snapshot
from cpm_live.gui import session as gui_session
from cpm_live.gui.settings import Settings
from cpm_live.gui.window import MainWindow
from cpm_live.gui.wishes import Wishes
from cpm_live.pipeline.live import Event
from cpm_live.pipeline.options import Options
from tests.gui.conftest import Opener, wait_for_pose
from tests.gui.fakes import fake_engine, openers
from tests.gui.test_window import press

Key = Qt.Key


def test_snapshots_go_among_the_pictures_and_films_among_the_videos(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "pictures_dir", lambda: tmp_path / "Pictures")
    monkeypatch.setattr(snapshot, "videos_dir", lambda: tmp_path / "Videos")
    assert window.picture.result is not None
    written = snapshot.write_snapshot(window.picture.result, window.state.view, None)
    assert isinstance(written, Path) and written.parent == tmp_path / "Pictures" and written.suffix == ".png"
    assert snapshot.recording_path(None).parent == tmp_path / "Videos"


def test_the_splitters_come_back_each_where_it_stood(open_window: Opener, qtbot: QtBot) -> None:
    first = open_window()
    qtbot.waitExposed(first)
    first.columns.setSizes([500, 460])
    first.rows.setSizes([400, 220])
    first.side.setSizes([250, 250])
    sizes = [splitter.sizes() for splitter in (first.columns, first.rows, first.side)]
    kept = placement.noted(first, first.columns, first.rows, first.side, Settings())
    second = open_window()
    qtbot.waitExposed(second)
    placement.restore(second, second.columns, second.rows, second.side, kept)
    for splitter, before in zip((second.columns, second.rows, second.side), sizes, strict=True):
        assert splitter.sizes() == pytest.approx(before, abs=12)


def test_what_was_wrong_with_a_source_is_not_said_while_another_plays(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    session._handle(Event("source-failed", "the demo is damaged after frame 9", generation=session.live.generation))
    notice = window.picture.banner.notice
    assert notice is not None and "damaged" in notice.text
    press(qtbot, window, Key.Key_D)
    qtbot.waitUntil(lambda: window.picture.result is not None, timeout=5000)
    assert window.picture.banner.notice is None


def test_a_wish_is_granted_once() -> None:
    wishes = Wishes()
    wishes.add("source", "a.mp4")
    assert wishes.granted(Settings(), "source").source == "a.mp4"
    assert wishes.pending("source") == "" and wishes.granted(Settings(source="b.mp4"), "source").source == "b.mp4"


def test_a_region_around_somebody_ends_at_the_pictures_edges(window: MainWindow, qtbot: QtBot) -> None:
    result = window.picture.result
    assert result is not None
    tall = replace(result.poses[0], box=(600.0, 300.0, 100.0, 200.0))
    press(qtbot, window, Key.Key_Space)
    qtbot.wait(200)
    window.picture.show_result(replace(result, poses=(tall,)))
    window.following.region_here()
    region = window.session.live.options.region
    assert region == (550.0, 250.0, result.frame.width - 550.0, result.frame.height - 250.0)


def test_a_still_picture_shows_the_new_thresholds_of_rings_too(window: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, window, Key.Key_Space)
    qtbot.wait(200)
    window.session.set_options(Options(joint_threshold=0.8, hollow_threshold=0.7))
    latest = window.session.latest
    assert latest is not None and (latest.joint_threshold, latest.hollow_threshold) == (0.8, 0.7)


def test_people_are_shown_on_after_another_model_could_not_be_had(open_window: Opener, qtbot: QtBot) -> None:
    def engine(recipe: object, kind: str) -> object:
        if recipe.name == "hand":  # type: ignore[attr-defined]
            raise InputError("no weights")
        return fake_engine(recipe, kind)  # type: ignore[arg-type]

    window = open_window(fakes=replace(openers(), engine=engine))  # type: ignore[type-var]
    wait_for_pose(window, qtbot)
    with qtbot.waitSignal(window.session.model_failed, timeout=5000):
        press(qtbot, window, Key.Key_H)
    index = window.picture.result.frame.index if window.picture.result is not None else 0
    qtbot.waitUntil(
        lambda: window.picture.result is not None and window.picture.result.model == "body"
        and bool(window.picture.result.poses) and window.picture.result.frame.index != index, timeout=5000,
    )  # fmt: skip


def test_every_snapshot_under_way_is_waited_for(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    going, begun = threading.Event(), []

    def slow(*_: object) -> str:
        begun.append(1)
        going.wait(5)
        return "nothing"

    monkeypatch.setattr(gui_session, "write_snapshot", slow)
    for _ in range(2):
        window.session.snapshot(window.state.view, None)
    assert len(window.session._writing) == 2 and all(thread.is_alive() for thread in window.session._writing)
    going.set()


def test_escape_shows_the_rest_again_and_releases_nobody(window: MainWindow, qtbot: QtBot) -> None:
    assert window.picture.result is not None
    window.following.lock_on(window.picture.result.poses[0].id)
    press(qtbot, window, Key.Key_W)
    press(qtbot, window, Key.Key_Escape)
    assert window.toolbar.isVisible() and window.session.live.options.lock is not None
    press(qtbot, window, Key.Key_Escape)
    assert window.session.live.options.lock is None


def test_the_threads_that_are_asked_for_are_the_engines_and_the_finders(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []
    monkeypatch.setattr(
        gui_openers, "open_for_window", lambda recipe, kind, threads=0: asked.append(("engine", threads))
    )
    monkeypatch.setattr(gui_openers, "open_default_finder", lambda threads, kind: asked.append(("finder", threads)))
    monkeypatch.setattr(gui_openers, "default_threads", lambda window: 7)
    for threads in (3, 0):
        made = gui_openers.default_openers(threads)
        made.engine(None, "cpu")  # type: ignore[arg-type]
        assert made.finder is not None
        made.finder()  # type: ignore[call-arg]
    assert asked == [("engine", 3), ("finder", 3), ("engine", 0), ("finder", 7)]


def test_a_recording_that_cannot_begin_says_so(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *beside: str) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("cpm_live.recording.recorder.claimed", refuse)
    press(qtbot, window, Key.Key_R)
    qtbot.waitUntil(lambda: window.picture.banner.notice is not None, timeout=5000)
    notice = window.picture.banner.notice
    assert notice is not None and "Permission denied; right-click the record button for another folder" in notice.text
    qtbot.waitUntil(lambda: not window.toolbar.record.isChecked(), timeout=5000)
    assert window.session.live.recording is None and not window.toolbar.record.isChecked()


def test_naming_a_recording_asks_no_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A share that answers after seconds would hold the window up."""
    monkeypatch.setattr(Path, "exists", lambda *_: pytest.fail("the disk was asked"))
    assert snapshot.recording_path(tmp_path).parent == tmp_path
