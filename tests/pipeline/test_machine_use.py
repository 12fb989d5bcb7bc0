"""The machine as others' programs use it: from several threads, in notebooks, with values that are none."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import cpm_live
from cpm_live import PoseMachine
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Result
from cpm_live.core.skeleton import BODY
from cpm_live.engines.base import EngineInfo
from cpm_live.engines.select import open_engine
from cpm_live.pipeline.options import Options
from cpm_live.pipeline.show import on_the_picture
from tests.fakes import DotEngine
from tests.pipeline.world import FakeFinder, Somebody, World, WorldEngine, of


def _photo(x: int) -> np.ndarray:
    picture = np.zeros((240, 320, 3), np.uint8)
    picture[100:116, x - 8 : x + 8] = 255
    return picture


def test_threads_that_share_a_machine_take_turns() -> None:
    """As the requests of a web server do."""
    machine = PoseMachine("body", engine=DotEngine(delay=0.001))
    wrong: list[object] = []

    def serve(x: int) -> None:
        try:
            for _ in range(8):
                (pose,) = machine.find(_photo(x)).poses
                if abs(pose.keypoints[:, 0].mean() - x) > 30:
                    wrong.append((x, pose.keypoints[:, 0].mean()))
        except Exception as error:  # noqa: BLE001 - whatever a thread meets is what is asked for
            wrong.append(error)

    threads = [threading.Thread(target=serve, args=(x,)) for x in (60, 160, 260)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong


def test_a_machine_is_closed_at_the_end_of_with() -> None:
    engine = DotEngine()
    with PoseMachine("body", engine=engine) as machine:
        assert machine(_photo(160)).poses
    assert engine.closed


def test_whoever_interrupts_the_finders_loading_still_gets_it() -> None:
    """The stop button of a notebook."""
    world = World([Somebody(320)])
    asked: list[int] = []

    def opener() -> FakeFinder:
        asked.append(1)
        if len(asked) == 1:
            raise KeyboardInterrupt
        return FakeFinder(world)

    machine = PoseMachine("body", WorldEngine(world), finder=opener)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        world.step(machine)
    result = world.step(machine)
    assert machine.finder is not None and result.finder is not None and len(result.poses) == 1


def test_a_lock_shows_nobody_else_from_its_first_frame_on() -> None:
    world = World([Somebody(160), Somebody(480)])
    machine = world.machine(Options(people=1))
    for _ in range(8):
        result = world.step(machine)
    (shown,) = result.poses
    other = world.people[1] if of(result, world.people[0]) == shown.id else world.people[0]
    x, y, w, h = other.box
    machine.options = Options(people=1, lock=(x + w / 2, y + h / 2))
    for _ in range(12):
        result = world.step(machine)
        assert len(result.poses) <= 1
        if result.locked is not None:
            assert [pose.id for pose in result.poses] == [result.locked]
    assert result.locked is not None and of(result, other) == result.locked


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"lock": (1,)}, "the lock is"),
        ({"lock": "1"}, "the lock is '1'"),
        ({"lock": 1.5}, "the lock is 1.5; use x and y in pixels, the number of a track"),
        ({"lock": (1.0, float("nan"))}, "the lock is"),
        ({"lock": True}, "the lock is True"),
        ({"smoothing": "0.5"}, "smoothing is '0.5'; use a number"),
        ({"finder_every": None}, "finder_every is None; use a number"),
        ({"region": 100}, "the region is 100; use x, y, width and height"),
        ({"find_threshold": "0.4"}, "find_threshold is '0.4'; use a number"),
    ],
)
def test_options_that_are_none(values: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError, match=line):
        Options(**values)


def test_numbers_of_numpy_are_as_good() -> None:
    options = Options(lock=np.array([3, 4]), smoothing=np.float32(0.5), finder_every=np.int64(3))  # type: ignore[arg-type]
    assert options.lock == (3.0, 4.0) and Options(lock=np.int64(3)).lock == 3  # type: ignore[arg-type]


def test_what_a_machine_cannot_be_made_with() -> None:
    with pytest.raises(InputError, match="finder is 'none'; use 'auto'"):
        PoseMachine("body", engine=DotEngine(), finder="none")
    machine = PoseMachine("body", engine=DotEngine())
    machine.options = {"people": 1}  # type: ignore[assignment]
    with pytest.raises(InputError, match=r"options is \{'people': 1\}; use Options"):
        machine(_photo(160))
    for threads in (-1, 1000, "2", 2.5):
        with pytest.raises(InputError, match="threads is"):
            open_engine(machine.recipe, "cpu", threads)  # type: ignore[arg-type]


@pytest.mark.parametrize(("poses", "fails", "tried"), [
    ("cpu", "", ["cpu"]), ("cuda", "", ["cuda"]), ("tensorrt", "", ["cuda"]), ("directml", "", ["cpu"]),
    ("cuda", "opening", ["cuda", "cpu"]), ("cuda", "running", ["cuda", "cpu"]),
])  # fmt: skip
def test_the_finder_runs_where_the_poses_do(
    poses: str, fails: str, tried: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kinds: list[str] = []
    finders: list[FakeFinder] = []

    class Full(FakeFinder):
        def warm_up(self, kind: str = "person") -> None:
            raise RuntimeError("CUDA error: out of memory")

    def opener(_threads: int = 0, kind: str = "cpu") -> FakeFinder:
        kinds.append(kind)
        if kind == "cuda" and fails == "opening":
            raise RuntimeError("CUDA error: out of memory")
        finders.append((Full if kind == "cuda" and fails == "running" else FakeFinder)(World([])))
        return finders[-1]

    class Engine(DotEngine):
        def describe(self) -> EngineInfo:
            return EngineInfo(poses, poses, "test", "fp16")

    monkeypatch.setattr("cpm_live.pipeline.finder.open_finder", opener)
    monkeypatch.setattr("cpm_live.pipeline.machine.open_engine", lambda *_: Engine())
    with PoseMachine("body", engine="auto") as machine:
        machine(np.zeros((120, 160, 3), np.uint8))
        # Who does not run gives back at once what it has of the GPU.
        assert [finder.closed for finder in finders] == [True, False][-len(finders) :]
    assert kinds == tried
    assert finders[-1].warmed == ("person" if tried == ["cuda"] else "")
    assert ("the finder runs on the CPU: CUDA error" in caplog.text) == bool(fails)


@pytest.mark.parametrize("given", ["me.jpg", [[[0, 0, 0]]], None, memoryview(bytes(12))])
def test_what_is_no_array_is_no_frame(given: object) -> None:
    """A picture of PIL's would be taken, with its colours exchanged, and people be lost."""
    machine = PoseMachine("body", engine=DotEngine())
    with pytest.raises(InputError, match=r"is no frame; .*RGB2BGR"):
        machine.find(given)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="BGR uint8"):
        machine(np.zeros((4, 4), np.uint8))


