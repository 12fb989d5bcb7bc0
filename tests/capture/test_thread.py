from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import pytest

from cpm_live.capture import thread as capture_thread
from cpm_live.capture.base import Source, SourceInfo, SourceLost
from cpm_live.capture.open import SourceRequest
from cpm_live.capture.thread import CaptureEvent, CaptureThread
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame


class FakeCamera:
    """Delivers ``good`` frames, then is unplugged."""

    info = SourceInfo("camera", "Fake", live=True, mirror=True, width=8, height=8, fps=100)

    def __init__(self, good: int) -> None:
        self.good, self.index, self.closed = good, 0, False

    def read(self) -> Frame | None:
        time.sleep(0.005)
        if self.index >= self.good:
            raise SourceLost("camera 0 (Fake) stopped delivering; check its cable")
        self.index += 1
        return Frame(np.zeros((8, 8, 3), np.uint8), self.index - 1, time.perf_counter_ns())

    def close(self) -> None:
        self.closed = True


class Log:
    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.events: list[CaptureEvent] = []
        self.enough = threading.Event()


def wait_until(there: Callable[[], bool]) -> None:
    """For at most five seconds."""
    deadline = time.monotonic() + 5
    while not there() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_a_lost_camera_is_reopened_with_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_thread, "BACK_OFF", (0.01, 0.02))
    log, cameras, attempts = Log(), [], []

    def opener(request: SourceRequest) -> Source:
        attempts.append(time.monotonic())
        if len(attempts) in (2, 3):
            raise InputError("camera 0 is absent")
        cameras.append(FakeCamera(5))
        return cameras[-1]

    thread = CaptureThread(SourceRequest("camera:0"), log.frames.append, log.events.append, opener)
    thread.start()
    wait_until(lambda: len(log.frames) >= 8)
    thread.stop()
    thread.join(2)
    assert not thread.is_alive()
    assert [event.kind for event in log.events][:5] == ["opened", "lost", "lost", "lost", "opened"]
    assert "reconnecting" in log.events[1].message and "attempt 2" in log.events[3].message
    assert len(log.frames) >= 8 and all(fake.closed for fake in cameras)


def test_pause_step_and_stop() -> None:
    log = Log()
    thread = CaptureThread(SourceRequest("demo"), log.frames.append, log.events.append, lambda r: FakeCamera(10_000))
    thread.start()
    while not log.frames:
        time.sleep(0.01)
    thread.pause(True)
    time.sleep(0.05)
    count = len(log.frames)
    time.sleep(0.1)
    assert len(log.frames) == count
    thread.step()
    time.sleep(0.1)
    assert len(log.frames) == count + 1
    thread.pause(False)
    time.sleep(0.1)
    assert len(log.frames) > count + 2
    thread.pause(True)
    thread.stop()
    thread.join(1)
    assert not thread.is_alive()


class FakeStream(FakeCamera):
    info = SourceInfo("stream", "Fake", live=True, mirror=False, width=8, height=8, fps=100)


def test_what_a_live_stream_sends_during_a_pause_is_not_shown_afterwards() -> None:
    """Left in the connection's buffers it would come late and at once, with the times of now."""
    log, stream = Log(), FakeStream(10_000)
    thread = CaptureThread(SourceRequest("rtsp://x"), log.frames.append, log.events.append, lambda r: stream)
    thread.start()
    wait_until(lambda: len(log.frames) > 2)
    thread.pause(True)
    time.sleep(0.1)
    count, read = len(log.frames), stream.index
    wait_until(lambda: stream.index > read + 10)
    assert len(log.frames) == count and stream.index > read + 10
    thread.step()
    wait_until(lambda: len(log.frames) == count + 1)
    thread.pause(False)
    wait_until(lambda: len(log.frames) > count + 3)
    thread.stop()
    thread.join(2)
    indices = [frame.index for frame in log.frames]
    assert indices == list(range(len(indices))), "nobody misses them in a recording"


