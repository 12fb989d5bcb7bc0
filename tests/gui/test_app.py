"""The application as a process: starts, reports, ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(
    tmp_path: Path, options: str, report_ms: int = 500, before: str = "", **environment: str
) -> subprocess.Popen[str]:
    """The window on the demo in a process of its own, with a home of its own; its report says that it is up.

    Args:
        before: code to run before the window is made.
    """
    code = (
        "import sys\n"
        "from cpm_live.core.errors import InputError\n"
        "from cpm_live.gui import app\n"
        "from cpm_live.gui.options import AppOptions\n"
        f"app.REPORT_AFTER_MS = {report_ms}\n"
        f"{before}\n"
        "try:\n"
        f"    status = app.run_app(AppOptions(source='demo', startup_report=True, {options}))\n"
        "except InputError as error:\n"
        "    print(error)\n"
        "    status = 2\n"
        "assert not {'torch', 'av'} & set(sys.modules)\n"
        "sys.exit(status)\n"
    )
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    env.update(PYTHONPATH=str(ROOT), **environment)
    return subprocess.Popen([sys.executable, "-c", code], env=env, cwd=ROOT, text=True, stdout=subprocess.PIPE)


def test_reports_its_start_and_ends(tmp_path: Path) -> None:
    with start(tmp_path, "quit_after_first_frame=True", 4000) as process:
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    report = json.loads(out)
    assert 0.1 < report["startup_s"] < 60 and report["peak_rss_mb"] > 30 and report["paint_ms"] > 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals for other processes")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_close_cleanly(tmp_path: Path, name: str) -> None:
    if signal.getsignal(getattr(signal, name)) is signal.SIG_IGN:
        pytest.skip(f"the tests run with {name} ignored (nohup), and so does the app they start, as it should")
    with start(tmp_path, "") as process:
        assert process.stdout is not None
        assert "startup_s" in process.stdout.readline()
        process.send_signal(getattr(signal, name))
        process.communicate(timeout=30)
    assert process.returncode == 0


_CALLED_BY_QT = """
import signal
from cpm_live.gui.drops import Drops
signal.signal(signal.SIGINT, signal.default_int_handler)
was = Drops.eventFilter
def interrupted(self, watched, event):
    if Drops.eventFilter is interrupted:
        Drops.eventFilter = was
        signal.raise_signal(signal.SIGINT)
    return was(self, watched, event)
Drops.eventFilter = interrupted
"""


def test_ctrl_c_while_the_window_is_made_is_neither_lost_nor_a_crash(tmp_path: Path) -> None:
    """Python can raise nothing through Qt, which calls us all the while."""
    with start(tmp_path, "", 60_000, _CALLED_BY_QT) as process:
        process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP")
def test_a_hangup_that_nohup_switched_off_stays_off(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # inherited, as from nohup
    try:
        process = start(tmp_path, "")
    finally:
        signal.signal(signal.SIGHUP, before)
    with process:
        assert process.stdout is not None
        assert "startup_s" in process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1.0)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only X11 and Wayland can be missing")
@pytest.mark.parametrize(("display", "why"), [("", "no display"), (":987", ":987 does not answer")])
def test_without_a_display_says_what_to_do(tmp_path: Path, display: str, why: str) -> None:
    with start(tmp_path, "", QT_QPA_PLATFORM="", DISPLAY=display, WAYLAND_DISPLAY="") as process:
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert why in out and "cpm-live run demo" in out
