"""The application: makes sure of a display, opens the window, ends cleanly."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from cpm_live.core.errors import InputError
from cpm_live.gui.display import ADVICE, check_display
from cpm_live.gui.options import AppOptions

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

_IMPORTED = time.monotonic()
_ENDINGS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
REPORT_AFTER_MS = 4000
"""How long after the first painted frame the start-up report is printed."""


def run_app(options: AppOptions | None = None) -> int:
    """Open the window and stay until it is closed; the process's exit status.

    Raises:
        InputError: there is no display.
    """
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        # A second one, such as Ctrl-C again, ends the process the hard way.
        signal.signal(number, signal.SIG_DFL)
        asked.append(number)

    # Also when the session ends or the terminal goes: a recording is finished before the process is. Noted, and acted
    # on by the event loop: an error that is raised while Qt is calling us, as it does all through the window's start,
    # is lost there or takes the process down, and what holds a lock just then must not be asked to stop.
    # (What a parent has switched off, as nohup does, stays off.)
    wanted = [number for number in _ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, ask) for number in wanted}
    try:
        return _until_closed(options or AppOptions(), asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _until_closed(options: AppOptions, asked: list[int]) -> int:
    """The window's life. ``asked`` gets the signals that ask for its end."""
    let_go = check_display()
    # Only now: loading Qt's widgets takes a good part of the start, and its absence of a screen is fatal.
    from PySide6.QtCore import QSettings, QTimer
    from PySide6.QtWidgets import QApplication

    from cpm_live.gui.placement import fill
    from cpm_live.gui.window import MainWindow

    app = QApplication.instance() or QApplication([sys.argv[0] if sys.argv else "cpm-live"])
    let_go()
    assert isinstance(app, QApplication)
    app.setApplicationName("cpm-live")
    app.setOrganizationName("cpm-live")
    app.setApplicationDisplayName("cpm-live")
    app.setDesktopFileName("cpm-live")
    _check_screen_and_fonts(app)
    # The window hides first and closes later; hiding the last window must not end the application.
    app.setQuitOnLastWindowClosed(False)
    window = MainWindow(options, QSettings())
    window.stopped.connect(app.quit)

    def first_painted() -> None:
        report: dict[str, float | None] = {"startup_s": round(since_process_start(), 3)}

        def end_report() -> None:
            if options.startup_report:
                report["paint_ms"] = round(window.picture.paint_ms, 2)
                print(json.dumps({**report, "peak_rss_mb": peak_memory_mb()}), flush=True)
            if options.quit_after_first_frame:
                window.close()

        if options.startup_report or options.quit_after_first_frame:
            # Memory is asked once the engine, the charts and some frames have had their time.
            QTimer.singleShot(REPORT_AFTER_MS if options.startup_report else 0, end_report)

    window.picture.first_painted.connect(first_painted)

    # Python runs signal handlers only when it has the floor; Qt gives it the floor this often.
    floor = QTimer()

    def look() -> None:
        if asked:
            asked.clear()
            window.close()

    floor.timeout.connect(look)
    floor.start(200)
    # Started first, so that the source opens while Qt lays out the window.
    window.start()
    if options.alone:
        window.alone.toggle()
        fill(window)
    else:
        window.show()
    return int(app.exec())


def _check_screen_and_fonts(app: QApplication) -> None:
    from PySide6.QtGui import QFontDatabase

    if app.primaryScreen() is None:
        raise InputError(f"no window possible: Qt's platform {app.platformName()} has no screen; {ADVICE}")
    if not QFontDatabase.families():
        line = "no fonts are installed, so no text can be shown; on Debian and Ubuntu: apt install fonts-dejavu-core"
        print(f"cpm-live: {line}", file=sys.stderr)


def peak_memory_mb() -> float | None:
    """The most memory this process has held, in MB; None where the system does not tell."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


def since_process_start() -> float:
    """Seconds since this process was started; since our import where the system does not tell."""
    try:
        # Field 22, counted after the command name, which may itself hold spaces and brackets.
        started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        return uptime - started / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return time.monotonic() - _IMPORTED
