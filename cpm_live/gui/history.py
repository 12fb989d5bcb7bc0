"""The last seconds of beliefs and step times, for the charts. No Qt."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.pose import Result
from cpm_live.drawing.view import View, stage_index

STEPS = ("age", "engine", "crop", "decode")
"""Charted durations, the largest first."""
_GAP_S = 1.0
"""Results further apart are not joined by a line: nothing was measured in between."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One result's figures: when (s), the peak beliefs (K,) (NaN where nobody is seen) and durations (ms)."""

    seconds: float
    beliefs: NDArray[np.float32]
    steps: tuple[float, ...]


class History:
    """Keeps samples of the last ``window`` seconds."""

    def __init__(self, window: float = 10.0) -> None:
        self.window = window
        self._samples: deque[Sample] = deque(maxlen=1200)
        self._joints = 0
        self._person: int | None = None
        self.version = 0

    def add(self, result: Result, view: View) -> None:
        """Note a result's first pose, as seen by the shown stage."""
        joints = len(result.skeleton)
        if joints != self._joints or (self._samples and result.finished_ns / 1e9 < self._samples[-1].seconds):
            self.clear()
            self._joints = joints
        person = result.poses[0].id if result.poses else None
        changed, self._person = person != self._person, person
        if result.poses and not (changed and self._samples):
            beliefs = result.poses[0].stages[stage_index(result, view), :, 2].astype(np.float32)
        else:
            # Nobody; or somebody else than before: a gap, so that no line joins two people.
            beliefs = np.full(joints, np.nan, np.float32)
        steps = tuple(result.age_ms if name == "age" else float(result.steps_ms.get(name, np.nan)) for name in STEPS)
        now = result.finished_ns / 1e9
        if self._samples and self._samples[-1].seconds == now:
            # The same moment, shown otherwise.
            self._samples.pop()
        if self._samples and now - self._samples[-1].seconds > _GAP_S:
            nothing = np.full(joints, np.nan, np.float32)
            self._samples.append(Sample(self._samples[-1].seconds, nothing, (float("nan"),) * len(STEPS)))
        self._samples.append(Sample(now, beliefs, steps))
        while now - self._samples[0].seconds > self.window:
            self._samples.popleft()
        self.version += 1

    def clear(self) -> None:
        """Forget everything."""
        self._samples.clear()
        self.version += 1

    def times(self) -> NDArray[np.float64]:
        """(N,): seconds before the newest sample, all <= 0."""
        times = np.array([sample.seconds for sample in self._samples])
        return times - times[-1] if len(times) else times

    def beliefs(self) -> NDArray[np.float32]:
        """(N, K)."""
        if not self._samples:
            return np.zeros((0, self._joints), np.float32)
        return np.stack([sample.beliefs for sample in self._samples])

    def steps(self) -> NDArray[np.float64]:
        """(N, len(STEPS)) in milliseconds."""
        return np.array([sample.steps for sample in self._samples]).reshape(-1, len(STEPS))
