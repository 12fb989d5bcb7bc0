"""Engines change between two frames: people stay followed, old engines are closed, a lost GPU leaves the CPU."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from cpm_live.core.crop import Box, Crop
from cpm_live.core.errors import InputError
from cpm_live.core.findings import Findings
from cpm_live.core.frame import Frame
from cpm_live.core.mailbox import Mailbox
from cpm_live.core.pose import Result
from cpm_live.engines.base import Engine, EngineInfo, Looked
from cpm_live.engines.recipe import Recipe, find
from cpm_live.engines.select import Plan
from cpm_live.pipeline import engine_loader
from cpm_live.pipeline.beside import OpenedBeside
from cpm_live.pipeline.options import Options
from cpm_live.pipeline.worker import Worker
from tests.fakes import DotEngine


class Named(DotEngine):
    def __init__(self, kind: str, fail_after: int | None = None, joints: int = 14) -> None:
        super().__init__(fail_after=fail_after, joints=joints)
        self.kind = kind

    def describe(self) -> EngineInfo:
        return EngineInfo(self.kind, f"{self.kind} engine", "test", "fp32")


class BlindFinder:
    """Sees nobody."""

    def __init__(self, kind: str, full: bool = False) -> None:
        self.kind, self.full, self.looks, self.warmed, self.closed = kind, full, 0, "", False

    def __call__(self, image: NDArray[np.uint8], kind: str, region: Box | None = None) -> Findings:
        self.looks += 1
        maps = np.zeros((1, 3, 12, 12), np.float32)
        return Findings((), maps, Crop.around((0.0, 0.0, *image.shape[1::-1]), 96, 8, 1.0), 0.1)

    def warm_up(self, kind: str = "person") -> None:
        if self.full:
            raise RuntimeError("CUDA out of memory")
        self.warmed = self.warmed or kind

    def reset(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


class Rig:
    def __init__(self, finder: bool = False) -> None:
        self.frames: Mailbox[tuple[int, Frame]] = Mailbox()
        self.results: list[Result] = []
        self.told: list[tuple[str, str, tuple[str, str]]] = []
        self.engines: dict[str, Named] = {}
        self.fail_after: dict[str, int] = {}
        self.finders: list[BlindFinder] = []
        self.no_finder = ("", "")
        self.worker = Worker(
            self.frames,
            lambda _, result: self.results.append(result),
            lambda *e: self.told.append(e),
            self.open,
            self.open_finder if finder else None,
        )
        self.worker.start()
        self.index = 0

    def open(self, recipe: Recipe, kind: str) -> Named:
        self.engines[kind] = Named(kind, self.fail_after.get(kind), len(recipe.skeleton))
        return self.engines[kind]

    def open_finder(self, kind: str = "cpu") -> BlindFinder:
        full = kind == self.no_finder[0]
        if full and self.no_finder[1] == "opened":
            raise RuntimeError("CUDA out of memory")
        self.finders.append(BlindFinder(kind, full))
        return self.finders[-1]

    def run(self, until: Callable[[], object], seconds: float = 10.0) -> None:
        """Give frames until it is true."""
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, (self.told, len(self.results))
            image = np.zeros((240, 320, 3), np.uint8)
            image[100:140, 140:180] = 255
            self.frames.put((0, Frame(image, self.index, time.perf_counter_ns())))
            self.index += 1
            time.sleep(0.01)

    def end(self) -> None:
        self.frames.close()
        self.worker.join(5)
        assert not self.worker.is_alive()


def test_another_engine_for_the_same_model_keeps_the_people() -> None:
    rig = Rig()
    rig.worker.load(find("body"), "cpu")
    rig.run(lambda: len([r for r in rig.results if r.poses]) > 5)
    first = rig.results[-1].poses[0].id
    rig.worker.load(find("body"), "cuda")
    rig.run(lambda: rig.worker.engine_label == "cuda engine")
    before = len(rig.results)
    rig.run(lambda: len(rig.results) > before + 5)
    assert rig.engines["cpu"].closed and not rig.engines["cuda"].closed
    assert {pose.id for result in rig.results[before:] for pose in result.poses} == {first}
    assert [event[:2] for event in rig.told] == [("engine", "cpu engine"), ("engine", "cuda engine")]
    rig.end()
    assert rig.engines["cuda"].closed


def test_an_old_engine_that_cannot_even_close_does_not_end_the_worker() -> None:
    rig = Rig()
    rig.worker.load(find("body"), "cpu")
    rig.run(lambda: len(rig.results) > 2)

    def broken() -> None:
        raise RuntimeError("device lost")

    rig.engines["cpu"].close = broken  # type: ignore[method-assign]
    rig.worker.load(find("body"), "cuda")
    rig.run(lambda: rig.worker.engine_label == "cuda engine")
    before = len(rig.results)
    rig.run(lambda: len(rig.results) > before + 2)
    rig.end()


def test_results_go_on_while_an_engine_is_opened() -> None:
    rig = Rig()
    rig.worker.load(find("body"), "cpu")
    rig.run(lambda: len([r for r in rig.results if r.poses]) > 2)
    opened, plain = [], rig.worker._loader._open

    def slow(recipe: Recipe, kind: str) -> object:
        opened.append(len(rig.results))
        time.sleep(0.6)
        opened.append(len(rig.results))
        return plain(recipe, kind)

    rig.worker._loader._open = slow  # type: ignore[assignment]
    rig.worker.load(find("body"), "slow")
    rig.run(lambda: rig.worker.engine_label == "slow engine")
    assert opened[1] - opened[0] > 5, "the picture would have stood still"
    rig.end()


def test_a_gpu_that_is_lost_leaves_the_cpu() -> None:
    rig = Rig()
    rig.fail_after["cuda"] = 6
    rig.worker.load(find("body"), "cuda")
    rig.run(lambda: rig.worker.engine_label == "cpu engine")
    before = len(rig.results)
    rig.run(lambda: any(result.poses for result in rig.results[before:]))
    assert ("engine-failed", "the engine failed: device lost; going on with the CPU", ("body", "cuda")) in rig.told
    assert rig.told[-1] == ("engine", "cpu engine", ("body", "cpu"))
    rig.end()


def test_what_was_on_the_gpu_is_free_when_its_memory_is_given_back() -> None:
    rig, held = Rig(), []

    class Pictures:
        """What an engine has in its hands when it fails."""

    class Dying(Named):
        def look(self, *_: object) -> Looked:
            pictures = Pictures()
            held.append(weakref.ref(pictures))
            raise RuntimeError("CUDA out of memory")

        def close(self) -> None:
            held.append(held[0]() is None)
            super().close()

    plain = rig.worker._loader._open
    rig.worker._loader._open = lambda recipe, kind: Dying(kind) if kind == "cuda" else plain(recipe, kind)
    rig.worker.load(find("body"), "cuda")
    rig.run(lambda: rig.worker.engine_label == "cpu engine")
    rig.end()
    assert held[1] is True


def test_a_gpu_that_dies_while_another_model_is_opened_does_not_cancel_that() -> None:
    rig = Rig()
    rig.worker.load(find("body"), "cuda")
    rig.run(lambda: len([r for r in rig.results if r.poses]) > 2)
    plain, opening = rig.worker._loader._open, threading.Event()

    def slow(recipe: Recipe, kind: str) -> object:
        opening.set()
        time.sleep(0.3)
        return plain(recipe, kind)

    rig.worker._loader._open = slow  # type: ignore[assignment]
    rig.worker.load(find("hand"), "cpu")
    rig.run(opening.is_set)
    rig.engines["cuda"].fail_after = 0
    rig.run(lambda: rig.results[-1].model == "hand" and rig.worker.engine_label == "cpu engine")
    assert ("engine", "cpu engine", ("hand", "cpu")) in rig.told
    rig.end()


@pytest.mark.parametrize(("asked", "opened"), [("tensorrt", "auto"), ("cuda", "cuda")])
def test_hands_do_with_another_engine_where_tensorrt_was_built_for_the_body_only(asked: str, opened: str) -> None:
    rig = Rig()
    for_hands: list[str] = []

    def opener(recipe: Recipe, kind: str) -> Named:
        if recipe.name == "hand":
            for_hands.append(kind)
        return rig.open(recipe, kind)

    rig.worker._open = opener
    rig.worker.load(find("body"), asked)
    rig.worker.options = Options(hands=True)
    rig.run(lambda: for_hands)
    rig.end()
    assert for_hands == [opened]


def test_hands_run_on_the_cpu_where_the_gpu_has_no_room_for_them() -> None:
    rig = Rig()
    for_hands: list[str] = []

    def opener(recipe: Recipe, kind: str) -> Named:
        if recipe.name == "hand":
            for_hands.append(kind)
            if kind == "cuda":
                raise InputError("not enough GPU memory for the CUDA engine")
        return rig.open(recipe, kind)

    rig.worker._open = opener
    rig.worker.load(find("body"), "cuda")
    rig.worker.options = Options(hands=True)
    rig.run(lambda: rig.results and rig.results[-1].hand_skeleton is not None)
    rig.end()
    assert for_hands == ["cuda", "cpu"]
    line = "hands run on the CPU: not enough GPU memory for the CUDA engine"
    assert ("engine-note", line, ("body", "cuda")) in rig.told


def test_hands_run_on_the_cpu_until_the_gpu_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """cuDNN needs ten seconds to choose its kernels the first time: too long to be without hands."""
    monkeypatch.setattr(engine_loader, "plan", lambda recipe, kind: Plan("cpu", ("cuda",)))
    rig = Rig()
    ready, for_hands = threading.Event(), list[str]()

    def opener(recipe: Recipe, kind: str) -> Named:
        if recipe.name == "hand":
            for_hands.append(kind)
        if kind == "cuda":
            ready.wait(10)
        return rig.open(recipe, kind)

    rig.worker._open = opener
    rig.worker._loader._open = opener
    rig.worker.load(find("body"), "auto")
    rig.worker.options = Options(hands=True)
    rig.run(lambda: rig.results and rig.results[-1].hand_skeleton is not None)
    assert for_hands == ["cpu"] and rig.worker.engine_label == "cpu engine"
    ready.set()
    rig.run(lambda: "cuda" in for_hands)
    assert rig.worker.engine_label == "cuda engine"
    rig.end()


def test_the_picture_does_not_wait_for_the_engine_of_the_hands() -> None:
    rig = Rig()
    rig.worker.load(find("body"), "cpu")
    rig.run(lambda: len([r for r in rig.results if r.poses]) > 2)
    opened, plain = [], rig.worker._open

    def slow(recipe: Recipe, kind: str) -> Engine:
        opened.append(len(rig.results))
        time.sleep(0.5)
        opened.append(len(rig.results))
        return plain(recipe, kind)

    rig.worker._open = slow
    rig.worker.options = Options(hands=True)
    rig.run(lambda: len(opened) == 2)
    assert opened[1] - opened[0] > 5, "the picture would have stood still"
    rig.run(lambda: rig.results[-1].hand_skeleton is not None)
    hands = rig.engines["cpu"]
    rig.end()
    assert hands.closed


def test_the_finder_goes_where_the_poses_are_and_comes_back() -> None:
    rig = Rig(finder=True)
    rig.worker.load(find("hand"), "cpu")
    rig.run(lambda: rig.finders and rig.finders[0].looks > 1)
    rig.worker.load(find("hand"), "cuda")
    rig.run(lambda: len(rig.finders) == 2 and rig.finders[1].looks > 1)
    first, second = rig.finders
    assert (first.kind, second.kind) == ("cpu", "cuda") and first.closed and not second.closed
    assert second.warmed == "hand", "the first search would hold the picture up"
    # TensorRT's engines are of the pose networks: there it stays on CUDA.
    rig.worker.load(find("hand"), "tensorrt")
    rig.run(lambda: rig.worker.engine_label == "tensorrt engine")
    before = second.looks
    rig.run(lambda: second.looks > before + 1)
    assert len(rig.finders) == 2
    rig.worker.load(find("hand"), "cpu")
    rig.run(lambda: len(rig.finders) == 3 and rig.finders[2].looks > 1)
    assert second.closed and rig.finders[2].kind == "cpu"
    rig.end()
    assert rig.finders[2].closed and not [event for event in rig.told if event[0] != "engine"]


@pytest.mark.parametrize("when", ["opened", "run"])
def test_the_finder_stays_on_the_cpu_where_the_gpu_has_no_room_for_it(when: str) -> None:
    rig = Rig(finder=True)
    rig.no_finder = "cuda", when
    rig.worker.load(find("body"), "cuda")
    rig.run(lambda: any(kind == "engine-note" for kind, *_ in rig.told))
    before = sum(finder.looks for finder in rig.finders)
    rig.run(lambda: sum(finder.looks for finder in rig.finders) > before)
    notes = [text for kind, text, _ in rig.told if kind == "engine-note"]
    assert notes == ["the finder does not run on CUDA: CUDA out of memory"]
    assert {finder.kind: finder.closed for finder in rig.finders} == {"cpu": False} | (
        {"cuda": True} if when == "run" else {}
    )
    rig.end()
    assert all(finder.closed for finder in rig.finders)


def test_a_finder_that_comes_too_late_is_closed() -> None:
    rig = Rig(finder=True)
    go, plain = threading.Event(), rig.open_finder

    def slow(kind: str = "cpu") -> BlindFinder:
        if kind == "cuda":
            go.wait(10)
        return plain(kind)

    rig.worker._open_finder = slow  # type: ignore[assignment]
    rig.worker.load(find("body"), "cuda")
    rig.run(lambda: rig.finders and rig.finders[0].looks > 1)
    rig.worker.load(find("body"), "cpu")
    rig.run(lambda: rig.worker.engine_label == "cpu engine")
    go.set()
    rig.run(lambda: len(rig.finders) == 2 and rig.finders[1].closed)
    assert not rig.finders[0].closed and not rig.finders[1].looks
    rig.end()


def test_an_engine_nobody_asks_for_any_more_is_closed() -> None:
    engine, go = Named("late"), threading.Event()

    def opener(_recipe: Recipe) -> Engine:
        go.wait(5)
        return engine

    beside = OpenedBeside(opener)
    assert beside(find("hand")) is None
    beside.give_up()
    go.set()
    deadline = time.monotonic() + 5
    while not engine.closed and time.monotonic() < deadline:
        time.sleep(0.01)
    assert engine.closed


def test_what_could_not_be_opened_beside_is_tried_again_when_asked() -> None:
    tries: list[Recipe] = []

    def opener(recipe: Recipe) -> Engine:
        tries.append(recipe)
        raise InputError("no weights")

    beside = OpenedBeside(opener)
    for count in (1, 2):
        with pytest.raises(InputError, match="no weights"):
            while beside(find("hand")) is None:
                time.sleep(0.01)
        assert len(tries) == count
