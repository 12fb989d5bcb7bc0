"""Invariants of the live session, with real threads."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from pathlib import Path

import av
import numpy as np
import pytest

from cpm_live.capture.base import Source, SourceInfo
from cpm_live.capture.open import SourceRequest
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Result
from cpm_live.drawing.view import View
from cpm_live.engines.base import Engine
from cpm_live.engines.recipe import Recipe, find
from cpm_live.pipeline.live import Live
from cpm_live.pipeline.options import Options
from cpm_live.recording.recorder import Recorder
from tests.fakes import DotEngine


class Numbered:
    """A fast source whose frames carry their number in their pixels."""

    def __init__(self, rate: float = 200.0) -> None:
        self.info = SourceInfo("demo", "numbered", live=True, mirror=False, width=320, height=240, fps=rate)
        self.rate, self.index, self.closed = rate, 0, False

    def read(self) -> Frame | None:
        time.sleep(1 / self.rate)
        image = np.zeros((240, 320, 3), np.uint8)
        image[100:140, 140:180] = 255
        image[0, 0, 0], image[0, 1, 0] = self.index % 256, self.index // 256
        self.index += 1
        return Frame(image, self.index - 1, time.perf_counter_ns())

    def close(self) -> None:
        self.closed = True


class Session:
    def __init__(self, delay: float = 0.0, **engine: object) -> None:
        self.sources: list[Numbered] = []
        self.engines: list[DotEngine] = []
        self.cues = 0

        def opener(request: SourceRequest) -> Source:
            if request.text == "broken":
                raise InputError("no file broken; check the path")
            self.sources.append(Numbered())
            return self.sources[-1]

        def engines(recipe: Recipe, kind: str) -> Engine:
            if kind == "broken":
                raise InputError("no weights at nowhere")
            self.engines.append(DotEngine(delay, len(recipe.skeleton), **engine))  # type: ignore[arg-type]
            return self.engines[-1]

        def cue() -> None:
            self.cues += 1

        self.live = Live(cue, None, opener, engines)

    def start(self) -> Session:
        self.live.set_model(find("body"), "fake")
        self.live.set_source(SourceRequest("numbered"))
        return self

    def wait_for_pose(self, seconds: float = 5.0) -> Result:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            result = self.live.results.take(0.2)
            if result is not None and result.poses:
                return result
        raise AssertionError(f"no pose came; events: {self.live.take_events()}")


@pytest.fixture()
def session() -> object:
    made: list[Session] = []

    def make(delay: float = 0.0, **engine: object) -> Session:
        made.append(Session(delay, **engine))
        return made[-1].start()

    yield make
    for one in made:
        one.live.stop()


def test_newest_frame_wins_behind_a_slow_engine(session: object) -> None:
    live = session(delay=0.03).live  # type: ignore[operator]
    session_start = time.monotonic()
    results = []
    while time.monotonic() - session_start < 1.5:
        result = live.results.take(0.5)
        if result is not None and result.poses:
            results.append(result)
    indices = [result.frame.index for result in results]
    assert indices == sorted(set(indices))
    assert max(np.diff(indices)) > 1 and live.stats().skipped > 20
    # Never far behind: at 200 fps a queue of only ten frames would add 50 ms on top of 2 x 30 ms.
    assert np.median([result.age_ms for result in results[3:]]) < 150


def test_the_pose_belongs_to_its_own_frame(session: object) -> None:
    live = session().live  # type: ignore[operator]
    for _ in range(5):
        result = live.results.take(2)
        assert result is not None
        pixels = result.frame.image
        assert int(pixels[0, 0, 0]) + 256 * int(pixels[0, 1, 0]) == result.frame.index
        assert not pixels.flags.writeable


def test_one_cue_while_nobody_takes(session: object) -> None:
    one = session()  # type: ignore[operator]
    one.wait_for_pose()
    one.live.results.take_now()
    time.sleep(0.05)
    before = one.cues
    time.sleep(0.5)
    assert one.cues - before <= 1


def test_switching_source_and_model_goes_on_without_old_results(session: object) -> None:
    one = session()  # type: ignore[operator]
    before = one.wait_for_pose().poses[0].id
    one.live.set_source(SourceRequest("numbered"))
    generation = one.live.generation
    for _ in range(10):
        result = one.wait_for_pose()
        if result.generation == generation:
            break
    assert result.generation == generation and result.poses[0].id != before, "nobody is followed into another source"
    one.live.set_model(find("hand"), "fake")
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        result = one.live.results.take(1)
        if result is not None and result.skeleton.name == "hand" and result.stage_count:
            break
    assert result is not None and result.poses[0].keypoints.shape == (21, 3)
    time.sleep(0.1)
    assert one.sources[0].closed and one.engines[0].closed


def test_stop_within_two_seconds_closes_everything_in_order(session: object, tmp_path: Path) -> None:
    one = session(delay=0.02)  # type: ignore[operator]
    one.wait_for_pose()
    one.live.start_recording(tmp_path / "a.mp4")
    deadline = time.monotonic() + 10
    while one.live.stats().recorded < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    started = time.monotonic()
    assert one.live.stop()
    assert time.monotonic() - started < 2
    assert one.sources[0].closed and one.engines[0].closed
    assert not [t.name for t in threading.enumerate() if t.name in ("capture", "worker", "recorder")]
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) >= 5
    assert one.live.stop()


def test_a_broken_source_or_engine_is_told_and_the_session_lives(session: object) -> None:
    one = session()  # type: ignore[operator]
    one.wait_for_pose()
    one.live.set_model(find("body"), "broken")
    one.live.set_source(SourceRequest("broken"))
    time.sleep(0.4)
    kinds = {event.kind: event.message for event in one.live.take_events()}
    assert "nowhere" in kinds["engine-failed"] and "no file broken" in kinds["source-failed"]
    one.live.set_source(SourceRequest("numbered"))
    one.wait_for_pose()


def test_an_engine_that_dies_is_told_and_frames_go_on(session: object) -> None:
    one = session(fail_after=4)  # type: ignore[operator]
    one.wait_for_pose()
    time.sleep(0.5)
    failed = [event for event in one.live.take_events() if event.kind == "engine-failed"]
    assert failed and failed[0].message == "the engine failed: device lost; choose another engine"
    result = one.live.results.take(1)
    assert result is not None and result.poses == () and result.stage_count == 0
    one.live.set_model(find("body"), "fake")
    one.wait_for_pose()


def test_pause_and_step(session: object) -> None:
    one = session()  # type: ignore[operator]
    one.wait_for_pose()
    one.live.pause(True)
    time.sleep(0.2)
    one.live.results.take_now()
    assert one.live.results.take(0.2) is None and one.live.paused
    one.live.step()
    assert one.live.results.take(1) is not None
    assert one.live.results.take(0.2) is None
    one.live.pause(False)
    one.wait_for_pose()


def test_options_reach_the_machine_between_two_frames(session: object) -> None:
    one = session()  # type: ignore[operator]
    one.wait_for_pose()
    assert one.live.options == Options()
    one.live.set_options(Options(joint_threshold=0.77, smoothing=0.0))
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        result = one.live.results.take(1)
        if result is not None and result.joint_threshold == 0.77:
            break
    assert result is not None and result.joint_threshold == 0.77 and result.poses[0].smoothed is None
    # They outlive a switch of model.
    one.live.set_model(find("hand"), "fake")
    while time.monotonic() < deadline + 3:
        result = one.live.results.take(1)
        if result is not None and result.skeleton.name == "hand" and result.stage_count:
            break
    assert result is not None and result.joint_threshold == 0.77


def test_a_recording_shows_no_other_models_people(session: object, tmp_path: Path) -> None:
    """As the window: while another model loads, the old one's joints do not fit what is chosen for the new one."""
    one = session()  # type: ignore[operator]
    one.wait_for_pose()
    kept: list[Result] = []

    class Keeping(Recorder):
        def put(self, result: Result, view: View) -> None:
            kept.append(result)

    one.live._recordings.current = Keeping(tmp_path / "a.mp4", lambda recorder: None)
    one.live.wanted = find("hand")  # as asked for, and not there yet
    time.sleep(0.4)
    one.live._recordings.current = None
    late = kept[2:]
    assert len(late) > 3 and all(r.poses == () and r.stage_count == 0 and r.skeleton.name == "hand" for r in late)
    one.live.wanted = find("body")  # it could not be had
    assert one.wait_for_pose().skeleton.name == "body"