def test_what_only_looks_like_options_is_refused_at_once() -> None:
    with pytest.raises(InputError, match=r"use Options\(...\)"):
        PoseMachine("body", engine=DotEngine(), options={"people": 2})  # type: ignore[arg-type]


def test_a_lock_that_is_wished_before_the_first_frame_holds() -> None:
    world = World([Somebody(160), Somebody(480)])
    options = Options(lock=(480.0, 240.0))
    machine = PoseMachine("body", WorldEngine(world), options=options, finder=lambda: FakeFinder(world))  # type: ignore[arg-type]
    machine.reset()
    for _ in range(3):
        result = world.step(machine)
    assert result.locked is not None and len(result.poses) == 1
    # In another source nobody is pointed at by what was said of this one.
    machine.reset()
    for _ in range(3):
        result = world.step(machine)
    assert result.locked is None and len(result.poses) == 2


def test_the_package_says_what_it_has() -> None:
    assert {"PoseMachine", "Options", "Live", "Result", "InputError"} <= set(dir(cpm_live))
    assert cpm_live.Options is Options
    with pytest.raises(ImportError, match="PoseMachnie"):
        exec("from cpm_live import PoseMachnie")


def test_a_joint_that_was_seen_has_a_pixel() -> None:
    """A peak at the edge may lie a little beyond it; looking it up in a depth map must not fail, or wrap around."""
    machine = PoseMachine("body", engine=DotEngine(), options=Options(smoothing=0.0))
    (pose,) = machine(_photo(160)).poses
    stages = pose.stages.copy()
    stages[:, 3, :2], stages[-1, 4, :2], stages[-1, 5] = (-1.5, 100.0), (150.0, 241.0), (-40.0, 50.0, 0.0)
    frame = Frame(_photo(160), 0, 0)
    smoothed = stages[-1] + (0.25, 0, 0)
    made = Result(frame, (replace(pose, stages=stages, smoothed=smoothed),), BODY, "body", 2, 0.4)
    (shown,) = on_the_picture(made).poses
    assert tuple(shown.raw[3, :2]) == (0, 100) and tuple(shown.stages[0, 3, :2]) == (0, 100)
    assert tuple(shown.keypoints[3, :2]) == (0, 100) and tuple(shown.keypoints[4, :2]) == (150.25, 239)
    assert tuple(shown.raw[5]) == (-40, 50, 0), "what was not seen is where it was not seen"
    assert stages[-1, 3, 0] == -1.5 and on_the_picture(on_the_picture(made)).poses[0].stages is not stages


def test_no_joint_of_a_result_lies_beyond_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.zeros((240, 320, 3), np.uint8)
    picture[69:85, 3:19] = 255

    def furthest() -> float:
        with PoseMachine("body", engine=DotEngine(), options=Options(smoothing=0.0)) as machine:
            (pose,) = machine(picture).poses
        seen = pose.stages[pose.stages[..., 2] > 0]
        return float(max(-seen[:, :2].min(), (seen[:, :2] - (319, 239)).max()))

    assert furthest() <= 0
    monkeypatch.setattr("cpm_live.pipeline.machine.on_the_picture", lambda result: result)
    assert furthest() > 0.5, "else this shows nothing"


def test_who_comes_when_the_end_has_begun_goes_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that come again and again would leave the thread that ends no turn, and be inside a library then."""
    machine = PoseMachine("body", engine=DotEngine())
    ending = threading.Event()
    ending.set()
    monkeypatch.setattr("cpm_live.pipeline.at_exit._ENDING", ending)
    thread = threading.Thread(target=machine.reset, daemon=True)
    thread.start()
    machine.reset()
    thread.join(0.3)
    assert thread.is_alive()
