"""The bar below a film, and the picture alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cpm_live.capture.base import SourceInfo
from cpm_live.gui.timeline import _clock
from cpm_live.gui.window import MainWindow
from tests.capture.films import film, picture
from tests.gui.conftest import Opener, wait_for_pose
from tests.gui.test_window import press

Key = Qt.Key


def _at(window: MainWindow) -> float:
    result = window.picture.result
    at = result.frame.media_time if result is not None else None
    return -1.0 if at is None else at


INFO = SourceInfo("folder", "photos", live=False, mirror=False, width=64, height=48, fps=10)


@pytest.fixture
def watching(open_window: Opener, qtbot: QtBot, tmp_path: Path) -> MainWindow:
    """A window that stands still at the beginning of a film of eight seconds."""
    window = open_window(str(film(tmp_path / "a.mp4", 160)))
    qtbot.waitUntil(lambda: _at(window) > 0.1, timeout=5000)
    press(qtbot, window, Key.Key_Space)
    qtbot.wait(200)
    return window


def test_a_film_is_gone_through_by_its_bar(watching: MainWindow, qtbot: QtBot) -> None:
    line = watching.timeline
    assert line.bar.isVisible() and line.bar.maximum() == pytest.approx(8000, abs=60)
    assert line.bar.value() == pytest.approx(1000 * _at(watching), abs=2)
    middle = QPoint(line.bar.width() // 2, line.bar.height() // 2)
    qtbot.mousePress(line.bar, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseRelease(line.bar, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.waitUntil(lambda: abs(_at(watching) - 4.0) < 0.15, timeout=5000)
    assert watching.session.live.paused and line.time.text().startswith(("0:03.9", "0:04.0"))
    assert line.time.text().endswith("/ 0:08.0")
    before = _at(watching)
    press(qtbot, watching, Key.Key_Left)
    qtbot.waitUntil(lambda: _at(watching) == pytest.approx(before - 0.05, abs=2e-3), timeout=5000)
    for _ in range(3):
        press(qtbot, watching, Key.Key_Left)
    qtbot.waitUntil(lambda: _at(watching) == pytest.approx(before - 0.2, abs=2e-3), timeout=5000)
    press(qtbot, watching, Key.Key_Right)
    qtbot.waitUntil(lambda: _at(watching) == pytest.approx(before - 0.15, abs=2e-3), timeout=5000)
    press(qtbot, watching, Key.Key_Space)
    qtbot.waitUntil(lambda: _at(watching) > before + 0.1, timeout=5000)
    assert line.bar.value() == pytest.approx(1000 * _at(watching), abs=2)


def test_other_buttons_do_not_move_the_bar(watching: MainWindow, qtbot: QtBot) -> None:
    bar = watching.timeline.bar
    before = bar.value()
    for button in (Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton):
        qtbot.mouseClick(bar, button, pos=QPoint(bar.width() // 2, bar.height() // 2))
    assert bar.value() == before


def test_who_holds_the_bar_is_not_pulled_away(watching: MainWindow, qtbot: QtBot) -> None:
    bar = watching.timeline.bar
    press(qtbot, watching, Key.Key_Space)
    at = QPoint(bar.width() // 4, bar.height() // 2)
    qtbot.mousePress(bar, Qt.MouseButton.LeftButton, pos=at)
    held = bar.value()
    qtbot.wait(300)
    assert bar.value() == held
    qtbot.mouseRelease(bar, Qt.MouseButton.LeftButton, pos=at)
    qtbot.waitUntil(lambda: bar.value() != held, timeout=5000)


def test_the_bar_stands_where_the_picture_is(watching: MainWindow, qtbot: QtBot) -> None:
    """Of what comes while the handle is held nothing moves it; let go, it must not go on saying what was asked for."""
    line = watching.timeline
    qtbot.mousePress(line.bar, Qt.MouseButton.LeftButton, pos=QPoint(line.bar.width() // 2, 5))
    qtbot.waitUntil(lambda: abs(_at(watching) - 4.0) < 0.15, timeout=5000)
    line.bar.setSliderPosition(line.bar.value() + 37)  # between two pictures
    qtbot.wait(400)
    assert line.bar.value() != pytest.approx(1000 * _at(watching), abs=2)
    qtbot.mouseRelease(line.bar, Qt.MouseButton.LeftButton, pos=QPoint(line.bar.width() // 2, 5))
    qtbot.waitUntil(lambda: line.bar.value() == pytest.approx(1000 * _at(watching), abs=2), timeout=5000)


def test_a_release_that_went_to_a_dialog_does_not_hold_the_bar(
    watching: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar = watching.timeline.bar
    press(qtbot, watching, Key.Key_Space)
    held = Qt.MouseButton.LeftButton
    monkeypatch.setattr(QApplication, "mouseButtons", lambda: held)
    bar.setSliderDown(True)
    stood = bar.value()
    qtbot.wait(300)
    assert bar.isSliderDown() and bar.value() == stood
    held = Qt.MouseButton.NoButton
    qtbot.waitUntil(lambda: not bar.isSliderDown() and bar.value() != stood, timeout=5000)


def test_another_film_begins_at_its_beginning(watching: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    bar, live = watching.timeline.bar, watching.session.live
    press(qtbot, watching, Key.Key_Space)
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=QPoint(bar.width() - 40, bar.height() // 2))
    qtbot.waitUntil(lambda: _at(watching) > 5, timeout=5000)
    sought: list[float] = []
    live.seek = sought.append  # type: ignore[method-assign]
    watching.choose_source(str(film(tmp_path / "short.mp4", 40)))
    assert not watching.timeline.holder.isVisible(), "the last film's bar says nothing of the next one"
    qtbot.waitUntil(lambda: watching.timeline.holder.isVisible() and 0 < _at(watching) < 2, timeout=5000)
    assert bar.maximum() == pytest.approx(2000, abs=60) and not sought


def test_a_film_goes_on_where_it_stood_when_the_next_one_does_not_open(watching: MainWindow, qtbot: QtBot) -> None:
    watching.session.live.seek(3.0)
    qtbot.waitUntil(lambda: _at(watching) == pytest.approx(3.0, abs=2e-3), timeout=5000)
    watching.following._region_drawn((5.0, 5.0, 30.0, 30.0))
    press(qtbot, watching, Key.Key_M)
    for name in ("/nope/one.mp4", "/nope/two.mp4"):
        watching.choose_source(name)
    qtbot.waitUntil(lambda: watching.picture.banner.notice is not None, timeout=5000)
    generation = watching.session.live.generation
    qtbot.waitUntil(
        lambda: watching.picture.result is not None and watching.picture.result.generation == generation, timeout=5000
    )
    qtbot.wait(200)
    assert _at(watching) == pytest.approx(3.0, abs=2e-3) and watching.session.live.paused
    assert watching.session.live.options.region == (5.0, 5.0, 30.0, 30.0) and watching.state.view.mirror
    assert watching.toolbar.step.isEnabled()


def test_a_folder_is_gone_through_by_its_bar(open_window: Opener, qtbot: QtBot, tmp_path: Path) -> None:
    for number in range(5):
        picture(tmp_path / f"{number}.png")
    window = open_window(str(tmp_path))
    line = window.timeline
    qtbot.waitUntil(lambda: line.time.text() == "1 / 5", timeout=5000)
    press(qtbot, window, Key.Key_Space)
    for key, text in ((Key.Key_Right, "2 / 5"), (Key.Key_Right, "3 / 5"), (Key.Key_Left, "2 / 5")):
        press(qtbot, window, key)
        qtbot.waitUntil(lambda text=text: line.time.text() == text, timeout=5000)
    qtbot.mouseClick(line.bar, Qt.MouseButton.LeftButton, pos=QPoint(line.bar.width() - 20, line.bar.height() // 2))
    qtbot.waitUntil(lambda: line.time.text() == "5 / 5" and _at(window) == pytest.approx(8.0), timeout=5000)
    assert line.bar.accessibleName() == "Position in the folder"


def _folder(path: Path, count: int, damaged: Sequence[int] = ()) -> str:
    for number in range(count):
        picture(path / f"{number:02}.png")
    for number in damaged:
        (path / f"{number:02}.png").write_bytes(b"no picture")
    return str(path)


def test_a_folder_of_one_picture_has_no_bar(open_window: Opener, qtbot: QtBot, tmp_path: Path) -> None:
    window = open_window(_folder(tmp_path, 1))
    qtbot.waitUntil(lambda: window.picture.result is not None, timeout=5000)
    assert not window.timeline.holder.isVisible()


def test_back_goes_past_damaged_pictures(open_window: Opener, qtbot: QtBot, tmp_path: Path) -> None:
    window = open_window(_folder(tmp_path, 8, (4,)))
    line = window.timeline
    qtbot.waitUntil(lambda: line.time.text() == "1 / 8", timeout=5000)
    press(qtbot, window, Key.Key_Space)
    window.session.live.seek(10.1)
    qtbot.waitUntil(lambda: line.time.text() == "6 / 8", timeout=5000)
    for text in ("4 / 7", "3 / 7", "2 / 7"):
        press(qtbot, window, Key.Key_Left)
        qtbot.waitUntil(lambda text=text: line.time.text() == text, timeout=5000)


def test_a_drag_goes_past_damaged_pictures(open_window: Opener, qtbot: QtBot, tmp_path: Path) -> None:
    window = open_window(_folder(tmp_path, 12, (6,)))
    line = window.timeline
    qtbot.waitUntil(lambda: line.time.text() == "1 / 12", timeout=5000)
    press(qtbot, window, Key.Key_Space)
    width, y = line.bar.width(), line.bar.height() // 2
    qtbot.mousePress(line.bar, Qt.MouseButton.LeftButton, pos=QPoint(width // 24, y))
    for place in (3.5, 6.1, 6.3, 6.5, 6.7, 9.5):
        qtbot.mouseMove(line.bar, QPoint(int(width * place / 12), y))
        qtbot.wait(300)
    assert line.bar.isSliderDown() and line.bar.maximum() == 22_000
    qtbot.mouseRelease(line.bar, Qt.MouseButton.LeftButton, pos=QPoint(int(width * 10.5 / 12), y))
    qtbot.waitUntil(lambda: line.time.text().startswith(("9 /", "10 /", "11 /")), timeout=5000)


def test_a_late_result_does_not_take_a_folders_bar(open_window: Opener, qtbot: QtBot, tmp_path: Path) -> None:
    window = open_window(_folder(tmp_path, 4))
    line = window.timeline
    qtbot.waitUntil(lambda: line.time.text() == "1 / 4", timeout=5000)
    press(qtbot, window, Key.Key_Space)
    window.session.live.seek(6.5)
    qtbot.waitUntil(lambda: line.time.text() == "4 / 4", timeout=5000)
    late = window.session.latest
    assert late is not None and window.session.info is not None
    line._show_source(replace(window.session.info, frames=2, seconds=4.0))
    line._show_result(late)
    assert line.holder.isVisible() and line.bar.maximum() == 4000


def test_what_has_no_length_has_no_bar(open_window: Opener, qtbot: QtBot) -> None:
    window = open_window()
    wait_for_pose(window, qtbot)
    assert not window.timeline.holder.isVisible()
    press(qtbot, window, Key.Key_Left)
    window.session._source_failed("gone")
    assert not window.timeline.holder.isVisible()


def test_the_picture_alone_and_back(window: MainWindow, qtbot: QtBot) -> None:
    around = (window.toolbar, window.side, window.strip, window.status)
    before = window.picture.width()
    window.toolbar.pause.setFocus(Qt.FocusReason.TabFocusReason)
    press(qtbot, window, Key.Key_W)
    qtbot.waitUntil(lambda: window.picture.width() == window.width() > before, timeout=2000)
    assert not any(widget.isVisible() for widget in around)
    notice = window.picture.banner.notice
    assert notice is not None and "W or Esc" in notice.text
    # All keys work as before.
    press(qtbot, window, Key.Key_2)
    assert window.state.view.stage == 1
    press(qtbot, window, Key.Key_Escape)
    assert all(widget.isVisible() for widget in around)
    press(qtbot, window, Key.Key_W)
    press(qtbot, window, Key.Key_W)
    assert all(widget.isVisible() for widget in around)
    qtbot.waitUntil(lambda: window.picture.width() == before, timeout=2000)


def test_long_films_have_hours() -> None:
    assert _clock(3903.04) == "1:05:03.0" and _clock(75.5) == "1:15.5" and _clock(9.0) == "0:09.0"
    assert _clock(59.97) == "1:00.0" and _clock(3599.96) == "1:00:00.0"


def test_a_film_that_fails_for_good_takes_its_bar_along(watching: MainWindow) -> None:
    assert watching.timeline.holder.isVisible()
    watching.session._source_failed("the film is damaged after frame 9")
    assert not watching.timeline.holder.isVisible()


def test_every_picture_of_a_folder_has_its_number(window: MainWindow) -> None:
    line = window.timeline
    for count in (3, 7, 49, 110):
        line._show_source(replace(INFO, frames=count, seconds=count * 20 / 10))
        assert [line._where(n * 2.0) for n in range(count)] == [f"{n + 1} / {count}" for n in range(count)]
        assert line._where(count * 2.0) == f"{count} / {count}"


def test_the_bar_takes_no_keys(watching: MainWindow, qtbot: QtBot) -> None:
    bar = watching.timeline.bar
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=QPoint(bar.width() // 2, bar.height() // 2))
    assert not bar.hasFocus() and bar.focusPolicy() == Qt.FocusPolicy.NoFocus


def test_keys_go_through_a_film_without_the_mouse(watching: MainWindow, qtbot: QtBot) -> None:
    line, began = watching.timeline, _at(watching)
    press(qtbot, watching, Key.Key_PageDown)
    qtbot.waitUntil(lambda: _at(watching) == pytest.approx(began + 0.8, abs=0.06), timeout=5000)
    for _ in range(4):  # faster than pictures come
        press(qtbot, watching, Key.Key_PageDown)
    qtbot.waitUntil(lambda: _at(watching) == pytest.approx(began + 4.0, abs=0.11), timeout=5000)
    assert watching.session.live.paused and line.bar.value() == pytest.approx(1000 * _at(watching), abs=2)
    for _ in range(9):
        press(qtbot, watching, Key.Key_PageUp)
    qtbot.waitUntil(lambda: _at(watching) == 0, timeout=5000)
    for _ in range(12):
        press(qtbot, watching, Key.Key_PageDown)
    qtbot.waitUntil(lambda: _at(watching) > 7.5, timeout=5000)


def test_a_leap_in_a_small_folder_is_a_picture(window: MainWindow) -> None:
    line = window.timeline
    sought: list[float] = []
    line._live.seek = sought.append  # type: ignore[method-assign]
    line._show_source(replace(INFO, frames=4, seconds=8.0))
    for way in (1, 1, -1):
        line.leap(way)
    assert sought == [2.0, 4.0, 2.0] and line.time.text() == "2 / 4"
    line._show_source(replace(INFO, kind="camera", seconds=0.0))
    line.leap(1)
    assert len(sought) == 3, "nothing to go through"


def test_who_drags_reads_where_to(watching: MainWindow, qtbot: QtBot) -> None:
    line = watching.timeline
    line._live.seek = lambda _: None  # type: ignore[method-assign]
    qtbot.mousePress(line.bar, Qt.MouseButton.LeftButton, pos=QPoint(line.bar.width() // 2, 5))
    assert line.time.text().startswith(("0:03.9", "0:04.0"))
    qtbot.mouseRelease(line.bar, Qt.MouseButton.LeftButton, pos=QPoint(line.bar.width() // 2, 5))


def test_the_wheel_does_not_move_the_bar(watching: MainWindow) -> None:
    bar = watching.timeline.bar
    at, before = QPointF(bar.rect().center()), bar.value()
    turn = QWheelEvent(
        at, bar.mapToGlobal(at), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(bar, turn)
    assert bar.value() == before


def test_another_film_lets_go_of_the_bar(watching: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    line = watching.timeline
    qtbot.mousePress(line.bar, Qt.MouseButton.LeftButton, pos=QPoint(line.bar.width() // 2, 5))
    qtbot.waitUntil(lambda: abs(_at(watching) - 4.0) < 0.15, timeout=5000)
    watching.choose_source(str(film(tmp_path / "b.mp4", 100)))
    assert not line.bar.isSliderDown()
    line._settle()
    assert line.bar.value() == 0


def test_films_of_any_length_have_a_bar(watching: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A garden in spring, a picture every ten minutes. Of 25 days and more there was no bar, but an error."""
    line, sought = watching.timeline, []
    monkeypatch.setattr(watching.session.live, "seek", sought.append)
    length = 60 * 86400.0
    watching.session.source_opening.emit("lapse.mkv")
    watching.session.source_opened.emit("lapse.mkv", replace(INFO, kind="video", label="lapse.mkv", seconds=length))
    assert line.bar.isVisible() and line.time.text() == "0:00.0 / 1440:00:00.0"
    for _ in range(5):
        line.leap(1)
    assert sought[-1] == pytest.approx(length / 2, abs=0.1) and line.time.text().startswith("720:00:00.0 /")
    result = watching.picture.result
    assert result is not None
    watching.session.result.emit(replace(result, frame=replace(result.frame, media_time=length + 0.5)))
    assert line.bar.value() == line.bar.maximum()
