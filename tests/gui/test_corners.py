"""The window in odd moments: while a model loads, while the picture stands still, on small screens."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QSize, Qt
from pytestqt.qtbot import QtBot

from cpm_live.engines.base import Engine
from cpm_live.engines.recipe import Recipe
from cpm_live.gui.window import MainWindow
from tests.gui.conftest import Opener, shown, wait_for_pose
from tests.gui.test_people import person_at, spot
from tests.gui.test_window import pause, pixels, press

Key = Qt.Key


def test_what_is_chosen_while_a_model_loads_is_meant_for_it(window: MainWindow, qtbot: QtBot) -> None:
    """The list shows the new joints at once, and the old model's hands are not drawn under its name meanwhile."""
    session = window.session
    loader, go_on = session.live._worker._loader, threading.Event()
    real = loader._open

    def slowly(recipe: Recipe, kind: str) -> Engine:
        go_on.wait(10)
        return real(recipe, kind)

    loader._open = slowly
    before = window.picture.result
    assert before is not None
    press(qtbot, window, Key.Key_H)
    window._toggle_joint(18)
    session.live.results.put(replace(before, hands=before.poses, locked=1, left_out=2))
    session._take_result()
    latest = session.latest
    assert latest is not None and (latest.hands, latest.locked, latest.left_out) == ((), None, 0)
    go_on.set()
    wait_for_pose(window, qtbot, "hand")
    assert window.state.view.joint == 18 and window.state.joints == 21


def test_a_lock_that_is_released_while_paused_is_gone_at_once(crowd: MainWindow, qtbot: QtBot) -> None:
    target = person_at(shown(crowd), 320)
    qtbot.mouseDClick(crowd.picture, Qt.MouseButton.LeftButton, pos=spot(crowd, target))
    qtbot.waitUntil(lambda: shown(crowd).locked == target.id, timeout=5000)
    pause(qtbot, crowd)
    marked = pixels(crowd.picture.grab().toImage()).astype(int)
    press(qtbot, crowd, Key.Key_L)
    assert crowd.session.live.options.lock is None
    qtbot.waitUntil(lambda: not crowd.status.release.isVisible(), timeout=1000)
    assert np.abs(marked - pixels(crowd.picture.grab().toImage())).mean() > 0.1, "nor is anybody marked"


@pytest.mark.parametrize("screen", [(960, 540), (1366, 768), (2560, 1440)])
def test_the_window_fits_the_screen(
    open_window: Opener, monkeypatch: pytest.MonkeyPatch, screen: tuple[int, int]
) -> None:
    """A small laptop's, or a large one's at twice the scale."""
    room = SimpleNamespace(availableSize=lambda: QSize(*screen))
    monkeypatch.setattr(MainWindow, "screen", lambda self: room)
    sizes = []
    resize = MainWindow.resize
    monkeypatch.setattr(MainWindow, "resize", lambda self, *size: (sizes.append(size), resize(self, *size))[1])
    window = open_window()
    # With what the window manager lays around it.
    assert sizes[0] == (QSize(min(1280, screen[0] - 16), min(800, screen[1] - 56)),)
    assert window.minimumSize() == QSize(min(760, screen[0] - 16), min(540, screen[1] - 56))


def test_another_model_sees_the_picture_that_stands_still(
    open_window: Opener, qtbot: QtBot, tmp_path: Path
) -> None:  # fmt: skip
    """Who pauses on a photograph to compare both models must not get the next one."""
    for number in range(3):
        assert cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((120, 160, 3), 60 * number, np.uint8))
    window = open_window(str(tmp_path))
    session = window.session

    def seen(model: str) -> bool:
        latest = session.latest
        return latest is not None and latest.model == model and latest.stage_count > 0

    qtbot.waitUntil(lambda: seen("body"), timeout=5000)
    session.toggle_pause()
    qtbot.wait(200)
    before = session.latest.frame.image[0, 0, 0]
    for model in ("hand", "body"):
        window.choose_model(model)
        qtbot.waitUntil(lambda model=model: seen(model), timeout=5000)
        assert session.live.paused and session.latest.frame.image[0, 0, 0] == before


def test_a_model_of_ones_own_has_a_button_beside_ours(
    open_window: Opener, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that is called as ours: who looks at ours for a moment must find theirs again, at the next start too."""
    text = '[model]\nname = "body"\nskeleton = "body"\npreset = "lite"\nweights = "weights/body.safetensors"\n'
    (tmp_path / "mine.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    window = open_window(model="mine.toml")
    session, models = window.session, window.toolbar.model

    def seen(model: str) -> bool:
        return session.latest is not None and session.latest.model == model

    qtbot.waitUntil(lambda: seen("own body"), timeout=5000)
    assert models.chosen_key() == "own body" and models._buttons["own body"].text() == "own body"
    press(qtbot, window, Qt.Key.Key_B)
    qtbot.waitUntil(lambda: seen("body"), timeout=5000)
    assert models.chosen_key() == "body" and window.settings.model == "body"
    monkeypatch.chdir("/")
    qtbot.mouseClick(models._buttons["own body"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: seen("own body"), timeout=5000)
    assert window.settings.model == str(tmp_path / "mine.toml")
    window.toolbar.show_model("a name that is too long")
    assert models._buttons["a name that is too long"].text() == "a name that…"


def test_a_skeleton_of_ones_own_has_the_demo_too(open_window: Opener, qtbot: QtBot, tmp_path: Path) -> None:
    """Without a camera it is what the window opens on."""
    text = '[model]\nname = "mouse"\nskeleton = "mouse"\npreset = "lite"\nweights = "m.safetensors"\n'
    (tmp_path / "mouse.toml").write_text(text + f"[skeleton]\njoints = {list('abcdefgh')}\n")
    window = open_window(None, model=str(tmp_path / "mouse.toml"))
    qtbot.waitUntil(lambda: window.picture.result is not None and window.session.source == "demo", timeout=5000)
    assert window.picture.banner.notice is None or window.picture.banner.notice.kind != "error"
    window.resize(800, 600)
    # Its button takes room from what has a key, too.
    qtbot.waitUntil(lambda: window.toolbar.minimumSizeHint().width() <= 800, timeout=3000)
