"""Poses and results: what the machine found in one frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box, Crop
from cpm_live.core.frame import Frame
from cpm_live.core.skeleton import Skeleton

Side = Literal["left", "right"] | None


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """One person or hand in one frame, as every stage saw it.

    Attributes:
        id: track number, stable while the person stays in view.
        box: x, y, width, height in frame pixels.
        stages: (T, K, 3) float32: per stage and joint x, y in frame pixels and score (the peak belief, 0..1).
        beliefs: (T, K+1, h, w) float32: the belief maps, background last.
        crop: where those maps lie in the frame.
        side: which hand, where known.
    """

    id: int
    box: Box
    stages: NDArray[np.float32]
    beliefs: NDArray[np.float32]
    crop: Crop
    side: Side = None

    @property
    def keypoints(self) -> NDArray[np.float32]:
        """(K, 3): the last stage's joints."""
        last: NDArray[np.float32] = self.stages[-1]
        return last


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A frame with all its poses: immutable, shared by the view, the recorder and the exporters.

    Attributes:
        frame: the frame the poses were found in.
        poses: none where nobody is seen.
        skeleton: whose joints these are.
        model: the model's name.
        stage_count: T of the model (0 before it is loaded).
        joint_threshold: below this score a joint is hidden.
        steps_ms: how long each step took: ``wait`` (capture to start), ``crop``, ``engine``, ``decode``.
        finished_ns: ``time.monotonic_ns()`` when the result was ready.
        generation: counts switches of source, so that a late result can be told from a fresh one (a switch of
            model shows in ``model``).
    """

    frame: Frame
    poses: tuple[Pose, ...]
    skeleton: Skeleton
    model: str
    stage_count: int
    joint_threshold: float
    steps_ms: MappingProxyType[str, float] = field(default_factory=lambda: MappingProxyType({}))
    finished_ns: int = 0
    generation: int = 0

    @property
    def age_ms(self) -> float:
        """From capture to this result, in milliseconds."""
        return (self.finished_ns - self.frame.captured_ns) / 1e6
