"""The window as a person uses it, on a fake source and engine."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QSettings, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from cpm_live.core.errors import InputError
from cpm_live.drawing.view import ALL_JOINTS, BACKGROUND, NO_MAP
from cpm_live.engines.recipe import Recipe
from cpm_live.gui import settings as memory
from cpm_live.gui.help import HelpDialog
from cpm_live.gui.shortcuts import SHORTCUTS
from cpm_live.gui.snapshot import write_snapshot
from cpm_live.gui.window import MainWindow
from cpm_live.pipeline.live import Event
from tests.gui.conftest import Opener, wait_for_pose
from tests.gui.fakes import EARLY_SHIFT, KnowingEngine, our_threads

Key = Qt.Key


def press(qtbot: QtBot, window: MainWindow, key: Qt.Key, modifier: Qt.KeyboardModifier | None = None) -> None:
    qtbot.keyClick(window, key, modifier or Qt.KeyboardModifier.NoModifier)


def pixels(image: QImage) -> np.ndarray:
    """(H, W, 3) RGB of a grabbed widget."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return flat[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def pause(qtbot: QtBot, window: MainWindow) -> None:
    press(qtbot, window, Key.Key_Space)
    assert window.session.live.paused
    before: object = ...
    while window.picture.result is not before:  # what was on its way comes, late on a busy machine
        before = window.picture.result
        qtbot.wait(150)


def test_starts_on_the_demo_and_paints_it(open_window: Opener, qtbot: QtBot) -> None:
    window = open_window()
    with qtbot.waitSignal(window.picture.first_painted, timeout=5000):
        pass
    wait_for_pose(window, qtbot)
    picture = pixels(window.picture.grab().toImage())
    assert picture.std() > 10
    assert "Demo" in window.toolbar.source.text()
    qtbot.waitUntil(lambda: "fps" in window.status.figures.text(), timeout=2000)
    assert window.status.engine.toolTip() == "Fake engine"


def test_charts_come_after_the_first_frame(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: window.charts.charts is not None, timeout=10000)
    charts = window.charts.charts
    assert charts is not None
    qtbot.waitUntil(lambda: len(charts._curves) == 14, timeout=2000)
    # They draw once they are seen, and of the person who is shown: whom that is the read-outs say, ten times a second.
    seen = window.charts.history.beliefs
    qtbot.waitUntil(lambda: charts.isVisible() and np.isfinite(seen()).all(axis=1).sum() > 2, timeout=5000)
    charts.refresh()
    xs, ys = charts._curves[0].getData()
    assert len(xs) > 1 and xs[-1] == 0 and 0.5 < ys[-1] <= 1
    press(qtbot, window, Key.Key_J)
    charts.refresh()
    assert [curve.isVisible() for curve in charts._curves].count(True) == 1
    assert "right ankle" in charts._belief_title.text()


def test_switches_model_and_demo(window: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, window, Key.Key_2)
    press(qtbot, window, Key.Key_J)
    press(qtbot, window, Key.Key_H)
    wait_for_pose(window, qtbot, "hand")
    result = window.picture.result
    assert result is not None and len(result.skeleton) == 21
    assert window.toolbar.model.chosen_key() == "hand" and window.settings.model == "hand"
    qtbot.waitUntil(lambda: "hand" in window.toolbar.source.text(), timeout=2000)
    assert window.state.view.stage == 1, "the chosen stage exists in the new model and stays"
    assert window.state.view.joint == ALL_JOINTS, "the chosen joint does not"
    qtbot.mouseClick(window.toolbar.model._buttons["body"], Qt.MouseButton.LeftButton)
    wait_for_pose(window, qtbot, "body")


def test_model_that_fails_leaves_the_old_one(window: MainWindow, qtbot: QtBot) -> None:
    def opener(recipe: Recipe, kind: str) -> KnowingEngine:
        raise InputError("cannot read network x.onnx")

    window.session.live._worker._loader._open = opener  # type: ignore[assignment]
    press(qtbot, window, Key.Key_H)
    qtbot.waitUntil(lambda: window.picture.banner.notice is not None, timeout=5000)
    assert "Cannot read network" in window.picture.banner.notice.text  # type: ignore[union-attr]
    assert window.toolbar.model.chosen_key() == "body"
    wait_for_pose(window, qtbot, "body")
    qtbot.waitUntil(lambda: "body" in window.toolbar.source.text(), timeout=2000)
    assert window.picture.banner.isVisible(), "the demo that opens again has nothing to do with it"
    window.close()
    assert memory.load(window._store).model == "body", "the next start does not fail again"


