"""What two features make of each other, as a person sees it and finds it in the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from cpm_live.drawing.paint import paint
from cpm_live.drawing.stages import paint_stages
from cpm_live.drawing.view import ALL_JOINTS
from cpm_live.gui import picture
from cpm_live.gui.window import MainWindow
from tests.gui.conftest import Opener, shown
from tests.gui.crowd import Room
from tests.gui.test_window import pause, press

Key = Qt.Key


def test_a_double_click_that_locks_leaves_the_glow_off(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_G)
    pause(qtbot, crowd)
    pose = shown(crowd).poses[0]
    at = crowd.picture.frame_to_widget(*pose.keypoints[13, :2].tolist()).toPoint()
    qtbot.mouseClick(crowd.picture, Qt.MouseButton.LeftButton, pos=at)
    assert crowd.state.view.glow, "whoever chooses a map wants to see it"
    qtbot.mouseDClick(crowd.picture, Qt.MouseButton.LeftButton, pos=at)
    assert crowd.session.live.options.lock == pose.id
    assert (crowd.state.view.joint, crowd.state.view.glow) == (ALL_JOINTS, 0.0)


def test_a_snapshot_of_who_was_released_has_no_lock(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_L)
    qtbot.waitUntil(lambda: shown(crowd).locked is not None, timeout=3000)
    pause(qtbot, crowd)

    def snapshots() -> list[Path]:
        return sorted(Path(crowd.settings.folder).glob("*.png"), key=lambda path: path.stat().st_mtime_ns)

    press(qtbot, crowd, Key.Key_S)
    qtbot.waitUntil(lambda: len(snapshots()) == 1, timeout=5000)
    press(qtbot, crowd, Key.Key_Escape)
    press(qtbot, crowd, Key.Key_S)
    qtbot.waitUntil(lambda: len(snapshots()) == 2, timeout=5000)
    locked, released = (cv2.imread(str(path)) for path in snapshots())
    assert locked is not None and released is not None
    assert (locked == paint(shown(crowd), crowd.state.view)).all()
    assert (released == paint(replace(shown(crowd), locked=None), crowd.state.view)).all()
    assert (released != locked).any()


def test_a_snapshot_of_all_stages(crowd: MainWindow, qtbot: QtBot) -> None:
    pause(qtbot, crowd)
    press(qtbot, crowd, Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    (action,) = (a for a in crowd.toolbar.snapshot.actions() if a.text() == "All stages side by side (Ctrl+S)")
    action.trigger()
    folder = Path(crowd.settings.folder)
    qtbot.waitUntil(lambda: len(list(folder.glob("*.png"))) == 2, timeout=5000)
    wanted = paint_stages(shown(crowd), crowd.state.view)
    assert wanted.shape[1] > shown(crowd).frame.width
    qtbot.waitUntil(lambda: not any(thread.is_alive() for thread in crowd.session._writing), timeout=5000)
    for path in folder.glob("*.png"):
        written = cv2.imread(str(path))
        assert written is not None and np.array_equal(written, wanted)


def test_a_snapshot_of_the_finders_stages_is_of_the_frame_that_it_ran_in(crowd: MainWindow, qtbot: QtBot) -> None:
    """As the strip is: while somebody is locked the finder rests, and long ago it ran in another frame."""
    press(qtbot, crowd, Key.Key_V)
    qtbot.waitUntil(lambda: shown(crowd).finder is not None, timeout=3000)
    press(qtbot, crowd, Key.Key_L)
    qtbot.waitUntil(lambda: shown(crowd).locked is not None and shown(crowd).finder is None, timeout=5000)
    press(qtbot, crowd, Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    ran = crowd.session.live.findings.last(shown(crowd))
    assert ran is not None and ran.frame.index < shown(crowd).frame.index
    folder = Path(crowd.settings.folder)
    qtbot.waitUntil(lambda: len(list(folder.glob("*.png"))) == 1, timeout=5000)
    qtbot.waitUntil(lambda: not any(thread.is_alive() for thread in crowd.session._writing), timeout=5000)
    (path,) = folder.glob("*.png")
    written = cv2.imread(str(path))
    assert written is not None and np.array_equal(written, paint_stages(ran, crowd.state.view))


def test_a_picture_that_stands_still_gets_its_hands(crowd: MainWindow, qtbot: QtBot) -> None:
    """Their engine is opened when they are first asked for, and no frame follows in which they would be seen."""
    pause(qtbot, crowd)
    press(qtbot, crowd, Key.Key_H, Qt.KeyboardModifier.ShiftModifier)
    before = shown(crowd).frame.index
    press(qtbot, crowd, Key.Key_Period)
    qtbot.waitUntil(lambda: len(shown(crowd).hands) >= 2, timeout=5000)
    assert shown(crowd).frame.index == before + 1 and crowd.session.live.paused
    assert len(shown(crowd).poses) == 3, "looked at twice, they are the same people"


def test_a_picture_of_another_size_that_stands_still_is_looked_at_all_over(
    open_window: Opener, qtbot: QtBot, tmp_path: Path
) -> None:
    """It has cleared the region, but in it alone people had been looked for."""
    for number, width in enumerate((320, 240)):
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((240, width, 3), 90, np.uint8))
    window = open_window(str(tmp_path))
    qtbot.waitUntil(lambda: window.session.latest is not None and window.session.latest.stage_count > 0, timeout=5000)
    press(qtbot, window, Key.Key_PageUp)
    pause(qtbot, window)
    looks = set[int]()
    width = shown(window).frame.width
    window.session.result.connect(lambda result: looks.add(result.finished_ns) if result.frame.width != width else None)
    window.picture.region_drawn.emit((10.0, 10.0, 100.0, 100.0))
    press(qtbot, window, Key.Key_Period)
    qtbot.waitUntil(lambda: len(looks) == 2, timeout=5000)
    assert window.session.live.options.region is None and window.session.live.paused


def test_a_locked_person_out_of_sight_is_not_called_nobody(
    crowd: MainWindow, qtbot: QtBot, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two others stand in view."""
    press(qtbot, crowd, Key.Key_L)
    qtbot.waitUntil(lambda: shown(crowd).locked is not None, timeout=3000)
    locked = shown(crowd).locked
    said: list[str] = []
    monkeypatch.setattr(picture, "paint_chip", lambda painter, at, text, *_: said.append(text))
    x = shown(crowd).poses[0].box[0]
    del room.places[min(range(3), key=lambda place: abs(room.places[place][0] - x - 40))]
    qtbot.waitUntil(lambda: not shown(crowd).poses and bool(said), timeout=3000)
    pause(qtbot, crowd)
    said.clear()
    crowd.picture.grab()
    assert f"#{locked} is not in view" in said and "Nobody in view" not in said
    assert crowd.strip._content.note == f"#{locked} is not in view"
