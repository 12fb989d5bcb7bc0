"""Engines are opened beside the worker; better ones follow; TensorRT is built meanwhile. Fakes stand for the GPU."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from cpm_live.core.errors import InputError
from cpm_live.engines import build_cache, probe, select
from cpm_live.engines.build import Progress
from cpm_live.engines.recipe import Recipe, find
from cpm_live.pipeline import engine_loader
from cpm_live.pipeline.engine_loader import EngineLoader
from tests.fakes import DotEngine

BODY, HAND = find("body"), find("hand")


class Bench:
    """A loader on fakes that writes down what happens."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.engines: dict[str, DotEngine] = {}
        self.told: list[tuple[str, str, tuple[str, str]]] = []
        self.problems: dict[str, str] = {}
        self.builds: list[FakeBuild] = []
        self.gate = threading.Event()
        self.gate.set()
        self.loader = EngineLoader(self.open, lambda *event: self.told.append(event), self.build)  # type: ignore[arg-type]

    def open(self, recipe: Recipe, kind: str) -> DotEngine:
        self.opened.append(f"{recipe.name} {kind}")
        self.gate.wait(5)
        if kind in self.problems:
            raise InputError(self.problems[kind])
        engine = DotEngine(joints=len(recipe.skeleton))
        self.engines[f"{recipe.name} {kind}"] = engine
        return engine

    def build(self, recipe: Recipe, batches: list[int], tell: Callable[[Progress], None]) -> FakeBuild:
        self.builds.append(FakeBuild(batches, tell))
        return self.builds[-1]

    def next(self, seconds: float = 5.0) -> engine_loader.Opened:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (opened := self.loader.take()) is not None:
                return opened
            time.sleep(0.005)
        raise AssertionError(f"no engine came; opened {self.opened}, told {self.told}")


class FakeBuild:
    def __init__(self, batches: list[int], tell: Callable[[Progress], None]) -> None:
        self.batches, self.tell, self.started, self.cancelled = batches, tell, False, False

    def start(self) -> None:
        self.started = True

    def cancel(self) -> None:
        self.cancelled = True
        self.tell(Progress("cancelled", "building body for TensorRT was cancelled"))


