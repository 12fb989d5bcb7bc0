"""Counters of a live session: rates, ages and losses, cheap enough to update on every frame."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from cpm_live.core.pose import Result


@dataclass(frozen=True, slots=True)
class Stats:
    """A snapshot of a live session.

    Attributes:
        capture_fps, pose_fps: frames captured and results made per second, over the last two seconds.
        age_p50, age_p95: from capture to finished result, in milliseconds.
        quiet_s: for how long no frame has come, in seconds; 0 before the first one and while paused.
        skipped: frames that a newer one replaced before the machine was free.
        steps_ms: median duration of each step of the pipeline.
        recorded, record_dropped, record_skipped: frames written since the recording began, frames lost by it, and
            frames that came while the machine was busy with another one.
    """

    capture_fps: float = 0.0
    pose_fps: float = 0.0
    age_p50: float = 0.0
    age_p95: float = 0.0
    skipped: int = 0
    steps_ms: dict[str, float] = field(default_factory=dict)
    recorded: int = 0
    record_dropped: int = 0
    record_skipped: int = 0
    quiet_s: float = 0.0


class Rate:
    """Events per second over a sliding window. Thread-safe."""

    def __init__(self, window: float = 2.0) -> None:
        self._window = window
        self._times: deque[float] = deque(maxlen=1000)
        self._last: float | None = None
        self._lock = threading.Lock()

    def tick(self) -> None:
        """Count one event now."""
        with self._lock:
            self._last = time.perf_counter()
            self._times.append(self._last)

    def clear(self) -> None:
        """Forget everything: what comes is not a course with what was."""
        with self._lock:
            self._times.clear()
            self._last = None

    def quiet_s(self) -> float:
        """Seconds since the last event; 0 where there was none."""
        with self._lock:
            return 0.0 if self._last is None else time.perf_counter() - self._last

    def value(self) -> float:
        """Events per second; falling while none comes, 0 when the last one is older than the window."""
        now = time.perf_counter()
        with self._lock:
            while self._times and now - self._times[0] > self._window:
                self._times.popleft()
            if len(self._times) < 2:
                return 0.0
            span = self._times[-1] - self._times[0]
            if now - self._times[-1] > 2 * span / (len(self._times) - 1):
                span = now - self._times[0]
            return (len(self._times) - 1) / max(span, 1e-6)


class Meter:
    """Ages and step times of the last results. Thread-safe."""

    def __init__(self, keep: int = 120) -> None:
        self._ages: deque[float] = deque(maxlen=keep)
        self._steps: deque[dict[str, float]] = deque(maxlen=keep)
        self._lock = threading.Lock()

    def add(self, result: Result) -> None:
        """Count one result."""
        with self._lock:
            self._ages.append(result.age_ms)
            self._steps.append(dict(result.steps_ms))

    def clear(self) -> None:
        """Forget everything, as after a switch of source or model."""
        with self._lock:
            self._ages.clear()
            self._steps.clear()

    def ages(self) -> tuple[float, float]:
        """Median and 95th percentile in milliseconds; zeros without results."""
        with self._lock:
            ages = list(self._ages)
        if not ages:
            return 0.0, 0.0
        low, high = np.percentile(ages, (50, 95))
        return float(low), float(high)

    def steps(self) -> dict[str, float]:
        """Median of each step in milliseconds."""
        with self._lock:
            rows = [row for row in self._steps if row]
        if not rows:
            return {}
        return {name: float(np.median([row.get(name, 0.0) for row in rows])) for name in rows[-1]}
