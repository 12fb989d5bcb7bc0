"""What the window tells people in words: to screen readers, and of things with odd names."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QTextDocumentFragment
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from cpm_live.capture.base import SourceInfo
from cpm_live.drawing.view import NO_MAP
from cpm_live.gui.banner import Banner, Notice
from cpm_live.gui.source_menu import SourceButton
from cpm_live.gui.widgets import ElidedLabel, Segments
from cpm_live.gui.window import MainWindow
from tests.gui.fakes import no_cameras
from tests.gui.test_window import press

Key = Qt.Key


def test_long_names_in_the_banner_are_broken_not_cut(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.resize(500, 300)
    banner = Banner(parent)
    parent.show()
    banner.show_notice(Notice("error", "Cannot read it"))
    one_line = banner.height()
    name = "a_name_without_any_spaces" * 6
    banner.show_notice(Notice("error", f"Cannot read {name}"))
    assert banner._text.toolTip() == f"Cannot read {name}"
    assert banner._text.minimumSizeHint().width() < 400, "it can be as narrow as the window"
    assert banner.height() > one_line, "several lines"
    banner._text._copy()
    assert QApplication.clipboard().text() == f"Cannot read {name}", "and copied as it is"


def test_names_with_an_ampersand_are_shown_as_they_are(qtbot: QtBot) -> None:
    button = SourceButton(no_cameras)
    qtbot.addWidget(button)
    button.resize(260, 32)
    info = SourceInfo("video", "Tom & Jerry.mkv", live=False, mirror=False, width=8, height=8, fps=30)
    button.show_source("Tom & Jerry.mkv", info)
    assert "Tom && Jerry" in button.text()
    assert "Tom & Jerry" in button.toolTip()
    button.show_none("rtsp://user:secret@127.0.0.1:9/x")
    assert "secret" not in button.toolTip() and "127.0.0.1:9/x" in button.toolTip()


def test_names_that_look_like_html_are_shown_as_they_are(qtbot: QtBot) -> None:
    name = "<img src='/dev/zero'> & <b>Tom</b>.mp4"
    parent = QWidget()
    qtbot.addWidget(parent)
    source, banner, line, models = SourceButton(no_cameras), Banner(parent), ElidedLabel(), Segments((), "Model")
    for widget in (source, line, models):
        qtbot.addWidget(widget)
    source.show_source(name, SourceInfo("video", name, live=False, mirror=False, width=8, height=8, fps=30))
    banner.show_notice(Notice("error", f"Cannot open {name}"))
    line.set_text(name)
    models.offer("own", "R&D", f"{name}: your own model")
    assert models._buttons["own"].text() == "R&&D"
    for widget in (source, banner._text, line, models._buttons["own"]):
        assert "<img" not in widget.toolTip()
        assert name in QTextDocumentFragment.fromHtml(widget.toolTip()).toPlainText()
    source.show_none(name)
    assert "<img" not in source.toolTip()


def test_readers_learn_which_joint_and_stage_are_chosen(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: window.strip._count() > 0, timeout=5000)
    press(qtbot, window, Key.Key_1)
    strip = window.strip
    qtbot.waitUntil(lambda: strip.accessibleName().startswith("Stages: 1 of 4, all joints, belief 0."), timeout=2000)
    window._toggle_joint(11)
    press(qtbot, window, Key.Key_Space)

    def as_painted() -> str:
        about = strip._content
        return f"Stages: {about.shown + 1} of 4, joint: left wrist, belief {about.peaks[about.shown]:.2f}"

    said = []
    for key in (Key.Key_1, Key.Key_4):
        press(qtbot, window, key)
        qtbot.wait(300)  # what was on its way comes
        qtbot.waitUntil(lambda: strip.accessibleName() == as_painted(), timeout=3000)
        said.append(strip.accessibleName()[-4:])
    assert said[0] < said[1], "what the bars say, for those who cannot see them"
    name = window.joints.list.accessibleName()
    assert name.startswith("Joints: left wrist, shown, belief 0.")
    window.state.toggle_hidden(11)
    assert "left wrist, hidden" in window.joints.list.accessibleName()
    window.state.set(joint=NO_MAP)
    assert window.joints.list.accessibleName() == "Joints"


def test_readers_hear_the_number_that_a_slider_stands_for(window: MainWindow, qtbot: QtBot) -> None:
    panel = window.panel
    press(qtbot, window, Key.Key_F, Qt.KeyboardModifier.ShiftModifier)
    for row, said in ((panel.people, "4"), (panel.smoothing, "50")):
        reader = QAccessible.queryAccessibleInterface(row.slider)
        assert reader is not None and reader.text(QAccessible.Text.Value) == said
    qtbot.keyClick(panel.people.slider, Key.Key_Right)
    qtbot.keyClick(panel.smoothing.slider, Key.Key_Left)
    options = window.session.live.options
    assert (options.people, panel.people.slider.value()) == (5, 5)
    assert options.smoothing == pytest.approx(0.45) and panel.smoothing.slider.value() == 45
    panel.smoothing.slider.setValue(48)
    assert window.session.live.options.smoothing == pytest.approx(0.5), "the mouse, too, goes in steps"


def test_readers_hear_of_a_message(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    monkeypatch.setattr(QAccessible, "updateAccessibility", lambda event: told.append(event.type()))
    window.picture.banner.show_notice(Notice("info", "Hello."))
    assert told == [QAccessible.Event.Alert]
