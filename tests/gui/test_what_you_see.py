"""What is chosen shows in the window and in what it writes, and is there again the next time; the table of keys."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QSettings, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from cpm_live.drawing.finder import map_title
from cpm_live.drawing.paint import paint
from cpm_live.drawing.view import ALL_JOINTS, BACKGROUND, CENTRE, View
from cpm_live.gui import picture, shortcuts
from cpm_live.gui.shortcuts import SHORTCUTS, Entry
from cpm_live.gui.window import MainWindow
from tests.gui.conftest import Opener, wait_for_pose
from tests.gui.test_window import pause, press

Key = Qt.Key
README = Path(__file__).resolve().parents[2] / "README.md"

OTHERS = {
    "skeleton": False,
    "stage": 0,
    "joint": 3,
    "mirror": True,
    "glow": 0.0,
    "boxes": True,
    "hidden": frozenset({12}),
}
"""Another value of each field of a view that a film shows."""
WINDOW_ONLY = {"highlight"}
"""What the mouse is on is nobody else's business."""


def _pixels(window: MainWindow) -> np.ndarray:
    image = window.picture.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(image.constBits(), np.uint8).copy()


def test_films_and_snapshots_show_what_the_window_shows(window: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, window, Key.Key_Space)
    qtbot.wait(300)
    result = window.session.latest
    assert result is not None and result.poses
    usual = View(glow=0.6, joint=ALL_JOINTS)
    assert {entry.name for entry in fields(View)} == OTHERS.keys() | WINDOW_ONLY, "say what a film shows of it"
    window.state.set(**{entry.name: getattr(usual, entry.name) for entry in fields(View)})
    shown, written = _pixels(window), paint(result, usual)
    for name, value in OTHERS.items():
        assert value != getattr(usual, name)
        window.state.set(**{name: value})
        assert (_pixels(window) != shown).any(), f"the window does not show {name}"
        assert (paint(result, replace(usual, **{name: value})) != written).any(), f"films do not show {name}"
        window.state.set(**{name: getattr(usual, name)})
    assert (_pixels(window) == shown).all()


def test_the_picture_says_whose_map_glows(window: MainWindow, qtbot: QtBot) -> None:
    """An audience sees the picture alone (W), slides and films: maps that look the same have other names there."""
    press(qtbot, window, Key.Key_Space)
    qtbot.wait(300)
    result = window.session.latest
    assert result is not None and result.poses
    pose = result.poses[0]
    alike = replace(pose, beliefs=np.broadcast_to(pose.beliefs[:, :1], pose.beliefs.shape))
    result = replace(result, poses=(alike,))
    window.picture.show_result(result)
    shown, written = [], []
    for joint in (ALL_JOINTS, 0, 3, BACKGROUND):
        view = View(joint=joint, skeleton=False)
        window.picture.set_view(view)
        shown.append(_pixels(window).tobytes())
        written.append(paint(result, view).tobytes())
    assert len(set(shown)) == len(set(written)) == 4
    assert map_title(result, View(joint=3)) == "belief of left hip"
    assert map_title(result, View(joint=CENTRE)) == "centre map", "which is told, not believed"


def test_what_is_said_on_the_picture_does_not_lie_on_the_scale(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[QPointF, str]] = []
    monkeypatch.setattr(picture, "paint_chip", lambda painter, at, text, *_: said.append((at, text)))
    pause(qtbot, window)
    result = window.session.latest
    assert result is not None and result.poses
    window.picture.resize(640, 480)
    window.picture.set_view(View(joint=BACKGROUND, skeleton=False))
    window.picture.grab()
    said.clear()
    window.picture.region.armed = True
    window.picture.grab()
    window.picture.region.armed = False
    window.picture.grab()
    hint, paused = (next(at for at, text in said if text == what) for what in (picture.DRAW_HINT, "Paused"))
    assert hint.y() < paused.y() - 20, "too long to stand beside it"


def test_a_notebook_gets_the_numbers_of_the_window(window: MainWindow, qtbot: QtBot) -> None:
    """As the README says where they are."""
    assert "pose.stages[:, j, 2]" in README.read_text(encoding="utf-8")
    pause(qtbot, window)
    result = window.session.latest
    assert result is not None
    j = result.skeleton.joints.index("left_wrist")
    window.state.show_map(j)
    assert window.strip._content.peaks == pytest.approx(result.poses[0].stages[:, j, 2])


def test_the_look_is_there_again(open_window: Opener, qtbot: QtBot, store: QSettings) -> None:
    window = open_window()
    wait_for_pose(window, qtbot)
    for key in (Key.Key_G, Key.Key_X, Key.Key_T):
        press(qtbot, window, key)
    before = window.state.view
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
    again = open_window()
    assert (again.state.view.glow, again.state.view.boxes) == (before.glow, before.boxes) == (0.0, True)
    assert again.settings.theme == "light"
    press(qtbot, again, Key.Key_T)


def test_a_key_without_an_action_or_twice_is_refused(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    actions = {entry.action: lambda: None for entry in SHORTCUTS}
    shortcuts.install(window, actions, lambda stage: None)
    for more, why in (
        (Entry("Looks", ("Shift+Y",), "Trails", "trails"), "without an action: trails"),
        (Entry("Looks", ("X",), "Boxes again", "boxes"), "twice: X"),
    ):
        monkeypatch.setattr(shortcuts, "SHORTCUTS", (*SHORTCUTS, more))
        with pytest.raises(ValueError, match=why):
            shortcuts.install(window, actions, lambda stage: None)


def test_the_readme_names_every_key() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    tables = "".join(line for line in lines if line.startswith("| `"))
    told = {entry.action for entry in SHORTCUTS if any(f"`{key}`" in tables for key in entry.keys)}
    assert {entry.action for entry in SHORTCUTS} - told <= {"stage", "quit"}
