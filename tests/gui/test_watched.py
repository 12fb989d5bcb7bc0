"""A window that cannot be seen does not make the machine work."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from cpm_live.gui.window import MainWindow


def test_a_window_that_is_not_shown_estimates_nothing(window: MainWindow, qtbot: QtBot) -> None:
    shown: list[int] = []
    window.session.result.connect(lambda result: shown.append(result.frame.index))
    qtbot.waitUntil(lambda: len(shown) > 2, timeout=5000)

    def read(frames: int) -> int:
        """So many frames further: how many results there were by then."""
        rate = window.session.live._capture_rate
        until = [*rate._times][-1]
        qtbot.waitUntil(lambda: sum(at > until for at in [*rate._times]) >= frames, timeout=5000)
        return len(shown)

    window.hide()
    before = read(5)  # what was begun is done
    assert read(10) == before
    window.show()
    qtbot.waitUntil(lambda: len(shown) > before + 2, timeout=5000)
    assert shown[before] > shown[before - 1] + 10
