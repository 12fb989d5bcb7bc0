"""The window's parts by themselves."""

from __future__ import annotations

import logging
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QObject, QSettings, Qt, Slot
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from cpm_live.core.errors import InputError
from cpm_live.core.mailbox import Mailbox
from cpm_live.drawing.view import ALL_JOINTS, NO_MAP, View
from cpm_live.gui import settings, theme
from cpm_live.gui.banner import Notice
from cpm_live.gui.bridge import Bridge
from cpm_live.gui.display import check_display
from cpm_live.gui.geometry import Fit
from cpm_live.gui.images import bgr_image, glow_array, glow_image
from cpm_live.gui.picture import Picture
from cpm_live.gui.settings import Settings
from cpm_live.gui.theme import THEMES
from cpm_live.gui.throttle import Throttle
from cpm_live.gui.view_state import ViewState


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("widget", [(960, 540), (300, 800), (641, 479)])
def test_coordinates_there_and_back(mirror: bool, widget: tuple[int, int]) -> None:
    fit = Fit.into((640, 480), widget, mirror)
    points = np.random.default_rng(0).uniform((-20, -20), (660, 500), (50, 2))
    assert np.allclose(fit.to_frame(fit.to_widget(points)), points, atol=1e-9)


def test_pixel_centres_lie_half_a_pixel_in() -> None:
    fit = Fit.into((100, 50), (200, 100))
    assert fit.to_widget((0, 0)).tolist() == [1.0, 1.0]
    assert fit.to_widget((99, 49)).tolist() == [199.0, 99.0]
    assert Fit.into((100, 50), (200, 100), True).to_widget((0, 0)).tolist() == [199.0, 1.0]


def test_images_share_the_frame(qapp: object) -> None:
    array = np.zeros((40, 30, 3), np.uint8)
    array[5, 7] = (10, 20, 30)
    array.flags.writeable = False
    colour = bgr_image(array).pixelColor(7, 5)
    assert (colour.blue(), colour.green(), colour.red()) == (10, 20, 30)


def test_glow_is_transparent_where_nothing_is_believed(qapp: object) -> None:
    belief = np.zeros((24, 24), np.float32)
    belief[12, 12] = 1
    colours = glow_array(belief, 0.6)
    image = glow_image(colours)
    assert image.pixelColor(0, 0).alpha() == 0
    middle = round(12.5 / 24 * image.width())
    assert image.pixelColor(middle, middle).alpha() > 120


def test_settings_round_trip(store: QSettings) -> None:
    wanted = Settings(source="demo", model="hand", mirror=False, theme="light", geometry="01d9", folder="/tmp/x")
    settings.save(store, wanted)
    fresh = QSettings(store.fileName(), QSettings.Format.IniFormat)
    assert settings.load(fresh) == wanted


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the system keeps the settings there")
def test_nobody_else_reads_the_settings(tmp_path: Path) -> None:
    """An address may have a password in it; also where the file was there before."""
    path = tmp_path / "cpm-live" / "cpm-live.conf"
    store = QSettings(str(path), QSettings.Format.IniFormat)
    settings.save(store, Settings(source="rtsp://anna:secret@host/x"))
    assert "secret" in path.read_text() and path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    settings.save(store, Settings(source="rtsp://anna:other@host/x"))
    assert "other" in path.read_text() and path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text", ["{", "[]", "42", '{"smoothing": NaN}', '{"model": 7, "theme": "pink", "mirror": "yes", "new": 1}']
)
def test_damaged_settings_fall_back(store: QSettings, text: str, caplog: pytest.LogCaptureFixture) -> None:
    store.setValue("window/settings", text)
    with caplog.at_level(logging.WARNING, "cpm_live.gui"):
        assert settings.load(store) == Settings()
    assert caplog.records


def test_unknown_model_in_settings_opens_the_body(store: QSettings, open_window: object, qtbot: QtBot) -> None:
    settings.save(store, Settings(model="gone", geometry="zz", columns="not hexadecimal"))
    window = open_window()  # type: ignore[operator]
    assert window.session.recipe.name == "body"


class _Receiver(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    @Slot()
    def receive(self) -> None:
        self.calls += 1


def test_at_most_one_notification_waits(qtbot: QtBot) -> None:
    import threading

    bridge, receiver = Bridge(), _Receiver()
    mailbox: Mailbox[int] = Mailbox(bridge.on_result)
    bridge.result_ready.connect(receiver.receive, Qt.ConnectionType.QueuedConnection)
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.wait(0.005):
            number += 1
            mailbox.put(number)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.5)  # the GUI thread is busy with something else
    stop.set()
    thread.join()
    qtbot.wait(50)
    assert receiver.calls == 1
    newest = mailbox.take_now()
    assert newest is not None and newest > 20
    bridge.close()
    mailbox.put(1)
    qtbot.wait(20)
    assert receiver.calls == 1


