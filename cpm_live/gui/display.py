"""Is there a screen? Asked before Qt, which aborts the whole process where there is none."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from cpm_live.core.errors import InputError

_NEEDS_NO_SCREEN = ("offscreen", "minimal", "vnc", "eglfs", "linuxfb")
_NO_DISPLAY = (5, 6)
"""XCB_CONN_CLOSED_PARSE_ERR and ..._INVALID_SCREEN."""
ADVICE = "use 'cpm-live run demo --out demo.mp4' (or a file, folder or URL in place of demo), which needs no window"


def check_display(environment: Mapping[str, str] | None = None) -> Callable[[], None]:
    """Make sure that Qt can open a window.

    Returns:
        What to call once Qt is connected: until then a connection is held where one was made. Some servers (Xvfb)
        begin anew when the last client leaves, and refuse who comes at that moment.

    Raises:
        InputError: no display, or the one that is named does not answer, or refuses.
    """
    env = os.environ if environment is None else environment
    if not sys.platform.startswith("linux"):
        return _nothing
    platforms = [name.split(":")[0] for name in env.get("QT_QPA_PLATFORM", "").split(";") if name]
    if platforms and platforms[0] in _NEEDS_NO_SCREEN:
        return _nothing
    wayland, x11 = env.get("WAYLAND_DISPLAY", ""), env.get("DISPLAY", "")
    if platforms and all(name.startswith("wayland") for name in platforms):
        x11 = ""
    elif platforms and all(name == "xcb" for name in platforms):
        wayland = ""
    if wayland and _wayland_answers(wayland, env.get("XDG_RUNTIME_DIR", "")):
        return _nothing
    if x11:
        return _x_connection(x11)
    if platforms:
        only = f"QT_QPA_PLATFORM={env['QT_QPA_PLATFORM']} allows no display that is here"
        raise InputError(f"no window possible: {only}; unset it, or {ADVICE}")
    raise InputError(f"no window possible: this machine has no display (DISPLAY is not set); {ADVICE}")


def _nothing() -> None: ...


def _wayland_answers(name: str, runtime: str) -> bool:
    return _connects(str(Path(runtime) / name)) if runtime or name.startswith("/") else False


def _x_connection(display: str) -> Callable[[], None]:
    """Connect with the library that Qt connects with; what is given ends the connection.

    Raises:
        InputError: nobody answers, or whoever does refuses.
    """
    match = re.fullmatch(r"(?:(?P<host>[^:]*)|.*/unix):(?P<number>\d+)(?:\.\d+)?", display)
    host, port = (match["host"] or "", 6000 + int(match["number"])) if match else ("", 0)
    silent = InputError(f"no window possible: display {display} does not answer; {ADVICE}")
    far = host not in ("", "unix")
    if far and not _connects_tcp(host, port):
        raise silent  # libxcb would wait for minutes for a machine that is not there
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return _nothing  # Qt says that it is missing
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = (ctypes.c_char_p, ctypes.c_void_p)
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = (ctypes.c_void_p,)
    for pause in (0.0, 0.1, 0.3):
        time.sleep(pause)
        connection = xcb.xcb_connect(os.fsencode(display), None)
        problem = xcb.xcb_connection_has_error(connection)
        if not problem:
            return partial(xcb.xcb_disconnect, connection)
        xcb.xcb_disconnect(connection)
        if problem in _NO_DISPLAY:
            raise InputError(f"no window possible: DISPLAY={display} names no display; {ADVICE}")
        # Not before: a client that leaves at once may make a server begin anew.
        if not far and not _listens(port - 6000):
            raise silent
    why = f"display {display} does not let this user in, as under sudo, or without its XAUTHORITY"
    raise InputError(f"no window possible: {why}; start it as who is logged in, or {ADVICE}")


def _listens(number: int) -> bool:
    """Whether an X server listens on this machine; on Linux mostly to the abstract socket."""
    path = f"/tmp/.X11-unix/X{number}"
    return _connects("\0" + path) or _connects(path) or _connects_tcp("127.0.0.1", 6000 + number)


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
