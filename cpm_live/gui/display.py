"""Is there a screen? Asked before Qt, which aborts the whole process where there is none."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from cpm_live.core.errors import InputError

_NEEDS_NO_SCREEN = ("offscreen", "minimal", "vnc", "eglfs", "linuxfb")
ADVICE = "use 'cpm-live run demo --out demo.mp4' (or a file, folder or URL in place of demo), which needs no window"


def check_display(environment: Mapping[str, str] | None = None) -> None:
    """Make sure that Qt can open a window.

    Raises:
        InputError: no display, or the one that is named does not answer.
    """
    env = os.environ if environment is None else environment
    if not sys.platform.startswith("linux"):
        return
    platforms = [name.split(":")[0] for name in env.get("QT_QPA_PLATFORM", "").split(";") if name]
    if platforms and platforms[0] in _NEEDS_NO_SCREEN:
        return
    wayland, x11 = env.get("WAYLAND_DISPLAY", ""), env.get("DISPLAY", "")
    if platforms and all(name.startswith("wayland") for name in platforms):
        x11 = ""
    elif platforms and all(name == "xcb" for name in platforms):
        wayland = ""
    if wayland and _wayland_answers(wayland, env.get("XDG_RUNTIME_DIR", "")):
        return
    if x11:
        if _x_answers(x11):
            if not _x_lets_in(x11):
                why = f"display {x11} does not let this user in, as under sudo, or without its XAUTHORITY"
                raise InputError(f"no window possible: {why}; start it as who is logged in, or {ADVICE}")
            return
        raise InputError(f"no window possible: display {x11} does not answer; {ADVICE}")
    if platforms:
        only = f"QT_QPA_PLATFORM={env['QT_QPA_PLATFORM']} allows no display that is here"
        raise InputError(f"no window possible: {only}; unset it, or {ADVICE}")
    raise InputError(f"no window possible: this machine has no display (DISPLAY is not set); {ADVICE}")


def _wayland_answers(name: str, runtime: str) -> bool:
    return _connects(str(Path(runtime) / name)) if runtime or name.startswith("/") else False


def _x_answers(display: str) -> bool:
    """Whether an X server listens. (libxcb would wait for minutes for a machine that is not there.)"""
    match = re.fullmatch(r"(?:(?P<host>[^:]*)|.*/unix):(?P<number>\d+)(?:\.\d+)?", display)
    if match is None:
        # launchd's socket paths and other spellings: let Qt try.
        return True
    host, number = match["host"] or "", int(match["number"])
    if host in ("", "unix"):
        # The abstract socket is the one that most servers listen to on Linux.
        path = f"/tmp/.X11-unix/X{number}"
        return _connects("\0" + path) or _connects(path) or _connects_tcp("127.0.0.1", 6000 + number)
    return _connects_tcp(host, 6000 + number)


def _x_lets_in(display: str) -> bool:
    """Whether it accepts us, asked by the library that Qt asks it with."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True  # Qt says that it is missing
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = (ctypes.c_char_p, ctypes.c_void_p)
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = (ctypes.c_void_p,)
    connection = xcb.xcb_connect(os.fsencode(display), None)
    refused = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not refused


def _connects(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(path)
        except OSError:
            return False
        return True


def _connects_tcp(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2.0).close()
    except OSError:
        return False
    return True
