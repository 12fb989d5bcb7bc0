"""The finder's maps and the centre map, in the window and in what is kept of it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from cpm_live.drawing.paint import paint
from cpm_live.drawing.view import ALL_JOINTS, CENTRE, FINDER_HANDS, FINDER_PEOPLE
from cpm_live.gui.strip_content import Seen, content
from cpm_live.gui.window import MainWindow
from cpm_live.pipeline.last_findings import FRESH_S, LastFindings
from tests.gui.conftest import Opener, shown, wait_for_pose
from tests.gui.crowd import FINDER_STAGES, Room
from tests.gui.test_window import pause, pixels, press

Key = Qt.Key


def test_finder_view_shows_its_stages(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_V)
    assert crowd.state.view.joint == FINDER_PEOPLE and crowd.joints.finder.chosen_key() == "people"
    qtbot.waitUntil(lambda: crowd.strip._count() == FINDER_STAGES, timeout=5000)
    note = crowd.strip._content.note
    assert "3 found" in note and ("ago" in note or "just now" in note) and "6 ms" in note
    assert crowd.strip._content.title == "finder: people"
    assert crowd.strip._content.peaks == pytest.approx((0.4, 0.5, 0.6, 0.7, 0.8), abs=0.08)
    qtbot.waitUntil(lambda: any("Finder" in words for words in crowd.picture._notes), timeout=3000)
    press(qtbot, crowd, Key.Key_4)
    assert crowd.state.view.stage == 3, "the finder has a stage that the pose network has not"
    press(qtbot, crowd, Key.Key_5)
    assert crowd.state.view.stage is None, "its last one, so that the skeleton stays at its own last"
    press(qtbot, crowd, Key.Key_1)
    assert crowd.strip._content.shown == 0
    qtbot.waitUntil(lambda: "0 found" in crowd.strip._content.note, timeout=3000)
    press(qtbot, crowd, Key.Key_2)
    qtbot.waitUntil(lambda: "1 found" in crowd.strip._content.note, timeout=3000)
    press(qtbot, crowd, Key.Key_V)
    assert crowd.state.view.joint == FINDER_HANDS and crowd.joints.finder.chosen_key() == "hands"
    press(qtbot, crowd, Key.Key_V)
    assert crowd.state.view.joint == ALL_JOINTS and crowd.joints.finder.chosen_key() is None
    qtbot.mouseClick(crowd.joints.finder._buttons["people"], Qt.MouseButton.LeftButton)
    assert crowd.state.view.joint == FINDER_PEOPLE
    qtbot.mouseClick(crowd.strip, Qt.MouseButton.LeftButton, pos=crowd.strip.tile(3).center().toPoint())
    assert crowd.state.view.stage == 3


def test_a_cleared_strip_shows_no_finder_stages(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_V)
    qtbot.waitUntil(lambda: crowd.strip._count() == FINDER_STAGES, timeout=5000)
    pause(qtbot, crowd)
    crowd.strip.clear("open a source to see the stages")
    assert crowd.strip._count() == 0 and crowd.strip._content.count == 0


def test_finder_map_lies_on_the_people(crowd: MainWindow, qtbot: QtBot) -> None:
    crowd.state.set(skeleton=False)
    pause(qtbot, crowd)
    crowd.session.latest = crowd.session.live.findings.last(shown(crowd))
    assert crowd.session.latest is not None
    crowd.picture.show_result(crowd.session.latest)
    press(qtbot, crowd, Key.Key_N)
    before = pixels(crowd.picture.grab().toImage()).astype(int)
    film = paint(shown(crowd), crowd.state.view).astype(int)
    press(qtbot, crowd, Key.Key_V)
    after = pixels(crowd.picture.grab().toImage()).astype(int)
    recorded = paint(shown(crowd), crowd.state.view).astype(int)
    for x, y in Room().places:
        at = crowd.picture.frame_to_widget(x + 12, y + 12).toPoint()
        assert np.abs(after - before)[at.y(), at.x()].max() > 40
        assert np.abs(recorded - film)[round(y), round(x)].max() > 60, "recordings show it too"
    assert np.abs(recorded - film)[20, 215].max() < 3


def test_squares_are_those_of_the_stage_that_is_shown(crowd: MainWindow, qtbot: QtBot) -> None:
    crowd.state.set(skeleton=False, glow=0.0)
    press(qtbot, crowd, Key.Key_V)
    pause(qtbot, crowd)
    seen = crowd.session.live.findings.last(shown(crowd))
    assert seen is not None and seen.finder is not None
    crowd.picture.show_result(seen)
    pictures = []
    for key in (Key.Key_5, Key.Key_2, Key.Key_1):
        press(qtbot, crowd, key)
        pictures.append(pixels(crowd.picture.grab().toImage()).astype(int))
    for number, found in enumerate(seen.finder.found):
        x, y, w, _ = found.box
        at = crowd.picture.frame_to_widget(x + w / 2, y).toPoint()
        last, second = (
            np.abs(picture - pictures[2])[at.y() - 2 : at.y() + 3, at.x() - 9 : at.x() + 10].max() > 60
            for picture in pictures[:2]
        )
        assert last and second == (number == 0), "the second stage has made out the first of them only"


def test_finder_that_never_ran_says_so(open_window: Opener, qtbot: QtBot) -> None:
    window = open_window()
    wait_for_pose(window, qtbot)
    press(qtbot, window, Key.Key_V)
    qtbot.waitUntil(lambda: "The finder has not run" in window.picture._notes, timeout=3000)
    assert window.strip._count() == 0 and window.strip._content.note == "the finder has not run"
    window.strip.grab()


def test_a_picture_that_stands_still_has_the_finders_map_of_its_own(crowd: MainWindow, qtbot: QtBot) -> None:
    """Frozen, then the finder, then frame by frame: what is explained there is what it sees in this very frame."""
    pause(qtbot, crowd)

    def age() -> float:
        return crowd.session.live.findings.age_s(shown(crowd))

    def step() -> None:
        before = shown(crowd)
        press(qtbot, crowd, Key.Key_Period)
        qtbot.waitUntil(lambda: shown(crowd) is not before, timeout=3000)

    assert crowd.session.live._worker.curious, "who steps sees whom the finder finds in this frame"
    crowd.session.live._worker.curious = False  # as in the frame before a pause
    for _ in range(20):
        if not age():
            step()
    assert age()
    crowd.session.live._worker.curious = True
    press(qtbot, crowd, Key.Key_V)
    qtbot.waitUntil(lambda: not age(), timeout=3000)
    assert len(shown(crowd).poses) == 3, "looked at twice, they are the same people"
    for _ in range(4):
        step()
        assert not age() and shown(crowd).finder is not None
    press(qtbot, crowd, Key.Key_V)
    press(qtbot, crowd, Key.Key_Space)
    assert not crowd.session.live._worker.curious, "a film that plays has no time for it"


def test_last_findings_are_shown_until_they_are_stale(crowd: MainWindow, qtbot: QtBot) -> None:
    pause(qtbot, crowd)
    seen = crowd.session.live.findings.last(shown(crowd))
    assert seen is not None
    memory = LastFindings()
    bare = replace(seen, finder=None)

    def later(seconds: float, generation: int = seen.generation) -> object:
        frame = replace(seen.frame, captured_ns=seen.frame.captured_ns + round(seconds * 1e9))
        return memory.filled(replace(bare, frame=frame, generation=generation)).finder

    assert later(0.1) is None
    memory.add(seen)
    memory.add(bare)
    assert later(0.1) is seen.finder and later(FRESH_S + 0.1) is None
    assert later(0.1, seen.generation + 1) is None, "another source"
    other = replace(seen.frame, image=np.zeros((960, 1280, 3), np.uint8))
    assert memory.filled(replace(bare, frame=other)).finder is None, "a camera that goes on at another resolution"
    clip = replace(seen, frame=replace(seen.frame, media_time=9.8))
    memory.add(clip)
    again = replace(clip.frame, media_time=5.0, captured_ns=clip.frame.captured_ns + round(5.2e9))
    assert memory.age_s(replace(bare, frame=again)) == pytest.approx(5.2), "the clip began again"
    memory.add(replace(bare, frame=again))
    same = replace(clip.frame, media_time=9.9, captured_ns=clip.frame.captured_ns + round(10.1e9))
    memory.add(replace(bare, frame=same))
    assert memory.age_s(replace(bare, frame=same)) == pytest.approx(10.1), "the same place, a round later"
    assert memory.filled(replace(bare, frame=same)).finder is None
    view = replace(crowd.state.view, joint=FINDER_PEOPLE)
    old = content(seen, view, Seen(seen, 12.0), 64)
    assert "12 s ago" in old.note and old.atlas is not None and old.atlas.shape == (64, 64 * FINDER_STAGES, 3)


def test_recordings_get_the_last_findings(crowd: MainWindow, qtbot: QtBot) -> None:
    kept = []
    recorder = SimpleNamespace(put=lambda result, view: kept.append((result.finder, view.joint)), seconds=0.0,
                               written=0, dropped=0, skipped=0, finish=lambda: None, join=lambda timeout: None,
                               is_alive=lambda: False)  # fmt: skip
    press(qtbot, crowd, Key.Key_V)
    crowd.session.live._recordings.current = recorder  # type: ignore[assignment]
    qtbot.waitUntil(lambda: len(kept) > 15, timeout=9000)
    assert all(finder is not None and joint == FINDER_PEOPLE for finder, joint in kept)


def test_centre_map_of_each_person(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_N)
    pause(qtbot, crowd)
    crowd.state.set(skeleton=False)
    before = pixels(crowd.picture.grab().toImage()).astype(int)
    press(qtbot, crowd, Key.Key_E)
    assert crowd.state.view.joint == CENTRE and crowd.joints.centre.chosen_key() == "centre"
    assert crowd.strip._content.note == "the same centre map goes into stages 2 to 4", "stage 1 is not given it"
    after = pixels(crowd.picture.grab().toImage()).astype(int)
    for pose in shown(crowd).poses:
        assert pose.centre_sigma > 0
        at = crowd.picture.frame_to_widget(pose.crop.x, pose.crop.y).toPoint()
        assert np.abs(after - before)[at.y() - 9 : at.y() + 9, at.x() - 9 : at.x() + 9].mean() > 12
    bare = replace(shown(crowd), poses=tuple(replace(pose, centre_sigma=0.0) for pose in shown(crowd).poses))
    crowd.following.show_marks(bare)
    assert "This model has no centre map" in crowd.picture._notes
    press(qtbot, crowd, Key.Key_E)
    assert crowd.state.view.joint == ALL_JOINTS