def until(true: Callable[[], object], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.loader.close()


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """A machine with CUDA and torch-tensorrt; which batch sizes are still to be built."""
    state = {"missing": [1, 2, 4]}
    ready = probe.Found("cuda", True, "as if there were a GPU")
    monkeypatch.setattr(probe, "cuda", lambda: ready)
    monkeypatch.setattr(probe, "tensorrt", lambda: replace(ready, kind="tensorrt"))
    monkeypatch.setattr(build_cache, "missing", lambda recipe: (state["missing"], ""))
    return state


def test_without_a_gpu_auto_is_one_step(bench: Bench) -> None:
    bench.loader.load(BODY, "auto", running=False)
    opened = bench.next()
    assert (opened.asked, opened.kind, bench.opened) == ("auto", "auto", ["body auto"])
    assert not bench.builds and not bench.told


def test_auto_starts_on_the_cpu_goes_on_with_cuda_and_ends_with_tensorrt(
    bench: Bench, gpu: dict[str, list[int]]
) -> None:
    bench.loader.load(BODY, "auto", running=False)
    first = bench.next()
    if first.kind == "cpu":
        assert bench.next().kind == "cuda"
    assert bench.opened == ["body cpu", "body cuda"]
    until(lambda: bench.builds and bench.builds[0].started)
    build = bench.builds[0]
    assert build.batches == [1, 2, 4]
    build.tell(Progress("building", "body: TensorRT is choosing kernels", 1 / 3))
    assert bench.loader.progress is not None and bench.loader.progress.share == pytest.approx(1 / 3)
    gpu["missing"] = []
    build.tell(Progress("built", "", 1.0))
    last = bench.next()
    assert (last.kind, last.asked) == ("tensorrt", "auto") and bench.loader.progress is None
    assert not bench.told


def test_a_build_for_a_wish_that_is_over_never_starts(bench: Bench, gpu: dict[str, list[int]]) -> None:
    made = bench.build

    def too_late(recipe: Recipe, batches: list[int], tell: Callable[[Progress], None]) -> FakeBuild:
        bench.loader.load(HAND, "cpu", running=True)
        return made(recipe, batches, tell)

    bench.loader._builder = too_late  # type: ignore[assignment]
    bench.loader.load(BODY, "auto", running=True)
    until(lambda: "hand cpu" in bench.opened)
    assert not bench.builds[0].started and bench.loader.progress is None


def test_what_is_built_is_used_at_once(bench: Bench, gpu: dict[str, list[int]]) -> None:
    gpu["missing"] = []
    bench.loader.load(BODY, "auto", running=True)
    assert bench.next().kind == "tensorrt"
    assert bench.opened == ["body tensorrt"] and not bench.builds, "something runs: no stopgap is needed"


def test_a_build_that_fails_or_is_cancelled_is_told_and_the_engine_stays(
    bench: Bench, gpu: dict[str, list[int]]
) -> None:
    bench.loader.load(BODY, "tensorrt", running=True)
    assert bench.next().kind == "cuda", "until it is built"
    until(lambda: bench.builds)
    bench.builds[0].tell(Progress("failed", "TensorRT could not build body for 1 at once: no kernel"))
    kind, line, asked = bench.told[-1]
    assert (kind, asked) == ("engine-note", ("body", "tensorrt")) and "no kernel" in line
    bench.loader.load(BODY, "tensorrt", running=True)
    until(lambda: len(bench.builds) == 2)
    bench.loader.cancel()
    assert bench.builds[1].cancelled and "cancelled" in bench.told[-1][1]
    assert bench.loader.progress is None
    assert not bench.engines["body cuda"].closed


@pytest.mark.parametrize("stopped", [False, True])
def test_a_build_that_ended_is_not_begun_again_with_each_change(
    bench: Bench, gpu: dict[str, list[int]], stopped: bool
) -> None:
    """Minutes of it, beside the picture, each time somebody looks at the other model."""
    bench.loader.load(BODY, "auto", running=True)
    until(lambda: bench.builds)
    if stopped:
        bench.loader.cancel()
    else:
        bench.builds[0].tell(Progress("failed", "no kernel"))
    for recipe in (HAND, BODY):
        before = len(bench.opened)
        bench.loader.load(recipe, "auto", running=True)
        until(lambda before=before: len(bench.opened) > before and bench.loader.outstanding is None)
    until(lambda: len(bench.builds) == 2)
    assert [build.started for build in bench.builds] == [True, True], "the body's and the hand's"
    bench.loader.load(BODY, "tensorrt", running=True)
    until(lambda: len(bench.builds) == 3)


def test_a_built_engine_that_is_refused_is_built_again(bench: Bench, gpu: dict[str, list[int]]) -> None:
    gpu["missing"] = []
    bench.problems["tensorrt"] = "the built TensorRT engine does not load (bad magic); it was removed"
    real = bench.open

    def refused(recipe: Recipe, kind: str) -> DotEngine:
        if kind == "tensorrt":
            gpu["missing"] = [1]  # as the real one does
        return real(recipe, kind)

    bench.loader._open = refused
    bench.loader.load(BODY, "auto", running=True)
    assert bench.next().kind == "cuda"
    until(lambda: bench.builds)
    assert bench.builds[0].batches == [1]


def test_a_plan_that_cannot_be_made_leaves_a_new_window_on_the_cpu(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(recipe: Recipe, kind: str) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(engine_loader, "plan", broken)
    bench.loader.load(BODY, "auto", running=False)
    assert bench.next().kind == "cpu"
    until(lambda: bench.told)
    assert bench.told[0][0] == "engine-failed"


def test_a_built_engine_that_does_not_load_leaves_cuda(bench: Bench, gpu: dict[str, list[int]]) -> None:
    gpu["missing"] = []
    bench.problems["tensorrt"] = "the built TensorRT engine does not load (bad magic); it was removed"
    bench.loader.load(BODY, "auto", running=True)
    assert bench.next().kind == "cuda"
    until(lambda: bench.told)
    assert bench.told == [("engine-note", bench.problems["tensorrt"], ("body", "auto"))]


def test_a_damaged_engine_is_told_and_built_again(
    bench: Bench, gpu: dict[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    why = "the cached TensorRT engine is damaged and was removed"
    monkeypatch.setattr(build_cache, "missing", lambda recipe: ([1], why))
    bench.loader.load(BODY, "auto", running=True)
    assert bench.next().kind == "cuda"
    until(lambda: bench.builds)
    assert bench.told == [("engine-note", f"{why}; building it again", ("body", "auto"))]


def test_a_gpu_that_fails_leaves_the_cpu_and_says_so(bench: Bench, gpu: dict[str, list[int]]) -> None:
    bench.problems |= {"cuda": "not enough GPU memory for the CUDA engine", "tensorrt": "x"}
    bench.loader.load(BODY, "auto", running=False)
    assert bench.next().kind == "cpu"
    until(lambda: bench.told)
    assert bench.told == [("engine-note", "not enough GPU memory for the CUDA engine", ("body", "auto"))]


def test_a_gpu_that_fails_lets_auto_change_the_model_all_the_same(bench: Bench, gpu: dict[str, list[int]]) -> None:
    bench.problems |= {"cuda": "engine cuda does not start on GeForce 9: no kernel image", "tensorrt": "x"}
    bench.loader.load(HAND, "auto", running=True)  # the body runs
    opened = bench.next()
    assert (opened.recipe.name, opened.asked, opened.kind) == ("hand", "auto", "cpu")
    until(lambda: bench.told)
    assert bench.told == [("engine-note", bench.problems["cuda"], ("hand", "auto"))]


def test_what_a_build_that_failed_half_way_has_built_is_used(bench: Bench, gpu: dict[str, list[int]]) -> None:
    bench.loader.load(BODY, "auto", running=True)
    assert bench.next().kind == "cuda"
    until(lambda: bench.builds and bench.builds[0].started)
    gpu["missing"] = [4]
    bench.builds[0].tell(Progress("failed", "not enough GPU memory for building with TensorRT"))
    assert bench.next().kind == "tensorrt"
    assert "not enough GPU memory" in bench.told[0][1]


def test_an_engine_that_fails_while_it_is_warmed_up_is_closed(bench: Bench) -> None:
    def fails() -> None:
        raise RuntimeError("out of memory")

    plain = bench.open

    def opener(recipe: Recipe, kind: str) -> DotEngine:
        engine = plain(recipe, kind)
        engine.warm_up = fails  # type: ignore[method-assign]
        return engine

    bench.loader._open = opener
    bench.loader.load(BODY, "cpu", running=True)
    until(lambda: bench.told)
    assert bench.told[0][1] == "engine cpu could not start: out of memory" and bench.engines["body cpu"].closed


def test_an_engine_that_is_not_there_leaves_a_new_window_on_the_cpu(bench: Bench) -> None:
    bench.problems["tensorrt"] = "engine tensorrt: no NVIDIA GPU with a driver was found; use --engine auto"
    bench.loader.load(BODY, "tensorrt", running=False)
    opened = bench.next()
    assert (opened.asked, opened.kind) == ("auto", "cpu")
    until(lambda: bench.told)
    assert bench.told[0][0] == "engine-failed" and bench.told[0][2] == ("body", "tensorrt")


def test_a_model_that_fails_is_told_though_another_runs(bench: Bench) -> None:
    bench.problems["auto"] = "cannot read network x.onnx"
    bench.loader.load(HAND, "auto", running=True)
    until(lambda: bench.told)
    assert bench.told == [("engine-failed", "cannot read network x.onnx", ("hand", "auto"))]
    assert bench.loader.take() is None


def test_the_last_of_several_wishes_counts(bench: Bench, gpu: dict[str, list[int]]) -> None:
    bench.gate.clear()
    bench.loader.load(BODY, "cuda", running=True)
    until(lambda: bench.opened == ["body cuda"])
    bench.loader.load(BODY, "auto", running=True)
    bench.loader.load(HAND, "cpu", running=True)
    bench.gate.set()
    opened = bench.next()
    assert opened.recipe.name == "hand" and opened.kind == "cpu"
    assert bench.opened == ["body cuda", "hand cpu"], "what nobody waits for any more is not opened"
    assert bench.engines["body cuda"].closed and bench.loader.take() is None


def test_another_wish_stops_the_build(bench: Bench, gpu: dict[str, list[int]]) -> None:
    bench.loader.load(BODY, "auto", running=True)
    until(lambda: bench.builds)
    bench.loader.load(BODY, "cpu", running=True)
    assert bench.builds[0].cancelled and not bench.told, "nobody is told of what they themselves gave up"


def test_closing_ends_everything(bench: Bench, gpu: dict[str, list[int]]) -> None:
    bench.loader.load(BODY, "auto", running=True)
    until(lambda: bench.builds)
    bench.loader.close()
    assert bench.builds[0].cancelled and bench.engines["body cuda"].closed
    assert not [t for t in threading.enumerate() if t.name == "engine-loader"]


def test_plans(monkeypatch: pytest.MonkeyPatch, gpu: dict[str, list[int]]) -> None:
    assert select.plan(BODY, "cpu") == select.Plan(best=("cpu",))
    assert select.plan(BODY, "auto") == select.Plan("cpu", ("cuda",), True)
    gpu["missing"] = [4]
    assert select.plan(BODY, "auto") == select.Plan("cpu", ("tensorrt", "cuda"), True)
    gpu["missing"] = []
    assert select.plan(BODY, "tensorrt") == select.Plan("cpu", ("tensorrt", "cuda"), False)
    monkeypatch.setattr(probe, "tensorrt", lambda: probe.Found("tensorrt", False, "not installed"))
    assert select.plan(BODY, "auto") == select.Plan("cpu", ("cuda",), False)
    assert select.plan(BODY, "tensorrt") == select.Plan(best=("tensorrt",))
    monkeypatch.undo()
    assert set(select.ACCELERATED) == {"tensorrt", "cuda", "directml", "coreml", "openvino"}


def test_a_build_that_is_given_up_while_it_speaks_is_not_shown_for_ever(
    bench: Bench, gpu: dict[str, list[int]]
) -> None:
    bench.loader.load(BODY, "auto", running=True)
    until(lambda: bench.builds and bench.builds[0].started)

    class Speaking(Progress):
        """Between the question whether anybody listens and the answer another engine is asked for."""

        def __getattribute__(self, name: str) -> object:
            if name == "state" and not bench.builds[0].cancelled:
                bench.loader.load(BODY, "cpu", running=True)
            return super().__getattribute__(name)

    bench.builds[0].tell(Speaking("building", "body: TensorRT is choosing kernels", 1 / 3))
    assert bench.builds[0].cancelled and bench.loader.progress is None
