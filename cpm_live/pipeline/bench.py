"""Benchmarks: bare engine against whole pipeline, and the age of live results."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cpm_live.capture.open import SourceRequest
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.engines.recipe import Recipe
from cpm_live.pipeline.live import Live
from cpm_live.pipeline.machine import PoseMachine


@dataclass(frozen=True, slots=True)
class Timing:
    """One model on one engine.

    Attributes:
        bare_p50, bare_p95: one inference on one picture, milliseconds.
        pipeline_fps: frames per second through crop, engine and decode, following one person.
        pipeline_p50: the same as milliseconds per frame, median.
        ratio: pipeline against bare engine; 1 would mean that the rest is free.
    """

    model: str
    engine: str
    bare_p50: float
    bare_p95: float
    pipeline_fps: float
    pipeline_p50: float
    ratio: float

    def to_json(self) -> dict[str, Any]:
        """In the format of DESIGN section 11."""
        return {
            "model": self.model,
            "engine": self.engine,
            "bare_ms": {"p50": round(self.bare_p50, 3), "p95": round(self.bare_p95, 3)},
            "pipeline_fps": round(self.pipeline_fps, 2),
            "pipeline_ms": {"p50": round(self.pipeline_p50, 3)},
            "ratio": round(self.ratio, 4),
        }


def time_model(machine: PoseMachine, frames: Sequence[Frame], rounds: int = 100) -> Timing:
    """Time the bare engine and the whole pipeline, interleaved, so that a busy machine slows both alike."""
    size = machine.engine.preset.size
    picture = np.random.default_rng(0).integers(0, 255, (1, 3, size, size), dtype=np.uint8)
    centre = np.full((1, 2), (size - 1) / 2, np.float32)
    machine.engine.warm_up()
    machine(frames[0])
    bare, whole = [], []
    for index in range(rounds):
        started = time.perf_counter()
        machine.engine.infer(picture, centre)
        middle = time.perf_counter()
        machine(frames[index % len(frames)])
        whole.append((time.perf_counter() - middle) * 1e3)
        bare.append((middle - started) * 1e3)
    p50, p95 = np.percentile(bare, (50, 95))
    pipeline = float(np.median(whole))
    return Timing(
        machine.recipe.name, machine.engine.describe().kind, float(p50), float(p95), 1e3 / pipeline, pipeline,
        float(p50) / pipeline,
    )  # fmt: skip


def live_ages(
    recipe: Recipe, engine: str, source: SourceRequest, seconds: float, stop: Callable[[], bool] = lambda: False
) -> tuple[float, float]:
    """Age of live results (median and 95th percentile, ms) without a window."""
    live = Live()
    ages: list[float] = []
    try:
        live.set_model(recipe, engine)
        live.set_source(source)
        # The first second holds loading and finding, which is not what is asked here.
        begin = time.monotonic() + 1.0
        while time.monotonic() < begin + seconds and not stop():
            result = live.results.take(timeout=0.5)
            if result is not None and result.stage_count and time.monotonic() > begin:
                ages.append(result.age_ms)
    finally:
        live.stop()
    if not ages:
        raise InputError(f"no live results from {source.text}; choose another --source")
    low, high = np.percentile(ages, (50, 95))
    return float(low), float(high)
