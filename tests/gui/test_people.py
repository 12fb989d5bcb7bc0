"""Several people in the window: who is who, the lock, hands, how they are followed."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QSettings, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import BODY, HAND, LEFT
from cpm_live.drawing.people import person_colour
from cpm_live.drawing.view import ALL_JOINTS, NO_MAP
from cpm_live.engines.base import Engine
from cpm_live.engines.recipe import Recipe
from cpm_live.gui import settings
from cpm_live.gui.lock import LockWatch
from cpm_live.gui.settings import Settings
from cpm_live.gui.theme import THEMES
from cpm_live.gui.widgets import Slider
from cpm_live.gui.window import MainWindow
from cpm_live.recording.recorder import paint
from tests.gui.conftest import Opener, shown, wait_for_people
from tests.gui.crowd import Room, crowd_openers
from tests.gui.test_window import pause, pixels, press

Key = Qt.Key


def person_at(result: Result, x: float) -> Pose:
    """The one whose middle is nearest to a column of the frame."""
    return min(result.poses, key=lambda pose: abs(pose.box[0] + pose.box[2] / 2 - x))


def spot(window: MainWindow, pose: Pose) -> QPoint:
    """A place on a person where no joint is near."""
    x, y, w, h = pose.box
    at = window.picture.frame_to_widget(x + w * 0.06, y + h * 0.06)
    assert window.picture.joint_at(at) < 0
    return at.toPoint()


def test_everybody_is_painted_in_their_own_colour(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_N)
    pause(qtbot, crowd)
    result = shown(crowd)
    assert len({pose.id for pose in result.poses}) == 3
    picture = pixels(crowd.picture.grab().toImage()).astype(int)
    film = paint(result, crowd.state.view).astype(int)
    elbow, wrist = 10, 11
    for pose in result.poses:
        colour = person_colour(result, pose)
        assert colour is not None
        points = pose.keypoints
        x, y = points[[elbow, wrist], :2].mean(axis=0).tolist()
        at = crowd.picture.frame_to_widget(x, y).toPoint()
        near = picture[at.y() - 2 : at.y() + 3, at.x() - 2 : at.x() + 3].reshape(-1, 3)
        assert np.abs(near - colour).max(axis=1).min() < 12
        recorded = film[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2, ::-1].reshape(-1, 3)
        assert np.abs(recorded - colour).max(axis=1).min() < 40, "recordings show the same"
        at = crowd.picture.frame_to_widget(*points[wrist, :2].tolist())
        assert np.abs(picture[round(at.y()), round(at.x())] - LEFT).max() < 12, "joints go on telling the side"


def test_alone_the_limbs_tell_the_side(crowd: MainWindow) -> None:
    result = shown(crowd)
    alone = replace(result, poses=result.poses[:1])
    assert person_colour(alone, alone.poses[0]) is None
    assert person_colour(replace(result, skeleton=HAND), result.poses[0]) is None
    assert len({person_colour(result, pose) for pose in result.poses}) == 3
    later = replace(
        result, poses=tuple(replace(pose, id=id) for pose, id in zip(result.poses, (3, 11, 4), strict=True))
    )
    assert len({person_colour(later, pose) for pose in later.poses}) == 3, "numbers go on, colours are eight"


def test_a_click_shows_that_persons_joints(crowd: MainWindow, qtbot: QtBot) -> None:
    pause(qtbot, crowd)
    result = shown(crowd)
    last = person_at(result, 530)
    qtbot.mouseClick(crowd.picture, Qt.MouseButton.LeftButton, pos=spot(crowd, last))
    assert crowd.joints.list._result is not None and crowd.joints.list._result.poses[0] is last
    assert crowd.strip._result is not None and crowd.strip._result.poses[0] is last
    assert f"#{last.id}" in crowd.joints.heading.text()
    assert crowd.state.view.joint == ALL_JOINTS, "no joint was clicked"
    press(qtbot, crowd, Key.Key_P)
    after = crowd.joints.list._result.poses[0].id
    names = sorted(pose.id for pose in result.poses)
    assert after == names[(names.index(last.id) + 1) % 3]
    crowd.following.choose(names[1])
    press(qtbot, crowd, Key.Key_Space)
    qtbot.waitUntil(lambda: crowd.charts.history.beliefs().shape[0] > 5, timeout=3000)

    def charted() -> float:
        return float(crowd.charts.history.beliefs()[-1].sum())

    own = next(pose for pose in shown(crowd).poses if pose.id == names[1])
    assert charted() == pytest.approx(own.stages[-1, :, 2].sum(), abs=0.2), "that person's, not the first one's"


def test_budget_counts_whom_it_leaves_out(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_F, Qt.KeyboardModifier.ShiftModifier)
    assert crowd.panel.isVisible() and crowd.toolbar.following.isChecked()
    assert "4" in crowd.panel.people.value.text() and "usual" in crowd.panel.people.value.text()
    crowd.panel.people.slider.setValue(2)
    assert crowd.session.live.options.people == 2
    wait_for_people(crowd, qtbot, 2)
    qtbot.waitUntil(lambda: "1 more not followed" in crowd.status.people.toolTip(), timeout=5000)
    assert crowd.status.people.isVisible()
    crowd.panel.people.slider.setValue(3)
    wait_for_people(crowd, qtbot, 3)
    qtbot.waitUntil(lambda: "more" not in crowd.status.people.toolTip(), timeout=3000)
    press(qtbot, crowd, Key.Key_Escape)
    assert not crowd.panel.isVisible() and not crowd.toolbar.following.isChecked()


def test_double_click_locks_and_escape_releases(crowd: MainWindow, qtbot: QtBot) -> None:
    result = shown(crowd)
    target = person_at(result, 320)
    qtbot.mouseDClick(crowd.picture, Qt.MouseButton.LeftButton, pos=spot(crowd, target))
    assert crowd.session.live.options.lock == target.id
    qtbot.waitUntil(lambda: shown(crowd).locked == target.id and len(shown(crowd).poses) == 1, timeout=5000)
    badge = crowd.status.release
    qtbot.waitUntil(lambda: badge.isVisible() and f"#{target.id}" in badge.text(), timeout=3000)
    pause(qtbot, crowd)
    with_lock = pixels(crowd.picture.grab().toImage()).astype(int)
    film = paint(shown(crowd), crowd.state.view).astype(int)
    crowd.picture.show_result(replace(shown(crowd), locked=None))
    without = pixels(crowd.picture.grab().toImage()).astype(int)
    assert np.abs(with_lock - without).mean() > 0.1, "the one that is locked on is marked, boxes or not"
    result = shown(crowd)
    crowd.picture.show_result(replace(result, locked=target.id))
    crowd.state.set(boxes=True)
    boxed = pixels(crowd.picture.grab().toImage()).astype(int)
    assert (boxed == with_lock).all(), "their box is the lock's: two numbers would lie over each other"
    crowd.state.set(boxes=False)
    crowd.picture.show_result(result)
    assert np.abs(film - paint(replace(shown(crowd), locked=None), crowd.state.view)).mean() > 0.05
    press(qtbot, crowd, Key.Key_Space)
    press(qtbot, crowd, Key.Key_Escape)
    assert crowd.session.live.options.lock is None
    wait_for_people(crowd, qtbot, 3)
    qtbot.waitUntil(lambda: not badge.isVisible(), timeout=3000)
    assert crowd.picture.banner.notice is None, "nothing to say about what the person did"


def test_lock_by_key_menu_and_badge(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_P)
    chosen = crowd.following.chosen
    press(qtbot, crowd, Key.Key_L)
    assert crowd.session.live.options.lock == chosen is not None
    qtbot.waitUntil(lambda: crowd.status.release.isVisible(), timeout=3000)
    qtbot.mouseClick(crowd.status.release, Qt.MouseButton.LeftButton)
    assert crowd.session.live.options.lock is None
    wait_for_people(crowd, qtbot, 3)
    menu = crowd.following.menu(chosen)
    first, *_ = menu.actions()
    assert first.text() == f"Lock on #{chosen}"
    first.trigger()
    assert crowd.session.live.options.lock == chosen
    press(qtbot, crowd, Key.Key_L)
    assert crowd.session.live.options.lock is None


def test_an_engine_that_cannot_be_had_releases_nobody(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Qt.Key.Key_L)
    qtbot.waitUntil(lambda: crowd.session.latest.locked is not None, timeout=3000)  # type: ignore[union-attr]
    locked = crowd.session.latest.locked  # type: ignore[union-attr]

    def none_there(recipe: Recipe, kind: str) -> Engine:
        raise InputError("torch is not installed")

    crowd.session.live._worker._loader._open = none_there
    crowd._choose_engine("torch")
    qtbot.waitUntil(lambda: crowd.picture.banner.notice is not None, timeout=3000)
    qtbot.wait(200)
    assert crowd.following.state.options.lock == locked == crowd.session.latest.locked  # type: ignore[union-attr]
    assert crowd.status.release.isVisibleTo(crowd)


def test_double_click_on_a_joint_keeps_the_map(crowd: MainWindow, qtbot: QtBot) -> None:
    crowd.state.set(joint=5)
    pause(qtbot, crowd)
    pose = shown(crowd).poses[0]
    at = crowd.picture.frame_to_widget(*pose.keypoints[13, :2].tolist()).toPoint()
    qtbot.mouseClick(crowd.picture, Qt.MouseButton.LeftButton, pos=at)
    assert crowd.state.view.joint == 13
    qtbot.mouseDClick(crowd.picture, Qt.MouseButton.LeftButton, pos=at)
    assert crowd.session.live.options.lock == pose.id
    assert crowd.state.view.joint == 5, "its first click chose joint 13; the second takes that back"


def test_lock_ends_when_the_person_leaves(crowd: MainWindow, qtbot: QtBot, room: Room) -> None:
    target = person_at(shown(crowd), 110)
    qtbot.mouseDClick(crowd.picture, Qt.MouseButton.LeftButton, pos=spot(crowd, target))
    qtbot.waitUntil(lambda: shown(crowd).locked == target.id, timeout=5000)
    del room.places[0]
    qtbot.waitUntil(lambda: crowd.session.live.options.lock is None, timeout=15000)
    notice = crowd.picture.banner.notice
    assert notice is not None and f"#{target.id} has left" in notice.text
    wait_for_people(crowd, qtbot, 2)
    qtbot.waitUntil(lambda: not crowd.status.release.isVisible(), timeout=3000)


def test_double_click_where_nobody_is(crowd: MainWindow, qtbot: QtBot) -> None:
    at = crowd.picture.frame_to_widget(215, 450).toPoint()
    qtbot.mouseDClick(crowd.picture, Qt.MouseButton.LeftButton, pos=at)
    lock = crowd.session.live.options.lock
    assert isinstance(lock, tuple) and np.hypot(lock[0] - 215, lock[1] - 450) < 2
    qtbot.waitUntil(lambda: any("Looking" in note for note in crowd.picture._notes), timeout=3000)
    assert crowd.status.release.isVisible()
    qtbot.waitUntil(lambda: crowd.session.live.options.lock is None, timeout=15000)
    assert "Nobody was found there" in crowd.picture.banner.notice.text  # type: ignore[union-attr]


def test_another_source_forgets_lock_and_choice(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_L)
    assert crowd.session.live.options.lock is not None
    press(qtbot, crowd, Key.Key_D)
    assert crowd.session.live.options.lock is None and crowd.following.chosen is None


def test_body_and_hands(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_N)
    press(qtbot, crowd, Key.Key_H, Qt.KeyboardModifier.ShiftModifier)
    assert crowd.toolbar.hands.isChecked() and crowd.session.live.options.hands
    qtbot.waitUntil(lambda: len(shown(crowd).hands) >= 2, timeout=9000)
    qtbot.waitUntil(lambda: "hands" in crowd.status.people.toolTip(), timeout=3000)
    pause(qtbot, crowd)
    result = shown(crowd)
    assert result.skeleton.name == "body"
    picture = pixels(crowd.picture.grab().toImage()).astype(int)
    hand = max(result.hands, key=lambda pose: pose.box[2])
    at = crowd.picture.frame_to_widget(*hand.keypoints[8, :2].tolist()).toPoint()
    near = picture[at.y() - 2 : at.y() + 3, at.x() - 2 : at.x() + 3].reshape(-1, 3)
    assert np.abs(near - HAND.colours[8]).max(axis=1).min() < 40
    press(qtbot, crowd, Key.Key_Space)
    press(qtbot, crowd, Key.Key_H)
    qtbot.waitUntil(lambda: shown(crowd).model == "hand" and shown(crowd).stage_count > 0, timeout=5000)
    assert not crowd.toolbar.hands.isEnabled() and not crowd.panel.hands.isEnabled()
    press(qtbot, crowd, Key.Key_H, Qt.KeyboardModifier.ShiftModifier)
    assert "body model" in crowd.picture.banner.notice.text  # type: ignore[union-attr]
    # Its first result may be there before word that it runs, with which it is remembered.
    qtbot.waitUntil(lambda: crowd.settings.model == "hand", timeout=5000)
    assert crowd.settings.model == "hand" and crowd.session.live.options.hands, "kept for when the body is back"


def test_thresholds_and_smoothing(crowd: MainWindow, qtbot: QtBot) -> None:
    live, panel = crowd.session.live, crowd.panel
    recipe = crowd.session.recipe
    assert recipe is not None
    assert panel.joint.number() == pytest.approx(recipe.joint_threshold)
    assert panel.sure.number() == pytest.approx(recipe.find_threshold)
    before = live.options.smoothing
    press(qtbot, crowd, Key.Key_BracketRight)
    assert live.options.smoothing == pytest.approx(before + 0.1)
    for _ in range(12):
        press(qtbot, crowd, Key.Key_BracketLeft)
    assert live.options.smoothing == 0 and panel.smoothing.slider.value() == 0
    panel.joint.slider.setValue(72)
    panel.sure.slider.setValue(30)
    assert (live.options.joint_threshold, live.options.find_threshold) == (0.72, 0.3)
    assert panel.joint.value.text() == "0.72"
    qtbot.waitUntil(lambda: shown(crowd).joint_threshold == 0.72, timeout=3000)
    pause(qtbot, crowd)
    panel.joint.slider.setValue(95)
    assert shown(crowd).joint_threshold == 0.95, "a still picture shows it too"
    press(qtbot, crowd, Key.Key_H)
    assert live.options.joint_threshold is None, "what was set for the body is not meant for the hand"
    press(qtbot, crowd, Key.Key_B)
    assert live.options.joint_threshold == 0.95
    qtbot.mouseClick(panel.back, Qt.MouseButton.LeftButton)
    assert (live.options.joint_threshold, live.options.find_threshold) == (None, None)
    assert live.options.smoothing == before and not panel.back.isEnabled()


def test_following_is_remembered(open_window: Opener, qtbot: QtBot, store: QSettings, room: Room) -> None:
    first = open_window(fakes=crowd_openers(room))
    wait_for_people(first, qtbot, 3)
    first.panel.people.slider.setValue(2)
    first.panel.joint.slider.setValue(55)
    press(qtbot, first, Key.Key_BracketLeft)
    press(qtbot, first, Key.Key_H, Qt.KeyboardModifier.ShiftModifier)
    wished = first.session.live.options
    with qtbot.waitSignal(first.stopped, timeout=5000):
        first.close()
    second = open_window(fakes=crowd_openers(room))
    wait_for_people(second, qtbot, 2)
    assert second.session.live.options == wished
    assert second.panel.joint.value.text() == "0.55" and second.panel.people.number() == 2


def test_damaged_following_falls_back(store: QSettings, open_window: Opener, caplog: pytest.LogCaptureFixture) -> None:
    settings.save(store, Settings(following={"body.people": 99, "body.joint": -3, "body.find": 0.3, "nonsense": 1}))
    window = open_window()
    options = window.session.live.options
    assert (options.people, options.joint_threshold, options.find_threshold) == (None, None, 0.3)
    assert sum("using the recipe's" in record.message for record in caplog.records) == 3


def test_unsure_joints_are_hollow(crowd: MainWindow, qtbot: QtBot, room: Room) -> None:
    press(qtbot, crowd, Key.Key_N)
    wrist, ankle = 11, 0
    room.weak.update({wrist: 0.45, ankle: 0.05})
    assert crowd.state.view.joint == NO_MAP
    qtbot.waitUntil(lambda: shown(crowd).poses[0].keypoints[wrist, 2] < 0.47, timeout=5000)
    pause(qtbot, crowd)
    pose = shown(crowd).poses[0]
    assert shown(crowd).hollow_threshold < pose.keypoints[wrist, 2] < shown(crowd).joint_threshold
    picture = pixels(crowd.picture.grab().toImage()).astype(int)

    def around(joint: int, radius: int) -> np.ndarray:
        at = crowd.picture.frame_to_widget(*pose.keypoints[joint, :2].tolist()).toPoint()
        piece = picture[at.y() - radius : at.y() + radius + 1, at.x() - radius : at.x() + radius + 1]
        return np.abs(piece.reshape(-1, 3) - LEFT).max(axis=1)

    assert around(wrist, 0).min() > 60, "nothing in the middle"
    assert around(wrist, 8).min() < 40, "but a ring around it"
    at = crowd.picture.frame_to_widget(*pose.keypoints[ankle, :2].tolist())
    assert crowd.picture.joint_at(at) != ankle, "what nobody believes in is not there for the mouse either"


def test_what_cannot_be_pressed_looks_so(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_H)
    for name in ("dark", "light"):
        crowd.apply_theme(name)
        for button in (crowd.toolbar.hands, crowd.toolbar.step):
            assert not button.isEnabled()
            normal, _, disabled = button._loaded[1]  # type: ignore[index]
            assert (normal, disabled) == (THEMES[name].text, THEMES[name].muted)


def test_status_line_fits_a_narrow_window(crowd: MainWindow, qtbot: QtBot) -> None:
    crowd.resize(800, 600)
    crowd.status.show_people(8, 16, 12, "#123 left")
    crowd.status.dot.show()
    crowd.status.recording.setText("REC 12:34   12345 written")
    crowd.status.recording.show()
    crowd.status.layout().activate()  # type: ignore[union-attr]
    assert crowd.status.minimumSizeHint().width() <= 800
    assert crowd.status.people.toolTip() == "8 followed, 12 more not followed, 16 hands"
    bar = crowd.toolbar
    bar.layout().activate()  # type: ignore[union-attr]
    assert bar.minimumSizeHint().width() <= 800, "nothing is squeezed"
    crowd.resize(1200, 700)
    assert all(divider.isVisibleTo(bar) for divider in bar._dividers)


def test_keys_belong_to_the_focused_slider_and_button(crowd: MainWindow, qtbot: QtBot) -> None:
    panel = crowd.following.panel
    crowd.following.panel.toggle(crowd.toolbar, crowd.picture)
    qtbot.waitUntil(panel.isVisible)
    slider = panel.smoothing.slider
    slider.setFocus()
    before, stage = slider.value(), crowd.state.view.stage
    for key in (Key.Key_Right, Key.Key_Right, Key.Key_End):
        qtbot.keyClick(slider, key)
    assert slider.value() == slider.maximum() > before and crowd.state.view.stage == stage
    panel.back.setFocus()
    qtbot.keyClick(panel.back, Key.Key_Space)
    assert slider.value() == before and not crowd.session.live.paused


def test_a_joint_chosen_after_a_click_stays(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_P)
    qtbot.wait(QApplication.doubleClickInterval() + 100)
    crowd.state.set(joint=5)
    qtbot.mouseDClick(crowd.picture, Qt.MouseButton.LeftButton, pos=QPoint(8, 60))
    assert crowd.state.view.joint == 5


def test_a_lock_waits_as_long_after_a_pause_as_without_one() -> None:
    """The results' own clock counts, not the one on the wall."""
    watch = LockWatch()
    watch.asked((10.0, 10.0))
    now = time.perf_counter_ns() + 60 * 10**9
    told = [watch.take(_nobody(now + step * 10**9 // 4)) for step in range(14)]
    assert told[:10] == [""] * 10, "a second of the machine's own time is not over yet"
    assert any("Nobody was found there" in line for line in told[10:])


def _nobody(finished_ns: int) -> Result:
    frame = Frame(np.zeros((8, 8, 3), np.uint8), 0, 0)
    return Result(frame, (), BODY, "body", 4, 0.4, finished_ns=finished_ns)


def test_closing_the_panel_gives_the_keys_back_to_the_window(crowd: MainWindow, qtbot: QtBot) -> None:
    press(qtbot, crowd, Key.Key_F, Qt.KeyboardModifier.ShiftModifier)
    slider = crowd.following.panel.findChild(Slider)
    slider.setFocus()
    assert slider.hasFocus()
    press(qtbot, crowd, Key.Key_Escape)
    assert not crowd.following.panel.isVisible() and QApplication.focusWidget() is crowd
