"""Poses and results: what the machine found in one frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box, Crop
from cpm_live.core.frame import Frame
from cpm_live.core.skeleton import Skeleton

if TYPE_CHECKING:
    from cpm_live.core.findings import Findings

Side = Literal["left", "right"] | None


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """One person or hand in one frame, as every stage saw it.

    Attributes:
        id: track number, stable while the person stays in view; hands at wrists have numbers of their own.
        box: x, y, width, height in frame pixels.
        stages: (T, K, 3) float32: per stage and joint x, y in frame pixels and score: the peak belief, 0..1, as the
            network said it; 0 where the peak lies outside the frame, since nothing was seen there.
        beliefs: (T, K+1, h, w) float32: the belief maps, background last.
        crop: where those maps lie in the frame; its middle is where the centre map's peak is.
        side: which hand, where known.
        smoothed: (K, 3): the last stage's joints after smoothing over time; None without smoothing.
        presence: how sure the machine is that somebody is there, 0..1.
        centre_sigma: of the centre map, as a share of the crop's side; 0 where the network has none.
        body: of a hand at a wrist: the track number of the body whose it is.
    """

    id: int
    box: Box
    stages: NDArray[np.float32]
    beliefs: NDArray[np.float32]
    crop: Crop
    side: Side = None
    smoothed: NDArray[np.float32] | None = None
    presence: float = 1.0
    centre_sigma: float = 0.0
    body: int | None = None

    @property
    def label(self) -> str:
        """What a box is labelled with: whose number, and which hand."""
        number = self.id if self.body is None else self.body
        return f"{number} {self.side}" if self.side else f"{number}"

    @property
    def raw(self) -> NDArray[np.float32]:
        """(K, 3): the last stage's joints as the network said."""
        last: NDArray[np.float32] = self.stages[-1]
        return last

    @property
    def keypoints(self) -> NDArray[np.float32]:
        """(K, 3): the joints to use: the last stage's, smoothed where that is wished."""
        return self.raw if self.smoothed is None else self.smoothed

    def points(self, stage: int) -> NDArray[np.float32]:
        """(K, 3): the joints to draw for a stage: :attr:`keypoints` at the last one, earlier ones as they are."""
        joints: NDArray[np.float32] = self.stages[stage]
        return self.keypoints if stage in (-1, len(self.stages) - 1) else joints


class Steps(Mapping[str, float]):
    """How long each step took, in milliseconds; read only, and unlike a ``MappingProxyType`` to be pickled."""

    __slots__ = ("_steps",)

    def __init__(self, steps: Mapping[str, float] | None = None) -> None:
        self._steps = dict(steps or {})

    def __getitem__(self, name: str) -> float:
        return self._steps[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)

    def __repr__(self) -> str:
        return f"Steps({self._steps})"


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A frame with all its poses: immutable, shared by the view, the recorder and the exporters.

    Attributes:
        frame: the frame the poses were found in.
        poses: none where nobody is seen.
        skeleton: whose joints these are.
        model: the model's name.
        stage_count: T of the model (0 before it is loaded).
        joint_threshold: below this score a joint is hollow or hidden.
        steps_ms: how long each step took: ``wait`` (capture to start), ``crop``, ``engine``, ``decode``, and where
            they ran ``find`` (the finder) and ``hands`` (the hands of "Body + hands").
        finished_ns: ``time.perf_counter_ns()`` when the result was ready.
        generation: counts switches of source, so that a late result can be told from a fresh one (a switch of
            model shows in ``model``).
        hollow_threshold: joints between this score and ``joint_threshold`` are drawn hollow, lower ones not at all.
        finder: what the finder saw; None in frames where it did not run.
        left_out: people (or hands) that were seen but are beyond the budget.
        locked: track number of the one that the machine is locked on.
        hands: the hands at the bodies' wrists, in "Body + hands"; :meth:`of_hands` says how to show them.
        hand_skeleton, hand_stages, hand_thresholds: of these hands; thresholds are (joint, hollow).
        smoothing: of the keypoints over time, 0 (raw) to 1.
    """

    frame: Frame
    poses: tuple[Pose, ...]
    skeleton: Skeleton
    model: str
    stage_count: int
    joint_threshold: float
    steps_ms: Mapping[str, float] = field(default_factory=Steps)
    finished_ns: int = 0
    generation: int = 0
    hollow_threshold: float = 1.0
    finder: Findings | None = None
    left_out: int = 0
    locked: int | None = None
    hands: tuple[Pose, ...] = ()
    hand_skeleton: Skeleton | None = None
    hand_stages: int = 0
    hand_thresholds: tuple[float, float] = (0.3, 1.0)
    smoothing: float = 0.0

    def of_hands(self) -> Result | None:
        """The hands as a result of their own, so that whatever shows poses shows hands too; None without hands."""
        if self.hand_skeleton is None:
            return None
        joint, hollow = self.hand_thresholds
        return replace(
            self, poses=self.hands, skeleton=self.hand_skeleton, stage_count=self.hand_stages, joint_threshold=joint,
            hollow_threshold=hollow, hands=(), hand_skeleton=None, finder=None,
        )  # fmt: skip

    @property
    def age_ms(self) -> float:
        """From capture to this result, in milliseconds."""
        return (self.finished_ns - self.frame.captured_ns) / 1e6
