"""A screen that must not go dark while nobody touches anything."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from ctypes.util import find_library
from pathlib import Path

import pytest
from PySide6.QtCore import ClassInfo, QObject, Slot
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cpm_live.gui import awake
from cpm_live.gui.awake import Awake
from cpm_live.gui.window import MainWindow
from tests.gui.test_app import ROOT

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the system's settings do it")


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A desktop's bus of our own."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("needs dbus-daemon")
    command = ["dbus-daemon", "--session", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as daemon:
        assert daemon.stdout is not None
        address = daemon.stdout.readline().strip()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        try:
            yield address
        finally:
            daemon.terminate()


@linux
def test_the_desktop_is_asked_and_let_go(qapp: QApplication, qtbot: QtBot, bus: str) -> None:
    dbus = pytest.importorskip("PySide6.QtDBus")

    @ClassInfo({"D-Bus Interface": "org.freedesktop.ScreenSaver"})
    class Desktop(QObject):
        asked: list[tuple[str, str]]

        @Slot(str, str, result=int)
        def Inhibit(self, who: str, why: str) -> int:
            self.asked.append((who, why))
            return 7

    desktop = Desktop()
    desktop.asked = []
    server = dbus.QDBusConnection.connectToBus(bus, "desktop")
    every = dbus.QDBusConnection.RegisterOption.ExportAllSlots
    assert server.isConnected() and server.registerObject(awake._PATH, desktop, every)
    assert server.registerService(awake._SERVICE)
    before = len(server.interface().registeredServiceNames().value())
    keeper = Awake(qapp)
    keeper.keep(True)
    qtbot.waitUntil(lambda: len(desktop.asked) == 1, timeout=5000)
    assert desktop.asked[0][0] == "cpm-live"
    assert len(server.interface().registeredServiceNames().value()) == before + 1
    keeper.keep(False)
    # The desktop forgets the wish of who has left the bus.
    qtbot.waitUntil(lambda: len(server.interface().registeredServiceNames().value()) == before, timeout=5000)
    dbus.QDBusConnection.disconnectFromBus("desktop")


@linux
def test_where_there_is_no_desktop_nobody_waits_for_one(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for on in (True, False):
        Awake(qapp).keep(on)


@linux
@pytest.mark.skipif(shutil.which("Xvfb") is None or find_library("Xss") is None, reason="needs Xvfb and libXss")
def test_an_x_server_goes_on_counting_from_nothing(tmp_path: Path) -> None:
    """In a process of its own, as the tests' may have no X server."""
    code = """
        import ctypes, sys, time
        from PySide6.QtCore import QTimer
        from PySide6.QtWidgets import QApplication
        from cpm_live.gui import awake
        from tests.gui.test_awake import idle_ms
        app = QApplication([])
        awake.BEAT_MS = 200
        keeper = awake.Awake(app)
        seen = []
        QTimer.singleShot(1500, lambda: (seen.append(idle_ms()), keeper.keep(True)))
        QTimer.singleShot(3000, lambda: (seen.append(idle_ms()), keeper.keep(False)))
        QTimer.singleShot(4500, lambda: (seen.append(idle_ms()), app.quit()))
        app.exec()
        print(*seen)
    """
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "64x64x24", "-nolisten", "tcp", "-noreset"]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with os.fdopen(read) as told:
            env = {**os.environ, "DISPLAY": f":{told.readline().strip()}", "QT_QPA_PLATFORM": "xcb"}
        env.update(PYTHONPATH=str(ROOT), XDG_RUNTIME_DIR=str(tmp_path))
        env.pop("DBUS_SESSION_BUS_ADDRESS", None)
        try:
            out = subprocess.run(
                [sys.executable, "-c", textwrap.dedent(code)], env=env, cwd=ROOT, text=True, capture_output=True,
                timeout=60, check=True,
            ).stdout  # fmt: skip
        finally:
            server.terminate()
    before, kept, after = map(int, out.split())
    assert before > 1000 and kept < 700 and after > 1000


def idle_ms() -> int:
    """For how long the X server thinks that nobody is there."""

    class Info(ctypes.Structure):
        _fields_ = (
            ("window", ctypes.c_ulong), ("state", ctypes.c_int), ("kind", ctypes.c_int), ("since", ctypes.c_ulong),
            ("idle", ctypes.c_ulong), ("mask", ctypes.c_ulong),
        )  # fmt: skip

    x, saver = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXss.so.1")
    x.XOpenDisplay.restype = ctypes.c_void_p
    x.XDefaultRootWindow.restype, x.XDefaultRootWindow.argtypes = ctypes.c_ulong, (ctypes.c_void_p,)
    saver.XScreenSaverQueryInfo.argtypes = (ctypes.c_void_p, ctypes.c_ulong, ctypes.POINTER(Info))
    display, info = x.XOpenDisplay(None), Info()
    assert saver.XScreenSaverQueryInfo(display, x.XDefaultRootWindow(display), ctypes.byref(info))
    return int(info.idle)


def test_it_is_kept_on_in_the_picture_alone(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bool] = []
    monkeypatch.setattr(window.alone._awake, "keep", kept.append)
    window.alone.toggle()
    window.alone.toggle()
    assert kept == [True, False]
