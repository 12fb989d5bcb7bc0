"""Screens, fonts, homes and displays that are not those of whoever wrote this."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

import platformdirs
import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QColor, QFontDatabase, QImage, QPainter
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cpm_live.core.errors import InputError
from cpm_live.core.paths import cache_dir
from cpm_live.gui import settings
from cpm_live.gui.app import _check_screen_and_fonts
from cpm_live.gui.display import check_display
from cpm_live.gui.settings import Settings
from cpm_live.gui.stage_strip import StageStrip
from cpm_live.gui.strip_content import StripContent
from cpm_live.gui.window import MainWindow
from tests.gui.test_window import press

Key = Qt.Key


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only X11 refuses")
def test_a_display_that_lets_nobody_in_is_told_before_qt_aborts() -> None:
    """As under sudo: it listens, and refuses who has no cookie."""
    server = socket.create_server(("127.0.0.1", 0))
    number = server.getsockname()[1] - 6000
    ended = threading.Event()

    def refuse() -> None:
        for _ in range(4):
            connection, _address = server.accept()
            with connection:
                connection.settimeout(5)
                if connection.recv(12):
                    reason = b"No protocol."
                    connection.sendall(struct.pack("<BBHHH", 0, len(reason), 11, 0, len(reason) // 4) + reason)
        ended.set()

    threading.Thread(target=refuse, daemon=True).start()
    with server, pytest.raises(InputError, match=r"does not let this user in.*cpm-live run demo"):
        check_display({"DISPLAY": f"127.0.0.1:{number}"})
    assert ended.wait(5)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only X11 has such names")
def test_a_name_that_is_no_display() -> None:
    with pytest.raises(InputError, match="DISPLAY=garbage names no display"):
        check_display({"DISPLAY": "garbage"})


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb")
def test_a_server_that_begins_anew_lets_us_in() -> None:
    """Xvfb does when its last client leaves, as one that only asks whether it is there."""
    for _ in range(4):
        read, write = os.pipe()
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "64x64x24", "-nolisten", "tcp"]
        with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
            os.close(write)
            with os.fdopen(read) as told:
                display = f":{told.readline().strip()}"
            try:
                check_display({"DISPLAY": display})()
                check_display({"DISPLAY": display})()
            finally:
                server.terminate()


def test_a_machine_without_fonts_says_so(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _check_screen_and_fonts(qapp)
    assert not capsys.readouterr().err
    monkeypatch.setattr(QFontDatabase, "families", lambda: [])
    _check_screen_and_fonts(qapp)
    assert "no fonts are installed" in capsys.readouterr().err


def test_a_platform_without_a_screen_is_told(qapp: QApplication) -> None:
    class Blind:
        def primaryScreen(self) -> None: ...

        def platformName(self) -> str:
            return "linuxfb"

    with pytest.raises(InputError, match="linuxfb has no screen"):
        _check_screen_and_fonts(Blind())  # type: ignore[arg-type]


def test_somebody_without_a_home(window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under a number nobody has."""

    def nowhere(*arguments: object, **options: object) -> str:
        raise RuntimeError("could not determine the home directory")

    for name in ("user_videos_dir", "user_pictures_dir", "user_cache_dir"):
        monkeypatch.setattr(platformdirs, name, nowhere)
    window.settings = Settings()
    for key in (Key.Key_R, Key.Key_S):
        window.picture.banner.dismiss()
        press(qtbot, window, key)
        qtbot.waitUntil(lambda: window.picture.banner.notice is not None, timeout=5000)
        notice = window.picture.banner.notice
        assert notice is not None and "set HOME" in notice.text and "right-click" in notice.text
    assert not window.toolbar.record.isChecked()
    with pytest.raises(InputError, match="set HOME"):
        cache_dir()


def test_settings_that_cannot_be_written_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    store = QSettings(str(tmp_path / "file" / "settings.ini"), QSettings.Format.IniFormat)
    with caplog.at_level(logging.WARNING, "cpm_live.gui"):
        settings.save(store, Settings(theme="light"))
    assert "cannot be written to" in caplog.text and "settings.ini" in caplog.text


def test_what_gives_way_in_a_low_window(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: window.charts.charts is not None, timeout=10_000)
    charts = window.charts.charts
    assert charts is not None and charts._latency.isVisible()
    window.setMinimumSize(100, 100)
    # As on a small laptop at 150 %, and at 200 %: there the window is as large as the screen, whatever it needs.
    window.resize(900, 480)
    qtbot.waitUntil(lambda: window.charts.isVisible() and not charts._latency.isVisible(), timeout=2000)
    window.resize(683, 384)
    qtbot.waitUntil(lambda: not window.charts.isVisible(), timeout=2000)
    for group in (window.joints.maps, window.joints.finder, window.joints.centre):
        qtbot.waitUntil(lambda group=group: group.height() >= group.sizeHint().height(), timeout=2000)
    assert window.toolbar.help.isVisible() and window.toolbar.help.geometry().right() <= 683
    window.resize(1000, 700)
    qtbot.waitUntil(lambda: window.charts.isVisible() and charts._latency.isVisible(), timeout=2000)


def test_the_bars_of_six_stages_stand_in_a_low_strip(qtbot: QtBot) -> None:
    strip = StageStrip()
    qtbot.addWidget(strip)
    strip.resize(800, strip.minimumHeight())
    peaks = (0.1, 0.4, 0.6, 0.8, 0.9, 1.0)
    strip._content = StripContent(0, title="all joints", note="mean belief of 10 joints seen", peaks=peaks)
    image = QImage(800, strip.height(), QImage.Format.Format_RGB32)
    image.fill(strip.palette().window().color())
    painter = QPainter(image)
    strip._paint_notes(painter, 300.0, 5)
    painter.end()
    fills = {strip.palette().highlight().color().rgb(), strip.palette().placeholderText().color().rgb()}
    rows = range(30, strip.height())
    ends = [max((x for x in range(300, 740) if QColor(image.pixel(x, y)).rgb() in fills), default=0) for y in rows]
    assert len({end for end in ends if end > 330}) >= 5, "six bars of six lengths"
