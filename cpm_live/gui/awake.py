"""Keeps the screen from going dark where nobody touches mouse or keys, as players of films do. On Linux; elsewhere the
system's own settings do it."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtGui import QGuiApplication

log = logging.getLogger("cpm_live.gui")

BEAT_MS = 30_000
"""How often an X server is told that somebody is there; none goes dark within that time."""
_BUS = "cpm-live-awake"
_SERVICE, _PATH = "org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"


class Awake(QObject):
    """Asks the desktop, where there is one, and the X server, which has a clock of its own."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._x: _XServer | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(self._beat)

    def keep(self, on: bool) -> None:
        """From now on, or no longer."""
        if not sys.platform.startswith("linux"):
            return
        _ask_desktop(on)
        if on and QGuiApplication.platformName() == "xcb":
            self._x = self._x or _XServer()
            self._timer.start()
            self._beat()
        else:
            self._timer.stop()

    @Slot()
    def _beat(self) -> None:
        if self._x is not None:
            self._x.somebody_is_there()


def _ask_desktop(on: bool) -> None:
    # By its address: where libdbus knows of none it would start a bus, and wait for it.
    usual = Path(os.environ.get("XDG_RUNTIME_DIR", "/nowhere")) / "bus"
    address = os.environ.get("DBUS_SESSION_BUS_ADDRESS", "") or (f"unix:path={usual}" if usual.is_socket() else "")
    if not address:
        return
    try:
        from PySide6.QtDBus import QDBusConnection, QDBusMessage
    except ImportError:
        return
    # The wish ends with the connection, however that ends.
    QDBusConnection.disconnectFromBus(_BUS)
    if on:
        bus = QDBusConnection.connectToBus(address, _BUS)
        wish = QDBusMessage.createMethodCall(_SERVICE, _PATH, _SERVICE, "Inhibit")
        wish.setArguments(["cpm-live", "the picture is shown to an audience"])
        if not (bus.isConnected() and bus.send(wish)):
            log.debug("the desktop is not asked to keep the screen on: %s", bus.lastError().message())


class _XServer:
    """A connection of our own: Qt's does not tell its library."""

    def __init__(self) -> None:
        self._connection: int | None = None
        try:
            self._xcb = ctypes.CDLL("libxcb.so.1")
        except OSError:
            return
        self._xcb.xcb_connect.restype = ctypes.c_void_p
        self._xcb.xcb_connect.argtypes = (ctypes.c_char_p, ctypes.c_void_p)
        self._xcb.xcb_force_screen_saver.argtypes = (ctypes.c_void_p, ctypes.c_uint8)
        self._xcb.xcb_connection_has_error.argtypes = self._xcb.xcb_flush.argtypes = (ctypes.c_void_p,)
        self._connection = self._xcb.xcb_connect(None, None)

    def somebody_is_there(self) -> None:
        """Begin to count anew."""
        if self._connection is not None and not self._xcb.xcb_connection_has_error(self._connection):
            self._xcb.xcb_force_screen_saver(self._connection, 0)  # XCB_SCREEN_SAVER_RESET
            self._xcb.xcb_flush(self._connection)