def test_a_recording_without_pictures_is_no_failure(session: object, tmp_path: Path) -> None:
    one = session()  # type: ignore[operator]
    one.wait_for_pose()
    one.live.pause(True)
    time.sleep(0.3)
    one.live.take_events()
    one.live.start_recording(tmp_path / "a.mp4")
    one.live.stop_recording()
    deadline, told = time.monotonic() + 5, []
    while time.monotonic() < deadline and "recording-empty" not in told:
        told += [event.kind for event in one.live.take_events()]
        time.sleep(0.02)
    assert told == ["recording", "recording-empty"] and not (tmp_path / "a.mp4").exists()


def test_a_recording_knows_of_a_pause(session: object, tmp_path: Path) -> None:
    """Also of one that began before it."""
    one = session()  # type: ignore[operator]
    one.live.pause(True)
    one.live.start_recording(tmp_path / "a.mp4")
    recorder = one.live.recording
    assert recorder._paused
    for paused in (False, True):
        one.live.pause(paused)
        assert recorder._paused is paused


def test_what_was_skipped_of_the_source_before_does_not_count(session: object) -> None:
    one = session(delay=0.03)  # type: ignore[operator]
    deadline = time.monotonic() + 10
    while one.live.stats().skipped < 10 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert one.live.stats().skipped >= 10
    one.live.set_source(SourceRequest("broken"))  # none of its frames can be skipped
    assert one.live.stats().skipped <= 1


def test_sources_that_were_left_are_let_go(session: object) -> None:
    one = session()  # type: ignore[operator]
    first = weakref.ref(one.live._capture)
    for _ in range(4):
        one.live.set_source(SourceRequest("numbered"))
        one.wait_for_pose()
    deadline = time.monotonic() + 5
    while first() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.05)
    assert first() is None
