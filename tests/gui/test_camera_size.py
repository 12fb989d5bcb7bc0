"""The resolution that cameras are asked for."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtGui import QAction
from pytestqt.qtbot import QtBot

from cpm_live.capture import thread
from cpm_live.capture.base import SourceLost
from cpm_live.capture.demo import DemoSource
from cpm_live.capture.open import SourceRequest
from cpm_live.capture.resolution import Resolution
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.gui import settings as memory
from cpm_live.gui.openers import Openers
from cpm_live.gui.window import MainWindow
from tests.gui.conftest import Opener, shown, wait_for_pose
from tests.gui.fakes import RampSource, fake_engine, fake_source, one_camera


@pytest.fixture
def asked() -> list[SourceRequest]:
    return []


@pytest.fixture
def fakes(asked: list[SourceRequest]) -> Openers:
    def source(request: SourceRequest) -> object:
        asked.append(request)
        return fake_source(request)

    return Openers(source, fake_engine, one_camera)  # type: ignore[arg-type]


def sizes(window: MainWindow) -> dict[str, QAction]:
    """What the menu offers now."""
    window.toolbar.source._fill()
    of_menu = next(a for a in window.toolbar.source.menu().actions() if a.text() == "Camera resolution").menu()
    return {action.text(): action for action in of_menu.actions()}  # type: ignore[attr-defined]


def test_the_menu_asks_the_camera_and_is_remembered(
    open_window: Opener, qtbot: QtBot, store: QSettings, fakes: Openers, asked: list[SourceRequest]
) -> None:
    window = open_window("camera:0", fakes=fakes)
    wait_for_pose(window, qtbot)
    offered = sizes(window)
    assert [*offered] == ["640 × 480", "1280 × 720", "1920 × 1080"] and offered["640 × 480"].isChecked()
    offered["1280 × 720"].trigger()
    qtbot.waitUntil(lambda: len(asked) == 2, timeout=5000)
    assert [request.size for request in asked] == [(640, 480), (1280, 720)] and asked[1].text == "camera:0"
    assert sizes(window)["1280 × 720"].isChecked()
    # What it gives.
    qtbot.waitUntil(lambda: window.toolbar.source.toolTip().endswith("Fake camera, 640 × 480"), timeout=5000)
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
    assert memory.load(store).camera_size == "1280x720"
    again = open_window("camera:0", fakes=fakes)
    qtbot.waitUntil(lambda: len(asked) == 3, timeout=5000)
    assert asked[2].size == (1280, 720) and sizes(again)["1280 × 720"].isChecked()


def test_what_is_no_camera_goes_on(
    open_window: Opener, qtbot: QtBot, fakes: Openers, asked: list[SourceRequest]
) -> None:
    window = open_window("demo", fakes=fakes)
    wait_for_pose(window, qtbot)
    generation = window.session.live.generation
    sizes(window)["1920 × 1080"].trigger()
    assert window.session.live.generation == generation and len(asked) == 1
    window.choose_source("camera:0")
    qtbot.waitUntil(lambda: len(asked) == 2, timeout=5000)
    assert asked[1].size == (1920, 1080)


def test_the_command_lines_is_for_this_time(
    open_window: Opener, qtbot: QtBot, store: QSettings, fakes: Openers, asked: list[SourceRequest]
) -> None:
    window = open_window("camera:0", fakes=fakes, size=(800, 600))
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=5000)
    assert asked[0].size == (800, 600) and sizes(window)["800 × 600"].isChecked()
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
    assert memory.load(store).camera_size == "640x480"


def test_a_camera_that_cannot_goes_on_with_the_one_before(
    open_window: Opener, qtbot: QtBot, store: QSettings, asked: list[SourceRequest]
) -> None:
    def source(request: SourceRequest) -> object:
        asked.append(request)
        if request.size == (1920, 1080):
            raise InputError("camera 0 gives no picture")
        return fake_source(request)

    window = open_window("camera:0", fakes=Openers(source, fake_engine, one_camera))  # type: ignore[arg-type]
    wait_for_pose(window, qtbot)
    generation = window.session.live.generation
    sizes(window)["1920 × 1080"].trigger()
    qtbot.waitUntil(lambda: len(asked) == 3, timeout=5000)
    qtbot.waitUntil(lambda: shown(window).generation > generation + 1, timeout=5000)
    assert [request.size for request in asked] == [(640, 480), (1920, 1080), (640, 480)]
    notice = window.picture.banner.notice
    assert notice is not None and "asked for 1920x1080, and goes on with 640x480" in notice.text
    assert sizes(window)["640 × 480"].isChecked() and not sizes(window)["1920 × 1080"].isChecked()
    with qtbot.waitSignal(window.stopped, timeout=5000):
        window.close()
    assert memory.load(store).camera_size == "640x480"


def test_of_two_that_do_not_open_it_goes_back_to_the_one_that_did(
    open_window: Opener, qtbot: QtBot, asked: list[SourceRequest]
) -> None:
    """Chosen one after the other, before the first has failed."""

    def source(request: SourceRequest) -> object:
        asked.append(request)
        if request.size != (640, 480):
            raise InputError("camera 0 gives no picture")
        return fake_source(request)

    window = open_window("camera:0", fakes=Openers(source, fake_engine, one_camera))  # type: ignore[arg-type]
    wait_for_pose(window, qtbot)
    sizes(window)["1280 × 720"].trigger()
    sizes(window)["1920 × 1080"].trigger()
    generation = window.session.live.generation
    qtbot.waitUntil(lambda: shown(window).generation > generation, timeout=5000)
    assert asked[-1].size == (640, 480) and sizes(window)["640 × 480"].isChecked()
    assert window.camera_size.known == "640x480"


def test_a_size_that_is_none_is_forgotten(store: QSettings, caplog: pytest.LogCaptureFixture) -> None:
    store.setValue("window/settings", '{"camera_size": "big", "theme": "light"}')
    assert memory.load(store).camera_size == "640x480" and memory.load(store).theme == "light"
    assert "camera_size" in caplog.text


class Cable:
    """A camera whose cable is loose: it is lost wherever it is not now."""

    def __init__(self) -> None:
        self.now = "camera:0"
        self.asked: list[tuple[str, Resolution]] = []
        self.fakes = Openers(self._open, fake_engine, one_camera)  # type: ignore[arg-type]

    def _open(self, request: SourceRequest) -> object:
        if not request.text.startswith("camera:"):
            return fake_source(request)
        if request.text != self.now:
            raise InputError(f"no {request.text}")
        self.asked.append((request.text, request.size))
        return _Loose(self, request.text)


class _Loose(RampSource):
    def __init__(self, cable: Cable, text: str) -> None:
        super().__init__(DemoSource("body"), mirror=True, kind="camera", label="Fake camera")
        self._cable, self._text = cable, text

    def read(self) -> Frame | None:
        if self._text != self._cable.now:
            raise SourceLost("the cable is loose")
        return super().read()

    def name_now(self, asked: str) -> str:
        return self._cable.now or asked


@pytest.fixture
def cable(monkeypatch: pytest.MonkeyPatch) -> Cable:
    monkeypatch.setattr(thread, "BACK_OFF", (0.02,))
    return Cable()


def test_a_camera_that_came_back_under_another_number_is_asked_there(
    open_window: Opener, qtbot: QtBot, cable: Cable
) -> None:
    """Somebody chooses a resolution, or drops a film that does not open."""
    window = open_window("camera:0", fakes=cable.fakes)
    wait_for_pose(window, qtbot)
    cable.now = "camera:2"
    qtbot.waitUntil(lambda: window.session.source == "camera:2", timeout=5000)
    sizes(window)["1280 × 720"].trigger()
    qtbot.waitUntil(lambda: cable.asked[-1] == ("camera:2", (1280, 720)), timeout=5000)
    qtbot.waitUntil(lambda: window.session.info is not None and not window.session.went_back, timeout=5000)
    window.choose_source("/no/such/film.mp4")
    qtbot.waitUntil(lambda: len(cable.asked) == 4, timeout=5000)
    assert cable.asked[-1] == ("camera:2", (1280, 720)) and window.session.went_back


def test_a_camera_that_is_lost_is_asked_when_it_is_back(open_window: Opener, qtbot: QtBot, cable: Cable) -> None:
    window = open_window("camera:0", fakes=cable.fakes)
    wait_for_pose(window, qtbot)
    generation, cable.now = window.session.live.generation, ""
    qtbot.waitUntil(lambda: "reconnecting" in str(window.picture.banner.notice), timeout=5000)
    sizes(window)["1280 × 720"].trigger()
    qtbot.wait(100)
    cable.now = "camera:0"
    qtbot.waitUntil(lambda: cable.asked[-1] == ("camera:0", (1280, 720)), timeout=5000)
    assert window.session.live.generation == generation and window.session.info is not None
    # From then on a choice counts at once again.
    qtbot.waitUntil(lambda: window.picture.banner.notice is None, timeout=5000)
    sizes(window)["1920 × 1080"].trigger()
    qtbot.waitUntil(lambda: cable.asked[-1][1] == (1920, 1080), timeout=5000)
