"""Benchmarks: bare engine against whole pipeline and naive torch, and the age of live results."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from cpm_live.capture.open import SourceRequest
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.engines.base import Engine
from cpm_live.engines.recipe import Recipe
from cpm_live.engines.select import open_engine
from cpm_live.pipeline.finding import open_default_finder
from cpm_live.pipeline.live import Live
from cpm_live.pipeline.machine import PoseMachine

TURN = 10
"""Rounds before the other one has its turn: torch's threads spin for a while after their work."""
REST_S = 0.03
LONGEST_S = 30.0
"""After so long a slow network gets no further turn: its times are known by then."""
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Timing:
    """One model on one engine.

    Attributes:
        bare_p50, bare_p95: one inference on one picture, milliseconds.
        pipeline_fps: frames per second through the whole pipeline, following one person, the finder's runs included.
        pipeline_p50: milliseconds per frame, median: of one in which the finder does not run.
        ratio: all of the engine's time over all of the pipeline's; 1 would mean that the rest is free.
        frame_ratio: the same of the medians: of a frame in which the finder does not run.
        batches: median milliseconds of larger batches, by their size.
        finder_share: of the pipeline's time that the finder takes, 0..1, while one person is followed.
        naive_p50: torch, eagerly, in float32 on the CPU, in the same run; None without torch.
        memory_mb: by how much the process grew with this model and engine; None where the system does not tell, and
            for all but the first in a process, which take over what the first one needed.
        gpu_mb: by how much what is taken of the GPU's memory grew with it; None on a CPU.
    """

    model: str
    engine: str
    bare_p50: float
    bare_p95: float
    pipeline_fps: float
    pipeline_p50: float
    ratio: float
    frame_ratio: float
    batches: dict[int, float] = field(default_factory=dict)
    finder_share: float = 0.0
    naive_p50: float | None = None
    memory_mb: float | None = None
    gpu_mb: float | None = None

    def to_json(self) -> dict[str, Any]:
        """What ``cpm-live bench --json`` prints of it."""
        return {
            "model": self.model,
            "engine": self.engine,
            "bare_ms": {"p50": round(self.bare_p50, 3), "p95": round(self.bare_p95, 3)},
            "pipeline_fps": round(self.pipeline_fps, 2),
            "pipeline_ms": {"p50": round(self.pipeline_p50, 3)},
            "ratio": round(self.ratio, 4),
            "frame_ratio": round(self.frame_ratio, 4),
            "batch_ms": {str(size): round(value, 3) for size, value in self.batches.items()},
            "extra_person_ms": {
                str(size): round((value - self.bare_p50) / (size - 1), 3) for size, value in self.batches.items()
            },
            "finder_share": round(self.finder_share, 4),
            "naive_torch_ms": None if self.naive_p50 is None else round(self.naive_p50, 3),
            "times_naive": None if self.naive_p50 is None else round(self.naive_p50 / self.bare_p50, 2),
            "memory_mb": self.memory_mb,
            "gpu_mb": self.gpu_mb,
        }


def time_model(
    machine: PoseMachine,
    frames: Sequence[Frame],
    rounds: int = 100,
    naive: Engine | None = None,
    batches: Sequence[int] = (),
) -> Timing:
    """Time the bare engine, the whole pipeline and naive torch in turns, so that a busy machine slows all alike.

    Args:
        rounds: of engine and pipeline, at most; each turn of ten begins within ``LONGEST_S``.
    """
    one, many = _inputs(machine.engine, 1), {size: _inputs(machine.engine, size) for size in batches}
    machine.engine.warm_up()
    machine(frames[0])
    if naive is not None:
        naive.infer(*one)
    for given in many.values():
        machine.engine.infer(*given)
    bare: list[float] = []
    whole: list[float] = []
    finding = 0.0
    plain: list[float] = []
    large: dict[int, list[float]] = {size: [] for size in batches}
    latest = time.perf_counter() + LONGEST_S
    for done in range(0, rounds, TURN):
        if done and time.perf_counter() > latest:
            break
        for index in range(done, min(done + TURN, rounds)):
            started = time.perf_counter()
            machine.engine.infer(*one)
            middle = time.perf_counter()
            result = machine(frames[index % len(frames)])
            whole.append((time.perf_counter() - middle) * 1e3)
            bare.append((middle - started) * 1e3)
            finding += result.steps_ms["find"]
        for size, given in many.items():
            large[size] += [_took(machine.engine, given) for _ in range(TURN)]
        if naive is not None:
            plain += [_took(naive, one) for _ in range(TURN)]
            time.sleep(REST_S)
            machine.engine.infer(*one)
    p50, p95 = np.percentile(bare, (50, 95))
    pipeline = float(np.median(whole))
    return Timing(
        model=machine.recipe.name,
        engine=machine.engine.describe().kind,
        bare_p50=float(p50),
        bare_p95=float(p95),
        pipeline_fps=1e3 * len(whole) / sum(whole),
        pipeline_p50=pipeline,
        ratio=sum(bare) / sum(whole),
        frame_ratio=float(p50) / pipeline,
        batches={size: float(np.median(times)) for size, times in large.items()},
        finder_share=finding / sum(whole),
        naive_p50=float(np.median(plain)) if plain else None,
    )


def _inputs(engine: Engine, count: int) -> tuple[np.ndarray, np.ndarray]:
    size = engine.preset.size
    pictures = np.random.default_rng(0).integers(0, 255, (count, 3, size, size), dtype=np.uint8)
    return pictures, np.full((count, 2), (size - 1) / 2, np.float32)


def _took(engine: Engine, given: tuple[np.ndarray, np.ndarray]) -> float:
    started = time.perf_counter()
    engine.infer(*given)
    return (time.perf_counter() - started) * 1e3


def open_naive(recipe: Recipe, threads: int = 0) -> Engine | None:
    """The network as torch runs it without further ado; None without torch or without its weights."""
    try:
        return open_engine(recipe, "torch", threads)
    except InputError:
        return None


def live_ages(
    recipe: Recipe,
    engine: str,
    source: SourceRequest,
    seconds: float,
    opener: Callable[[Recipe, str], Engine] = open_engine,
    threads: int = 0,
) -> tuple[float, float]:
    """Age of live results (median and 95th percentile, ms) without a window; ``threads`` of the finder."""
    live = Live(engine_opener=opener, finder_opener=partial(open_default_finder, threads))
    ages: list[float] = []
    try:
        live.set_model(recipe, engine)
        live.set_source(source)
        _wait_for_engine(live)
        # The first second holds finding, which is not what is asked here.
        begin = time.perf_counter() + 1.0
        # A slow network may need longer for its first one.
        while time.perf_counter() < begin + (seconds if ages else max(seconds, _PATIENCE_S)):
            result = live.results.take(timeout=0.5)
            if result is not None and result.stage_count and time.perf_counter() > begin:
                ages.append(result.age_ms)
    finally:
        live.stop()
    if not ages:
        raise InputError(f"no live results from {source.text}; choose another --source")
    low, high = np.percentile(ages, (50, 95))
    return float(low), float(high)


def _wait_for_engine(live: Live) -> None:
    deadline = time.perf_counter() + _PATIENCE_S
    while (not live.engine_label or live.finder_moves) and time.perf_counter() < deadline:
        for event in live.take_events():
            if event.kind in ("engine-failed", "source-failed"):
                raise InputError(event.message)
        live.results.take(timeout=0.1)
