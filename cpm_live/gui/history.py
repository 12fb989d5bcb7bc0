"""The last seconds of beliefs and step times, for the charts. No Qt."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.pose import Result

STEPS = ("age", "engine", "hands", "find", "crop", "decode")
"""Charted durations: the age of what is seen, and the steps that it is made of."""
_GAP_S = 1.0
"""Results further apart are not joined by a line: nothing was measured in between."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One result's figures: when (s), each person's peak beliefs (T, K) by their number, and durations (ms)."""

    seconds: float
    beliefs: dict[int, NDArray[np.float32]]
    steps: tuple[float, ...]


class History:
    """Keeps samples of the last ``window`` seconds: of all people and stages, so that another one may be looked at.

    Attributes:
        version: changes with what :meth:`beliefs` and the others give.
    """

    def __init__(self, window: float = 10.0) -> None:
        self.window = window
        self._samples: deque[Sample] = deque(maxlen=1200)
        self._joints = 0
        self._person: int | None = None
        self.version = 0

    def add(self, result: Result) -> None:
        """Note a result."""
        joints = len(result.skeleton)
        if joints != self._joints or (self._samples and result.finished_ns / 1e9 < self._samples[-1].seconds):
            self.clear()
            self._joints = joints
        beliefs = {pose.id: pose.stages[:, :, 2].astype(np.float32) for pose in result.poses}
        steps = tuple(result.age_ms if name == "age" else float(result.steps_ms.get(name, np.nan)) for name in STEPS)
        now = result.finished_ns / 1e9
        if self._samples and self._samples[-1].seconds == now:
            # The same moment, shown otherwise.
            self._samples.pop()
        if self._samples and now - self._samples[-1].seconds > _GAP_S:
            self._samples.append(Sample(self._samples[-1].seconds, {}, (float("nan"),) * len(STEPS)))
        self._samples.append(Sample(now, beliefs, steps))
        while now - self._samples[0].seconds > self.window:
            self._samples.popleft()
        self.version += 1

    def look_at(self, person: int) -> None:
        """Whose beliefs :meth:`beliefs` gives."""
        if person != self._person:
            self._person = person
            self.version += 1

    def clear(self) -> None:
        """Forget everything."""
        self._samples.clear()
        self.version += 1

    def times(self) -> NDArray[np.float64]:
        """(N,): seconds before the newest sample, all <= 0."""
        times = np.array([sample.seconds for sample in self._samples])
        return times - times[-1] if len(times) else times

    def beliefs(self, stage: int | None = None) -> NDArray[np.float32]:
        """(N, K): what a stage (None: the last one) believed of the person looked at; NaN where they were not seen."""
        out = np.full((len(self._samples), self._joints), np.nan, np.float32)
        for row, sample in zip(out, self._samples, strict=True):
            stages = sample.beliefs.get(self._person) if self._person is not None else None
            if stages is not None:
                row[:] = stages[-1 if stage is None else min(stage, len(stages) - 1)]
        return out

    def steps(self) -> NDArray[np.float64]:
        """(N, len(STEPS)) in milliseconds."""
        return np.array([sample.steps for sample in self._samples]).reshape(-1, len(STEPS))
