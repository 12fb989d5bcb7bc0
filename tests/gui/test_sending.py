"""Keypoints for other programs, from the window."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QLineEdit
from pytestqt.qtbot import QtBot

from cpm_live.core.address import OSC_USUAL
from cpm_live.gui.window import MainWindow
from tests.gui.conftest import Opener, wait_for_pose
from tests.gui.test_window import press
from tests.streaming.listener import Listener

Key = Qt.Key


def _send_to(window: MainWindow, qtbot: QtBot, address: str) -> None:
    """By the right mouse button on the paper plane."""
    (action,) = window.toolbar.send.actions()
    action.trigger()
    dialog = window.findChild(QInputDialog)
    assert isinstance(dialog, QInputDialog)
    line = dialog.findChild(QLineEdit)
    assert isinstance(line, QLineEdit)
    line.selectAll()
    qtbot.keyClicks(line, address)
    qtbot.keyClick(line, Key.Key_Return)
    qtbot.waitUntil(lambda: window.findChild(QInputDialog) is None, timeout=3000)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=5000)


def _told(window: MainWindow) -> str:
    notice = window.picture.banner.notice
    return notice.text if notice is not None else ""


def test_keypoints_go_where_the_person_says_until_they_say_stop(
    open_window: Opener, qtbot: QtBot, listener: Listener
) -> None:
    window = open_window()
    wait_for_pose(window, qtbot)
    assert not window.toolbar.send.isChecked() and window.session.live.sending is None, "never by itself"
    _send_to(window, qtbot, listener.address)
    assert window.toolbar.send.isChecked() and window.status.sending.isVisible()
    assert window.status.sending.toolTip() == f"OSC {listener.address}"
    assert listener.address in _told(window)
    while "/cpm/body/1/neck" not in (told := listener.hear()):
        pass
    assert 0 < told["/cpm/body/1/neck"][0] < 1  # type: ignore[index]
    press(qtbot, window, Key.Key_S, Qt.KeyboardModifier.ShiftModifier)
    assert not window.toolbar.send.isChecked() and not window.status.sending.isVisible()
    while told != {"/cpm/body/1/id": [0]}:
        told = listener.hear()
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
    again = open_window()
    assert again.session.live.sending is None and again.sending.address == listener.address, "the address is remembered"
    press(qtbot, again, Key.Key_S, Qt.KeyboardModifier.ShiftModifier)
    sender = again.session.live.sending
    assert sender is not None and sender.address == listener.address


def test_no_address_and_a_name_that_nobody_knows_cost_one_line(open_window: Opener, qtbot: QtBot) -> None:
    window = open_window()
    wait_for_pose(window, qtbot)
    _send_to(window, qtbot, "over there")
    assert "give HOST:PORT" in _told(window) and not window.toolbar.send.isChecked()
    assert window.sending.address == OSC_USUAL
    _send_to(window, qtbot, "no-such-host.invalid:9000")
    qtbot.waitUntil(lambda: "cannot send to no-such-host.invalid" in _told(window).lower(), timeout=20000)
    assert not window.toolbar.send.isChecked() and not window.status.sending.isVisible()
    assert window.sending.address == OSC_USUAL, "what did not work is not remembered"
    _send_to(window, qtbot, "9123")
    assert window.status.sending.toolTip() == "OSC 127.0.0.1:9123"


def test_what_was_never_found_is_not_remembered(
    open_window: Opener, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, real = threading.Event(), socket.getaddrinfo

    def slow(host: str, *args: Any, **options: Any) -> list[Any]:
        if host.startswith("nobody"):
            answers.wait(10)
            raise socket.gaierror(-2, "Name or service not known")
        return real(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    window = open_window()
    wait_for_pose(window, qtbot)
    for address in ("nobody:1", "nobody-else:2"):
        _send_to(window, qtbot, address)
    answers.set()
    qtbot.waitUntil(lambda: not window.toolbar.send.isChecked(), timeout=5000)
    assert window.sending.address == OSC_USUAL
    answers.clear()
    _send_to(window, qtbot, "nobody:3")
    press(qtbot, window, Key.Key_S, Qt.KeyboardModifier.ShiftModifier)
    assert window.sending.address == OSC_USUAL, "who stops waiting does not have it either"
    _send_to(window, qtbot, "nobody:4")
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
    answers.set()
    assert window.settings.osc == OSC_USUAL


def test_a_network_that_is_away_is_told_in_the_status_line(
    open_window: Opener, qtbot: QtBot, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window(osc=listener.address)
    qtbot.waitUntil(lambda: window.status.sending.isVisible(), timeout=5000)
    sender = window.session.live.sending
    assert sender is not None
    monkeypatch.setattr(type(sender), "problem", "Network is unreachable", raising=False)
    del sender.problem
    window.sending.refresh()
    assert "Network is unreachable" in window.status.sending.toolTip()


@pytest.mark.parametrize("width", [760, 790, 800, 960])
def test_its_button_squeezes_no_other(open_window: Opener, qtbot: QtBot, width: int) -> None:
    window = open_window()
    window.resize(width, 640)
    qtbot.waitUntil(lambda: window.width() == width, timeout=3000)
    bar = window.toolbar
    qtbot.waitUntil(lambda: bar.minimumSizeHint().width() <= bar.width() == width, timeout=3000)
    assert bar.send.isVisible() == (width >= 795) and bar.record.isVisible()