def test_a_result_that_was_on_its_way_shows_no_old_joints(window: MainWindow, qtbot: QtBot) -> None:
    session = window.session
    old = session.latest
    assert old is not None and old.poses
    window.session.live._worker.load = lambda recipe, engine: None  # type: ignore[method-assign]
    press(qtbot, window, Key.Key_H)
    pause(qtbot, window)
    session.live.results.put(replace(old, generation=session.live.generation))
    session._take_result()
    assert session.latest is not None and session.latest.poses == () and session.latest.skeleton.name == "hand"


def test_late_answer_to_an_earlier_wish_changes_nothing(window: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, window, Key.Key_H)
    session = window.session
    session._handle(Event("engine-failed", "body could not start", asked=("body", "torch")))
    assert window.picture.banner.notice is None and window.toolbar.model.chosen_key() == "hand"
    wait_for_pose(window, qtbot, "hand")


def test_stage_by_key_click_and_arrow(window: MainWindow, qtbot: QtBot) -> None:
    strip = window.strip
    qtbot.waitUntil(lambda: strip._count() == 4, timeout=2000)
    press(qtbot, window, Key.Key_2)
    assert window.state.view.stage == 1
    press(qtbot, window, Key.Key_9)
    assert window.state.view.stage == 1, "there is no stage 9"
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip.tile(2).center().toPoint())
    assert window.state.view.stage == 2
    press(qtbot, window, Key.Key_End)
    assert window.state.view.stage is None
    qtbot.keyClick(strip, Key.Key_Left)
    assert window.state.view.stage == 2
    press(qtbot, window, Key.Key_0)
    assert window.state.view.stage is None


def test_joint_by_list_key_and_picture(window: MainWindow, qtbot: QtBot) -> None:
    joints = window.joints.list
    qtbot.mouseMove(joints, QPoint(80, int(joints.row(4).center().y())))
    qtbot.waitUntil(lambda: window.state.view.highlight == 4, timeout=5000)
    qtbot.mouseClick(joints, Qt.MouseButton.LeftButton, pos=QPoint(80, int(joints.row(3).center().y())))
    assert window.state.view.joint == 3
    press(qtbot, window, Key.Key_K)
    assert window.state.view.joint == 2
    press(qtbot, window, Key.Key_N)
    assert window.state.view.joint == NO_MAP
    press(qtbot, window, Key.Key_A)
    assert window.state.view.joint == ALL_JOINTS
    qtbot.mouseClick(window.joints.maps._buttons["background"], Qt.MouseButton.LeftButton)
    assert window.state.view.joint == BACKGROUND
    pause(qtbot, window)
    result = window.picture.result
    assert result is not None
    x, y = result.poses[0].keypoints[13, :2].tolist()
    at = window.picture.frame_to_widget(x, y).toPoint()
    qtbot.mouseMove(window.picture, at)
    qtbot.waitUntil(lambda: window.state.view.highlight == 13, timeout=2000)
    qtbot.mouseClick(window.picture, Qt.MouseButton.LeftButton, pos=at)
    assert window.state.view.joint == 13


def test_hiding_a_joint(window: MainWindow, qtbot: QtBot) -> None:
    joints = window.joints.list
    qtbot.mouseClick(joints, Qt.MouseButton.LeftButton, pos=joints.check_box(5).center().toPoint())
    assert window.state.view.hidden == {5}
    joints.setFocus()
    qtbot.keyClick(joints, Key.Key_Down)
    assert window.state.view.joint == 0
    qtbot.keyClick(joints, Key.Key_Space)
    assert window.state.view.hidden == {0, 5}
    assert not window.session.live.paused, "Space belongs to the list while it has the focus"


