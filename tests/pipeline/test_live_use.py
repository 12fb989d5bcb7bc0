"""A live session as others' programs use it: with callbacks that fail, as a context manager, after its end."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import pytest

from cpm_live.capture.base import SourceLost
from cpm_live.capture.open import SourceRequest
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.drawing.view import View
from cpm_live.engines.recipe import find
from cpm_live.pipeline.live import Live
from cpm_live.recording.recorder import Recorder
from tests.fakes import DotEngine
from tests.pipeline.test_live import Numbered, Session
from tests.streaming.listener import Listener


def _live(on_result: object = None, on_event: object = None) -> Live:
    live = Live(on_result, on_event, lambda _: Numbered(), lambda *_: DotEngine())  # type: ignore[arg-type]
    live.set_model(find("body"), "fake")
    live.set_source(SourceRequest("numbered"))
    return live


def _wait_for(live: Live, results: int) -> None:
    deadline, seen = time.monotonic() + 10, 0
    while seen < results:
        assert time.monotonic() < deadline, f"{seen} results"
        seen += live.results.take(0.2) is not None


def test_a_callback_that_fails_is_logged_and_the_session_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    calls = []

    def fails() -> None:
        calls.append(threading.current_thread().name)
        raise ZeroDivisionError("a mistake of the program's own")

    live = _live(fails, fails)
    try:
        _wait_for(live, 5)
    finally:
        assert live.stop()
    assert {"capture", "worker"} <= set(calls) and "a mistake of the program's own" in caplog.text


def test_a_session_is_stopped_at_the_end_of_with_and_starts_nothing_any_more(tmp_path: Path) -> None:
    with _live() as live:
        live.start_sending("9000")
        _wait_for(live, 2)
    assert not {"capture", "worker", "recorder", "osc"} & {thread.name for thread in threading.enumerate()}
    for late in (
        lambda: live.set_source(SourceRequest("numbered")),
        lambda: live.start_recording(tmp_path / "a.mp4"),
        lambda: live.start_sending("9000"),
    ):
        with pytest.raises(InputError, match="was stopped"):
            late()
    assert live.stop() and not list(tmp_path.iterdir())


def test_one_recording_at_a_time(tmp_path: Path) -> None:
    session = Session().start()
    try:
        session.wait_for_pose()
        for name in ("a.mp4", "b.mp4"):
            session.live.start_recording(tmp_path / name)
        failed = [event for event in session.live.take_events() if event.kind == "recording-failed"]
        assert [event.message for event in failed] == ["cannot record b.mp4: a.mp4 is still being recorded"]
        assert session.live.recording is not None and session.live.recording.path.name == "a.mp4"
    finally:
        session.live.stop()


def test_options_are_looked_at_before_the_engine_meets_them() -> None:
    with _live() as live:
        with pytest.raises(InputError, match="use Options"):
            live.set_options({"people": 2})  # type: ignore[arg-type]
        deadline = time.monotonic() + 10
        while not live.engine_label:
            assert time.monotonic() < deadline
            live.results.take(0.1)
        _wait_for(live, 2)
        assert live.engine_label


def test_nothing_is_kept_of_recordings_that_have_ended(tmp_path: Path) -> None:
    """A program that records each visitor does so for months."""
    with _live() as live:
        _wait_for(live, 2)
        ended: list[weakref.ref[Recorder]] = []
        for _ in range(4):
            live.start_recording(tmp_path / "a.mp4")
            assert live.recording is not None
            recorder = live.recording
            live.stop_recording()
            recorder.join(10)
            ended.append(weakref.ref(recorder))
            del recorder
        _wait_for(live, 2)  # the worker has done with it, too
        gc.collect()
        assert [recorder() is None for recorder in ended] == [True, True, True, False]


def _hear_somebody(listener: Listener) -> dict[str, Any]:
    while "/cpm/body/1/neck" not in (told := listener.hear()):
        pass
    return told


def test_keypoints_go_to_one_program_at_a_time_as_the_view_mirrors_them() -> None:
    first, second = Listener(), Listener()
    with _live() as live:
        live.start_sending(first.address)
        told = _hear_somebody(first)
        live.set_view(View(mirror=True))
        live.start_sending(second.address)
        assert live.sending is not None and live.sending.address == second.address
        mirrored = _hear_somebody(second)
        for joint in ("left_wrist", "neck"):
            (x, y, _), (other, beside, _) = told[f"/cpm/body/1/{joint}"], mirrored[f"/cpm/body/1/{joint}"]
            assert other == pytest.approx(1 - x, abs=0.01) and beside == pytest.approx(y, abs=0.01)
        with pytest.raises(InputError, match="give HOST:PORT"):
            live.start_sending("nowhere:at all")
        assert live.sending.address == second.address, "the one before goes on"
        live.stop_sending()
        assert live.sending is None
        while told != {"/cpm/body/1/id": [0]}:
            told = first.hear()
    first.close()
    second.close()


@pytest.mark.parametrize("gone", ["lost", "failed", "dropped"])
def test_nobody_stands_where_no_picture_comes_from(gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener()
    with _live() as live:
        live.start_sending(listener.address)
        told = _hear_somebody(listener)

        def read(self: Numbered) -> Frame:
            raise SourceLost("unplugged") if gone == "lost" else RuntimeError("damaged")

        if gone == "dropped":
            live.drop_source()
        else:
            monkeypatch.setattr(Numbered, "read", read)
        while set(map(tuple, told.values())) != {(0,)}:
            told = listener.hear()
    listener.close()