def test_throttle_keeps_the_last_request(qtbot: QtBot) -> None:
    times: list[float] = []
    owner = QObject()
    throttle = Throttle(60, lambda: times.append(time.monotonic()), owner)
    for _ in range(10):
        throttle.request()
        qtbot.wait(10)
    qtbot.wait(120)
    assert 2 <= len(times) <= 5
    assert min(b - a for a, b in pairwise(times)) > 0.04


def test_view_state_walks_through_joints() -> None:
    state = ViewState(View())
    state.model_is(3, 4)
    seen = []
    for _ in range(4):
        state.move_joint(1)
        seen.append(state.view.joint)
    assert seen == [0, 1, 2, ALL_JOINTS]
    state.choose_stage(3)
    state.model_is(3, 2)
    assert state.view.stage is None


def test_whoever_chooses_a_map_sees_it() -> None:
    state = ViewState(View(glow=0.0))
    state.model_is(3, 2)
    assert state.view.glow == 0, "another model is no wish to see a map"
    for choose in (lambda: state.show_map(1), lambda: state.move_joint(1), state.toggle_centre, state.next_finder):
        state.set(glow=0.0)
        choose()
        assert state.view.glow > 0
    state.show_map(NO_MAP)
    state.toggle_glow()
    assert state.view.glow > 0 and state.view.joint == ALL_JOINTS


def test_a_banner_is_as_high_as_its_text(qtbot: QtBot) -> None:
    picture = Picture()
    qtbot.addWidget(picture)
    picture.resize(500, 400)
    picture.show()
    picture.banner.show_notice(Notice("done", "Recording saved: /home/somebody/cpm-live-20261127-101500.mp4 " * 3))
    text = picture.banner._text
    assert text.height() >= text.heightForWidth(text.width())


def test_display_is_looked_for_before_qt(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only X11 and Wayland can be missing")
    check_display({"QT_QPA_PLATFORM": "offscreen"})
    with pytest.raises(InputError, match="cpm-live run demo"):
        check_display({})
    with pytest.raises(InputError, match=":987 does not answer"):
        check_display({"DISPLAY": ":987"})
    with pytest.raises(InputError, match="QT_QPA_PLATFORM=wayland allows no display"):
        check_display({"QT_QPA_PLATFORM": "wayland", "DISPLAY": ":0"})
    with pytest.raises(InputError, match="no display"):
        check_display({"WAYLAND_DISPLAY": "wayland-9", "XDG_RUNTIME_DIR": str(tmp_path)})


@pytest.mark.parametrize("folder", ["M\u00fcller", "O'Brien", "a &b", "a)", 'say "hi"'])
def test_the_look_does_not_hang_on_where_it_is_installed(
    folder: str, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(theme, "resource", lambda name: Path("/opt") / folder / name)
    button = QPushButton("x")
    qtbot.addWidget(button)
    plain = button.sizeHint().width()
    button.setStyleSheet(theme.style_sheet(THEMES["dark"]) + "QPushButton { padding: 5px 99px; }")
    assert button.sizeHint().width() > plain + 100, "Qt has read the sheet"


def _contrast(a: str, b: str) -> float:
    def luminance(colour: str) -> float:
        channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", sorted(THEMES))
def test_writing_is_readable(name: str) -> None:
    theme = THEMES[name]
    for ink, paper in ((theme.text, theme.panel), (theme.muted, theme.panel), (theme.text, theme.raised),
                       (theme.on_accent, theme.accent), (theme.muted, theme.raised)):  # fmt: skip
        assert _contrast(ink, paper) >= 4.5, (ink, paper)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on")
def test_calls_that_return_none_keep_its_references(qapp: object) -> None:
    """PySide6 6.12.0 loses a reference to None on each such call: keep the pin."""
    image, widget = QImage(8, 8, QImage.Format.Format_RGB32), QWidget()
    canvas = QImage(16, 16, QImage.Format.Format_RGB32)
    painter = QPainter(canvas)
    before = sys.getrefcount(None)
    for _ in range(2000):
        painter.drawImage(0, 0, image)
        widget.update()
    lost = before - sys.getrefcount(None)
    painter.end()
    assert abs(lost) < 500, f"{lost} references to None lost: this PySide6 will crash the window"