def test_steps_asked_for_quickly_are_taken_and_a_held_key_does_not_run_on() -> None:
    log, camera = Log(), FakeCamera(10_000)
    thread = CaptureThread(SourceRequest("camera:0"), log.frames.append, log.events.append, lambda r: camera)
    thread.start()
    wait_until(lambda: bool(log.frames))
    thread.pause(True)
    time.sleep(0.1)
    count = len(log.frames)
    for _ in range(3):
        thread.step()
    wait_until(lambda: len(log.frames) >= count + 3)
    time.sleep(0.1)
    assert len(log.frames) == count + 3
    for _ in range(60):  # a key that repeats faster than frames come
        thread.step()
    time.sleep(0.4)
    assert count + 5 < len(log.frames) <= count + 8
    before = len(log.frames)
    thread.pause(False)
    wait_until(lambda: len(log.frames) > before + 3)
    thread.stop()
    thread.join(2)


def test_steps_asked_for_before_a_pause_are_over() -> None:
    """The last ones came just as the picture went on."""
    log, camera = Log(), FakeCamera(10_000)
    thread = CaptureThread(SourceRequest("camera:0"), log.frames.append, log.events.append, lambda r: camera)
    thread.start()
    wait_until(lambda: bool(log.frames))
    for _ in range(3):
        thread.step()
    count = len(log.frames)
    wait_until(lambda: len(log.frames) > count + 2)
    thread.pause(True)
    count = len(log.frames)
    time.sleep(0.1)
    assert len(log.frames) <= count + 1, "the one that was under way"
    thread.stop()
    thread.join(2)


def test_failure_to_open_is_told() -> None:
    log = Log()
    thread = CaptureThread(SourceRequest("nowhere.mp4"), log.frames.append, log.events.append)
    thread.start()
    thread.join(2)
    assert [event.kind for event in log.events] == ["failed"] and "nowhere.mp4" in log.events[0].message


def test_an_unforeseen_error_is_told_too() -> None:
    log = Log()

    def opener(request: SourceRequest) -> Source:
        raise RuntimeError("decoder exploded\nat line 7")

    for text, shown in (("odd.mp4", "odd.mp4"), ("rtsp://anna:secret@host/x", "rtsp://host/x")):
        log.events.clear()
        thread = CaptureThread(SourceRequest(text), log.frames.append, log.events.append, opener)
        thread.start()
        thread.join(2)
        assert [event.message for event in log.events] == [f"cannot use {shown}: decoder exploded"]


def test_the_end_of_a_file_is_told() -> None:
    log = Log()
    thread = CaptureThread(SourceRequest("demo", live=False, frames=3), log.frames.append, log.events.append)
    thread.start()
    thread.join(3)
    assert len(log.frames) == 3 and [event.kind for event in log.events] == ["opened", "ended"]


def test_what_is_opened_while_paused_is_shown_once() -> None:
    log, opening = Log(), threading.Event()

    def opener(request: SourceRequest) -> Source:
        opening.wait(5)
        return FakeCamera(10_000)

    thread = CaptureThread(SourceRequest("demo"), log.frames.append, log.events.append, opener)
    thread.start()
    thread.pause(True)
    opening.set()
    wait_until(lambda: bool(log.frames))
    time.sleep(0.1)
    assert len(log.frames) == 1, "its first picture, and no more"
    thread.stop()
    thread.join(2)


def test_what_is_left_out_is_told_once() -> None:
    class Gappy(FakeCamera):
        left_out: ClassVar[list[str]] = ["a.heic", "b.heic"]

        def read(self) -> Frame | None:
            if self.index == 2:
                self.left_out = ["a.heic", "b.heic", "bad.jpg"]
            return super().read()

    log = Log()
    thread = CaptureThread(SourceRequest("demo"), log.frames.append, log.events.append, lambda r: Gappy(10_000))
    thread.start()
    wait_until(lambda: len(log.frames) >= 5)
    thread.stop()
    thread.join(2)
    notes = [event.message for event in log.events if event.kind == "note"]
    assert len(notes) == 2
    assert notes[0].startswith("left out a.heic and 1 more: ") and notes[1].startswith("left out bad.jpg: ")