def test_skeleton_is_painted_where_the_joints_are(window: MainWindow, qtbot: QtBot) -> None:
    pause(qtbot, window)
    press(qtbot, window, Key.Key_N)
    result = window.picture.result
    assert result is not None
    pose, skeleton = result.poses[0], result.skeleton
    assert float(np.hypot(*(pose.stages[0] - pose.stages[-1])[:, :2].mean(axis=0))) == pytest.approx(EARLY_SHIFT, abs=3)
    last = pixels(window.picture.grab().toImage())
    for joint in (0, 6, 11, 13):
        at = window.picture.frame_to_widget(*pose.keypoints[joint, :2].tolist())
        colour = last[round(at.y()), round(at.x())].astype(int)
        assert np.abs(colour - skeleton.colours[joint]).max() < 12, skeleton.joints[joint]
    press(qtbot, window, Key.Key_1)
    first = pixels(window.picture.grab().toImage())
    at = window.picture.frame_to_widget(*pose.stages[0, 13, :2].tolist())
    colour = first[round(at.y()), round(at.x())].astype(int)
    assert np.abs(colour - skeleton.colours[13]).max() < 12
    assert np.abs(first.astype(int) - last).mean() > 0.3
    before = first
    press(qtbot, window, Key.Key_M)
    mirrored = pixels(window.picture.grab().toImage())
    at = window.picture.frame_to_widget(*pose.stages[0, 13, :2].tolist())
    colour = mirrored[round(at.y()), round(at.x())].astype(int)
    assert np.abs(colour - skeleton.colours[13]).max() < 12
    assert np.abs(mirrored.astype(int) - before).mean() > 5


def test_glow_is_painted(window: MainWindow, qtbot: QtBot) -> None:
    pause(qtbot, window)
    with_glow = pixels(window.picture.grab().toImage()).astype(int)
    press(qtbot, window, Key.Key_G)
    without = pixels(window.picture.grab().toImage()).astype(int)
    assert np.abs(with_glow - without).mean() > 1


def test_pause_step_and_go_on(window: MainWindow, qtbot: QtBot) -> None:
    pause(qtbot, window)
    result = window.picture.result
    assert result is not None
    index = result.frame.index
    qtbot.wait(150)
    assert window.picture.result is result and window.picture._paused, "and says so"
    press(qtbot, window, Key.Key_Period)
    qtbot.waitUntil(lambda: window.picture.result.frame.index == index + 1, timeout=2000)  # type: ignore[union-attr]
    press(qtbot, window, Key.Key_Space)
    qtbot.waitUntil(lambda: window.picture.result.frame.index > index + 2, timeout=2000)  # type: ignore[union-attr]
    assert not window.picture._paused


def test_another_engine_leaves_a_still_picture_alone(window: MainWindow, qtbot: QtBot) -> None:
    pause(qtbot, window)
    result = window.picture.result
    session = window.session
    assert result is not None and session.recipe is not None
    session._handle(Event("engine", "another engine", asked=(session.recipe.name, session.engine)))
    qtbot.wait(200)
    assert window.picture.result is result


def test_the_list_of_joints_stays_where_it_was_scrolled_to(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(800, 600)
    panel = window.joints
    window.state.set(joint=0)
    bar = panel._scroll.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 20, timeout=2000)
    bar.setValue(bar.maximum())
    window.state.set(highlight=13)
    assert bar.value() == bar.maximum()
    window.state.set(joint=1)
    assert bar.value() < bar.maximum()


def test_a_click_on_a_joint_or_a_stage_leaves_the_keys_to_the_window(window: MainWindow, qtbot: QtBot) -> None:
    joints = window.joints.list
    qtbot.mouseClick(joints, Qt.MouseButton.LeftButton, pos=QPoint(60, 30))
    assert window.state.view.joint >= 0
    qtbot.mouseClick(window.strip, Qt.MouseButton.LeftButton, pos=window.strip.tile(1).center().toPoint())
    assert not joints.hasFocus() and not window.strip.hasFocus()
    pause(qtbot, window)
    assert not window.state.view.hidden


