"""Faults that no other test noticed: each was put into the code once, and is seen here."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from cpm_live.capture import thread as capture_thread
from cpm_live.capture.base import Source, SourceInfo
from cpm_live.capture.images import ImageSource
from cpm_live.capture.open import SourceRequest
from cpm_live.capture.thread import CaptureThread
from cpm_live.capture.video import VideoSource
from tests.capture.films import film, picture, slides
from tests.capture.test_thread import FakeCamera, FakeStream, Log, wait_until

S = TypeVar("S", bound=Source)


def test_one_step_is_one_picture_also_when_its_time_is_just_over(tmp_path: Path) -> None:
    for number in range(4):
        picture(tmp_path / f"{number}.png")
    source, shown = ImageSource(tmp_path, hold=0.2), []
    source.read()
    for _ in range(3):
        source.read()  # the last one of its hold
        source.next_picture()
        source.read()
        shown.append(source.current.name)
    assert shown == ["1.png", "2.png", "3.png"]


def test_going_somewhere_forgets_the_steps_back_that_wait(tmp_path: Path) -> None:
    thread = CaptureThread(SourceRequest("demo"), lambda _: None, lambda _: None)
    thread._shown_at = 3.0
    thread.back()
    thread.back()
    thread.seek(1.0)
    assert [thread._take_seek(), thread._take_seek()] == [(1.0, False), None]


def test_steps_back_before_there_is_a_picture_are_forgotten() -> None:
    thread = CaptureThread(SourceRequest("demo"), lambda _: None, lambda _: None)
    thread.back()
    assert thread._take_seek() is None
    thread._shown_at = 3.0
    assert thread._take_seek() is None


def test_a_key_that_is_held_goes_back_a_few_pictures_and_no_more() -> None:
    thread = CaptureThread(SourceRequest("demo"), lambda _: None, lambda _: None)
    thread._shown_at = 3.0
    for _ in range(60):
        thread.back()
    assert sum(thread._take_seek() is not None for _ in range(60)) == 3


def _fresh(make: Callable[[int], S]) -> tuple[Callable[[SourceRequest], S], list[S]]:
    """An opener that makes another source each time, told how many it made before, and those that it made."""
    made: list[S] = []

    def opener(_: SourceRequest) -> S:
        made.append(make(len(made)))
        return made[-1]

    return opener, made


def test_a_stream_that_comes_back_after_a_pause_counts_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_thread, "BACK_OFF", (0.01,))
    log, (opener, streams) = Log(), _fresh(lambda _: FakeStream(30))
    thread = CaptureThread(SourceRequest("rtsp://x"), log.frames.append, log.events.append, opener)
    thread.start()
    wait_until(lambda: bool(log.frames))
    thread.pause(True)
    wait_until(lambda: streams[0].index > 15)
    thread.pause(False)
    wait_until(lambda: len(streams) > 1 and streams[-1].index > 5)
    thread.stop()
    thread.join(2)
    assert min(frame.index for frame in log.frames) == 0


def test_a_loss_after_long_is_mended_as_quickly_as_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_thread, "BACK_OFF", (0.01, 5.0))
    monkeypatch.setattr(capture_thread, "_STEADY_S", 0.02)
    log, (opener, cameras) = Log(), _fresh(lambda _: FakeCamera(10))
    thread = CaptureThread(SourceRequest("camera:0"), log.frames.append, log.events.append, opener)
    thread.start()
    began = time.monotonic()
    wait_until(lambda: len(cameras) >= 4)
    thread.stop()
    thread.join(6)
    assert len(cameras) >= 4 and time.monotonic() - began < 3


def test_looking_for_a_place_ends_with_the_thread_and_with_another_wish() -> None:
    thread = CaptureThread(SourceRequest("demo"), lambda _: None, lambda _: None)
    assert thread._still_sought()
    thread.seek(2.0)
    assert not thread._still_sought()
    thread._take_seek()
    assert thread._still_sought()
    thread.stop()
    assert not thread._still_sought()


def test_a_source_that_was_told_of_again_is_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_thread, "BACK_OFF", (0.01,))
    log = Log()

    class Own(FakeCamera):
        def __init__(self, good: int) -> None:
            super().__init__(good)
            self.info = SourceInfo("camera", "Fake", live=True, mirror=True, width=8, height=8, fps=100)

    opener, _ = _fresh(lambda before: Own(10_000 if before else 3))
    thread = CaptureThread(SourceRequest("camera:0"), log.frames.append, log.events.append, opener)
    thread.start()
    wait_until(lambda: len(log.frames) > 8)
    thread.stop()
    thread.join(2)
    assert [event.kind for event in log.events] == ["opened", "lost", "opened"]


def test_a_film_goes_on_at_its_pace_from_where_it_was_sent(tmp_path: Path) -> None:
    source = VideoSource(str(film(tmp_path / "a.mp4", 100)), paced=True)
    source.read()
    source.seek(4.0)
    began = time.perf_counter()
    for _ in range(3):
        source.read()
    assert time.perf_counter() - began < 1.0
    source.close()


def test_slides_show_no_picture_of_before_after_a_seek(tmp_path: Path) -> None:
    slides(tmp_path / "a.mp4", [0.0, 3.0, 6.0, 9.0])
    source = VideoSource(str(tmp_path / "a.mp4"), paced=True, loop=True)
    source.read()
    source.seek(6.5)
    levels = [frame.image.mean() for _ in range(3) if (frame := source.read()) is not None]
    assert levels == pytest.approx([20, 20, 20], abs=3)
    source.close()


def test_a_film_may_be_sent_elsewhere_before_it_was_read(tmp_path: Path) -> None:
    """As where it is gone back to; most transport streams begin at 1.4 s."""
    source = VideoSource(str(film(tmp_path / "a.ts", 40, 1.4)))
    source.seek(1.0)
    frame = source.read()
    assert frame is not None and frame.media_time == pytest.approx(1.0, abs=2e-3)
    assert frame.image.mean() == pytest.approx(5 * 20, abs=8)
    source.close()
