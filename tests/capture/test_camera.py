"""Cameras. None is here: OpenCV's side is played by one that does what the systems' cameras do."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from cpm_live.capture import camera
from cpm_live.capture import thread as capture_thread
from cpm_live.capture.base import SourceInfo, SourceLost
from cpm_live.capture.open import SourceRequest
from cpm_live.capture.thread import CaptureEvent
from cpm_live.core.errors import InputError


class _Webcam:
    """640 by 480 at 30 from the beginning; ``broken`` are the reads without a picture."""

    broken: frozenset[int] = frozenset()
    asked: list[tuple[int, float]]

    def __init__(self, index: int, backend: int) -> None:
        type(self).asked, self._reads = [], -1
        self._state = {cv2.CAP_PROP_FRAME_WIDTH: 640.0, cv2.CAP_PROP_FRAME_HEIGHT: 480.0, cv2.CAP_PROP_FPS: 30.0}

    def isOpened(self) -> bool:
        return True

    def set(self, key: int, value: float) -> None:
        self.asked.append((key, value))
        self._state[key] = value

    def get(self, key: int) -> float:
        return self._state.get(key, 0.0)

    def read(self) -> tuple[bool, np.ndarray | None]:
        self._reads += 1
        shape = (int(self._state[cv2.CAP_PROP_FRAME_HEIGHT]), int(self._state[cv2.CAP_PROP_FRAME_WIDTH]), 3)
        return (False, None) if self._reads in self.broken else (True, np.zeros(shape, np.uint8))

    def release(self) -> None: ...


@pytest.fixture
def webcam(monkeypatch: pytest.MonkeyPatch) -> type[_Webcam]:
    monkeypatch.setattr(camera.cv2, "VideoCapture", _Webcam)
    monkeypatch.setattr(camera, "PATIENCE_S", 0.1)
    return _Webcam


def test_a_broken_picture_of_a_camera_is_not_its_end(webcam: type[_Webcam], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first read of many cameras is empty, and a single MJPG picture may be damaged."""
    monkeypatch.setattr(webcam, "broken", frozenset((0, 5, *range(10, 1000))))
    source = camera.CameraSource(camera.Device(0, "Cam", 0))
    for _ in range(7):
        assert source.read() is not None
    with pytest.raises(SourceLost, match="stopped delivering"):
        source.read()


def test_cameras_by_index_and_name() -> None:
    devices = [camera.Device(0, "Integrated Webcam", 200), camera.Device(2, "Logitech BRIO", 200)]
    assert camera.find_camera("2", devices).name == "Logitech BRIO"
    assert camera.find_camera("brio", devices).index == 2
    with pytest.raises(InputError, match=r"no camera named 'elgato'; .* 0: Integrated Webcam, 2: Logitech"):
        camera.find_camera("elgato", devices)


def test_absent_camera_says_so() -> None:
    with pytest.raises(InputError, match=r"camera 97 \(Ghost\) (is absent|cannot be opened)"):
        camera.CameraSource(camera.Device(97, "Ghost", cv2.CAP_ANY))


def test_a_camera_is_asked_for_what_it_does_not_do_yet(webcam: type[_Webcam]) -> None:
    """Windows takes seconds for each wish."""
    camera.CameraSource(camera.Device(0, "Cam", cv2.CAP_MSMF), size=(640, 480), fps=30.0)
    assert webcam.asked == []
    camera.CameraSource(camera.Device(0, "Cam", cv2.CAP_V4L2), size=(1280, 480), fps=30.0)
    assert webcam.asked == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 1280),
        (cv2.CAP_PROP_FRAME_HEIGHT, 480),
    ], "V4L2 changes nothing before it has both sides"


def test_a_camera_is_a_mirror_of_the_wished_size(webcam: type[_Webcam]) -> None:
    source = camera.CameraSource(camera.Device(0, "Cam", cv2.CAP_V4L2), size=(1280, 720))
    assert (source.info.width, source.info.height) == (1280, 720) and source.info.mirror and source.info.live


@pytest.mark.parametrize(
    ("status", "said", "allowed"), [(3, None, True), (2, None, False), (0, True, True), (0, False, False)]
)
def test_macos_asks_people_and_waits_for_them(
    webcam: type[_Webcam], monkeypatch: pytest.MonkeyPatch, status: int, said: bool | None, allowed: bool
) -> None:
    asked = []

    class Capture:
        @staticmethod
        def authorizationStatusForMediaType_(kind: str) -> int:
            return status

        @staticmethod
        def requestAccessForMediaType_completionHandler_(kind: str, answer: Callable[[bool], None]) -> None:
            asked.append(kind)
            threading.Timer(0.1, answer, (said,)).start()

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setitem(sys.modules, "AVFoundation", SimpleNamespace(AVCaptureDevice=Capture, AVMediaTypeVideo="vide"))
    device = camera.Device(0, "FaceTime HD", 1200)
    if allowed:
        assert camera.CameraSource(device).read() is not None
    else:
        with pytest.raises(InputError, match=r"\(FaceTime HD\) is not permitted: .* Privacy & Security > Camera"):
            camera.CameraSource(device)
    assert asked == (["vide"] if said is not None else [])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="numbers are those of devices on Linux only")
def test_a_camera_that_comes_back_under_another_number_is_found(
    webcam: type[_Webcam], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a cable that was out for an instant: its old number is kept for whoever still has it open."""
    there = [camera.Device(0, "Cam", 0), camera.Device(1, "Cam", 0), camera.Device(4, "Other", 0)]
    monkeypatch.setattr(camera, "list_cameras", lambda: there)
    source = camera.CameraSource(there[0])
    assert source.name_now("camera:0") == source.name_now("camera") == "camera:0"
    del there[0]
    assert source.name_now("camera:0") == "camera:0", "the other one of its name had been there before"
    there.append(camera.Device(2, "Cam", 0))
    assert source.name_now("camera:0") == "camera:2"
    assert source.name_now("camera:cam") == "camera:cam"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="as above")
def test_a_lost_camera_is_reopened_under_its_new_number(webcam: type[_Webcam], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webcam, "broken", frozenset(range(3, 1000)))
    monkeypatch.setattr(capture_thread, "BACK_OFF", (0.01,))
    number = [0]
    monkeypatch.setattr(camera, "list_cameras", lambda: [camera.Device(number[0], "Cam", 0)])
    infos: list[SourceInfo | None] = []

    def tell(event: CaptureEvent) -> None:
        number[0] = 2  # once it has been opened
        if event.kind == "opened":
            infos.append(event.info)

    thread = capture_thread.CaptureThread(SourceRequest("camera:0"), lambda frame: None, tell)
    thread.start()
    deadline = time.monotonic() + 5
    while len(infos) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    thread.stop()
    thread.join(5)
    assert len(infos) >= 2