def test_a_snapshot_under_way_is_written_before_the_window_closes(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def slow(*arguments: object) -> Path:
        time.sleep(0.6)
        return write_snapshot(*arguments)  # type: ignore[arg-type, return-value]

    monkeypatch.setattr("cpm_live.gui.session.write_snapshot", slow)
    press(qtbot, window, Key.Key_S)
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
    assert len(list((tmp_path / "out").glob("*.png"))) == 1


def test_records_a_film(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    import av

    press(qtbot, window, Key.Key_R)
    assert window.toolbar.record.isChecked()
    qtbot.waitUntil(lambda: window.session.live.stats().recorded > 8, timeout=8000)
    qtbot.waitUntil(lambda: "REC" in window.status.recording.text(), timeout=2000)
    press(qtbot, window, Key.Key_R)
    qtbot.waitUntil(lambda: window.picture.banner.notice is not None, timeout=5000)
    assert not window.toolbar.record.isChecked()
    (path,) = (tmp_path / "out").glob("*.mp4")
    notice = window.picture.banner.notice
    assert notice is not None and notice.kind == "done" and str(path) in notice.text
    with av.open(str(path)) as film:
        assert sum(1 for _ in film.decode(video=0)) > 5


def test_takes_a_snapshot(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    press(qtbot, window, Key.Key_S)
    qtbot.waitUntil(lambda: window.picture.banner.notice is not None, timeout=5000)
    (path,) = (tmp_path / "out").glob("*.png")
    image = cv2.imread(str(path))
    assert image is not None and image.shape == (480, 640, 3)
    assert str(path) in window.picture.banner.notice.text  # type: ignore[union-attr]


def test_snapshot_into_a_file_says_why_not(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    press(qtbot, window, Key.Key_S)
    qtbot.waitUntil(lambda: window.picture.banner.notice is not None, timeout=5000)
    assert window.picture.banner.notice.kind == "error"  # type: ignore[union-attr]


def test_closing_ends_all_threads_and_the_recording(open_window: Opener, qtbot: QtBot, tmp_path: Path) -> None:
    import av

    window = open_window()
    wait_for_pose(window, qtbot)
    press(qtbot, window, Key.Key_R)
    qtbot.waitUntil(lambda: window.session.live.stats().recorded > 6, timeout=8000)
    started = time.monotonic()
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
        assert not window.isVisible()
        assert time.monotonic() - started < 0.3, "close itself does not wait"
    assert time.monotonic() - started < 2.0
    qtbot.waitUntil(lambda: not our_threads(), timeout=500)
    (path,) = (tmp_path / "out").glob("*.mp4")
    with av.open(str(path)) as film:
        assert sum(1 for _ in film.decode(video=0)) > 5


def test_remembers_across_windows(open_window: Opener, qtbot: QtBot, store: QSettings) -> None:
    first = open_window()
    wait_for_pose(first, qtbot)
    for key in (Key.Key_H, Key.Key_T, Key.Key_X, Key.Key_G, Key.Key_D):
        press(qtbot, first, key)
    with qtbot.waitSignal(first.stopped, timeout=5000):
        first.close()
    second = open_window(source=None)
    wait_for_pose(second, qtbot, "hand")
    kept = second.settings
    assert (kept.model, kept.theme, kept.boxes, kept.glow, kept.source) == ("hand", "light", True, False, "demo")
    assert second.state.view.boxes and second.state.view.glow == 0
    assert second.size() == first.size()


def test_old_generations_are_dropped(window: MainWindow, qtbot: QtBot) -> None:

    result = window.picture.result
    assert result is not None
    pause(qtbot, window)
    window.session.live.results.put(replace(result, generation=result.generation - 1))
    before = window.picture.result
    qtbot.wait(60)
    assert window.picture.result is before


def test_help_lists_every_key(window: MainWindow, qtbot: QtBot) -> None:
    dialog = HelpDialog(window)
    qtbot.addWidget(dialog)
    words = {label.text() for label in dialog.findChildren(QLabel)}
    for entry in SHORTCUTS:
        assert entry.what in words
        assert set(entry.shown or entry.keys) <= words


def test_everything_pressable_has_a_name(window: MainWindow) -> None:
    bar = window.toolbar
    for widget in (bar.source, bar.engine, bar.mirror, bar.glow, bar.boxes, bar.pause, bar.step, bar.snapshot,
                   bar.record, bar.theme, bar.help, window.strip, window.joints.list, window.picture):  # fmt: skip
        assert widget.accessibleName(), widget
    assert "(Space)" in bar.pause.toolTip() and "(R)" in bar.record.toolTip()


def test_fits_800_by_600(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(800, 600)
    qtbot.wait(50)
    assert (window.width(), window.height()) == (800, 600)
    assert window.toolbar.help.geometry().right() <= 800
    assert window.picture.width() >= 400 and window.side.width() >= 220
