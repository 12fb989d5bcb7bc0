"""Pictures of the real window in its states, for looking at.

    xvfb-run -a -s "-screen 0 1280x800x24" python scripts/screenshots.py OUT [--clip VIDEO] [--hand-clip VIDEO]

Works on any Qt platform; QT_QPA_PLATFORM=offscreen needs no X server.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QPointF, QSettings, QSize
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from cpm_live.capture.camera import Device
from cpm_live.gui.help import HelpDialog
from cpm_live.gui.openers import default_openers
from cpm_live.gui.options import AppOptions
from cpm_live.gui.window import MainWindow

SIZES = (QSize(1280, 800), QSize(800, 600))


def no_cameras() -> list[Device]:
    """This machine's cameras play no part."""
    return []


def wait(until: Callable[[], bool], seconds: float = 20.0) -> None:
    """Let Qt run until something holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        QTest.qWait(30)


def with_pose(window: MainWindow) -> bool:
    """Whether a pose of the wanted model is shown."""
    latest = window.session.latest
    recipe = window.session.recipe
    return latest is not None and recipe is not None and bool(latest.poses) and latest.model == recipe.name


class Studio:
    """Opens windows and takes their pictures."""

    def __init__(self, out: Path, scratch: Path) -> None:
        self.out, self.scratch = out, scratch
        self._count = 0

    def window(self, source: str | None, model: str = "body") -> MainWindow:
        """A fresh window with settings of its own."""
        self._count += 1
        store = QSettings(str(self.scratch / f"{self._count}.ini"), QSettings.Format.IniFormat)
        window = MainWindow(
            AppOptions(source=source, model=model), store, replace(default_openers(), cameras=no_cameras)
        )
        window.settings = type(window.settings)(folder=str(self.scratch))
        window.show()
        window.start()
        return window

    def shoot(self, window: MainWindow, name: str) -> None:
        """Pictures at both sizes."""
        for size in SIZES:
            window.resize(size)
            QTest.qWait(500)
            path = self.out / f"{name}-{size.width()}x{size.height()}.png"
            window.grab().save(str(path))
            print(path, flush=True)

    def close(self, window: MainWindow) -> None:
        """Close and wait for the threads."""
        ended: list[bool] = []
        window.stopped.connect(lambda: ended.append(True))
        window.close()
        wait(lambda: bool(ended))


def main() -> int:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--clip", help="video shown to the body model instead of the demo")
    parser.add_argument("--hand-clip", help="video shown to the hand model instead of the demo")
    parser.add_argument("--only", default="", help="only pictures whose name holds this")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setQuitOnLastWindowClosed(False)
    with tempfile.TemporaryDirectory() as scratch:
        studio = Studio(args.out, Path(scratch))
        for name, scene in SCENES.items():
            if args.only in name:
                scene(studio, args.clip, args.hand_clip, name)
    return 0


def _playing(studio: Studio, source: str | None, model: str = "body") -> MainWindow:
    window = studio.window(source, model)
    wait(lambda: with_pose(window) and window.charts.charts is not None)
    QTest.qWait(3000)
    return window


def body(studio: Studio, clip: str | None, hand_clip: str | None, name: str) -> None:
    """The last stage, all joints."""
    window = _playing(studio, clip or "demo")
    studio.shoot(window, name)
    studio.close(window)


def stages(studio: Studio, clip: str | None, hand_clip: str | None, name: str) -> None:
    """The same moment at stage 1 and the last, with a joint chosen, highlighted and boxed."""
    window = _playing(studio, clip or "demo")
    window.session.toggle_pause()
    QTest.qWait(300)
    window.state.set(joint=6)
    window.state.choose_stage(0)
    studio.shoot(window, f"{name}-first")
    window.state.choose_stage(None)
    window.state.set(highlight=6, boxes=True)
    studio.shoot(window, f"{name}-last")
    studio.close(window)


def hand(studio: Studio, clip: str | None, hand_clip: str | None, name: str) -> None:
    """The hand model."""
    window = _playing(studio, hand_clip or "demo", "hand")
    studio.shoot(window, name)
    studio.close(window)


def recording(studio: Studio, clip: str | None, hand_clip: str | None, name: str) -> None:
    """While recording, then the notice."""
    window = _playing(studio, clip or "demo")
    window.session.toggle_recording(studio.scratch)
    QTest.qWait(1500)
    studio.shoot(window, name)
    window.session.toggle_recording(studio.scratch)
    wait(lambda: window.picture.banner.notice is not None)
    studio.shoot(window, f"{name}-done")
    studio.close(window)


def no_camera(studio: Studio, clip: str | None, hand_clip: str | None, name: str) -> None:
    """No camera: the demo, and why."""
    window = _playing(studio, None)
    studio.shoot(window, name)
    studio.close(window)


def error(studio: Studio, clip: str | None, hand_clip: str | None, name: str) -> None:
    """A source that does not exist."""
    window = studio.window("/no/such/holiday.mp4")
    wait(lambda: window.picture.banner.notice is not None)
    QTest.qWait(800)
    studio.shoot(window, name)
    studio.close(window)


def light(studio: Studio, clip: str | None, hand_clip: str | None, name: str) -> None:
    """The light look."""
    window = _playing(studio, clip or "demo")
    window.apply_theme("light")
    window.state.set(joint=11)
    studio.shoot(window, name)
    studio.close(window)


def dialogs(studio: Studio, clip: str | None, hand_clip: str | None, name: str) -> None:
    """Help and source menu."""
    window = studio.window("demo")
    wait(lambda: with_pose(window))
    dialog = HelpDialog(window)
    dialog.show()
    QTest.qWait(300)
    dialog.grab().save(str(studio.out / f"{name}-help.png"))
    dialog.close()
    menu = window.toolbar.source.menu()
    menu.popup(window.toolbar.source.mapToGlobal(QPointF(0, 34).toPoint()))
    QTest.qWait(600)
    menu.grab().save(str(studio.out / f"{name}-menu.png"))
    menu.close()
    latest = window.session.latest
    menu = window.following.menu(latest.poses[0].id if latest is not None and latest.poses else None)
    menu.popup(window.picture.mapToGlobal(QPointF(200, 200).toPoint()))
    QTest.qWait(600)
    menu.grab().save(str(studio.out / f"{name}-people-menu.png"))
    menu.close()
    studio.close(window)


def people(studio: Studio, clip: str | None, hand_clip: str | None, name: str) -> None:
    """Several people (where the clip has them): everybody, one chosen, the lock, the region, hands, the panel."""
    window = _playing(studio, clip or "demo")
    window.state.set(boxes=True)
    window.following.next_person()
    studio.shoot(window, name)
    window.state.set(boxes=False)
    window.following.toggle_lock()
    QTest.qWait(1500)
    studio.shoot(window, f"{name}-locked")
    window.following.release()
    window.following.toggle_hands()
    wait(lambda: bool(window.session.latest and window.session.latest.hands))
    studio.shoot(window, f"{name}-hands")
    window.following.toggle_hands()
    window.picture.region.armed = True
    window.following.state.set_own("people", 1)
    studio.shoot(window, f"{name}-drawing")
    latest = window.session.latest
    assert latest is not None
    width, height = latest.frame.width, latest.frame.height
    window.picture.arm_region(False)
    window.picture.region_drawn.emit((width * 0.06, height * 0.06, width * 0.5, height * 0.88))
    window.following.actions()["following"]()
    QTest.qWait(800)
    studio.shoot(window, f"{name}-panel")
    window.apply_theme("light")
    window.state.next_finder()
    studio.shoot(window, f"{name}-panel-light")
    studio.close(window)


def finder(studio: Studio, clip: str | None, hand_clip: str | None, name: str) -> None:
    """The finder's view and the centre map."""
    window = _playing(studio, clip or "demo")
    window.state.next_finder()
    QTest.qWait(1500)
    studio.shoot(window, name)
    window.state.next_finder()
    studio.shoot(window, f"{name}-hands")
    window.state.toggle_centre()
    studio.shoot(window, f"{name}-centre")
    studio.close(window)


SCENES: dict[str, Callable[[Studio, str | None, str | None, str], None]] = {
    "body": body,
    "stage": stages,
    "hand": hand,
    "recording": recording,
    "no-camera": no_camera,
    "error": error,
    "light": light,
    "dialog": dialogs,
    "people": people,
    "finder": finder,
}

if __name__ == "__main__":
    sys.exit(main())
