"""What a recording leaves behind, as the person at the window sees it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from tests.gui.conftest import Opener, wait_for_pose
from tests.gui.test_window import press

Key = Qt.Key


def test_a_recording_has_its_keypoints_beside_it_unless_that_is_switched_off(
    open_window: Opener, qtbot: QtBot, tmp_path: Path
) -> None:
    for recordings, wished in ((1, True), (2, False)):
        window = open_window()
        wait_for_pose(window, qtbot)
        offered = {action.text(): action for action in window.toolbar.record.actions()}
        action = offered["Keypoints beside the film (.jsonl)"]
        assert action.isChecked()
        if not wished:
            action.trigger()
        press(qtbot, window, Key.Key_R)
        qtbot.waitUntil(lambda w=window: w.session.live.stats().recorded > 4, timeout=8000)
        press(qtbot, window, Key.Key_R)
        qtbot.waitUntil(lambda w=window: w.picture.banner.notice is not None, timeout=5000)
        assert len(list((tmp_path / "out").glob("*.mp4"))) == recordings
        (path,) = (tmp_path / "out").glob("*.jsonl")
        lines = path.read_text().splitlines()
        assert '"header"' in lines[0] and sum('"poses": [{' in line for line in lines) > 3
        with qtbot.waitSignal(window.stopped, timeout=5000):
            window.close()
    again = open_window()
    assert [a.isChecked() for a in again.toolbar.record.actions() if a.isCheckable()] == [False], "it is remembered"
