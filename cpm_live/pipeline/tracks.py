"""Tracks: what is remembered of one person or hand from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box, Crop
from cpm_live.core.pose import Side
from cpm_live.pipeline.smooth import Smoother

Array = NDArray[np.float32]

FIRST_LOOK = 1.5
"""The first look at a find is so much wider: its size is a guess, and the second look comes closer."""
HOLD_S = 0.35
"""Somebody who is not seen any more is looked for at the place they should be for so long..."""
REMEMBER_S = 3.0
"""...and known again, when found, for so long."""
TOLD = 0.08
"""An arm says that a hand is there: its look needs to be so much less sure of it than one that nobody vouches for."""
_SPEED_MEMORY_S = 0.12
_PUMP = 1.3
"""The crop asks for at most this change of size from one frame to the next."""
_COAST_S = 0.5
"""Nobody is expected to go on moving unseen for longer."""
_VOTES = 4.0
"""Opinions on the side that are remembered: a single wrong one changes nothing, another hand in the place soon does."""


class State(Enum):
    """Where a track is in its life."""

    NEW = "new"  # suggested by the finder or the search; nobody has been seen there yet
    SEEN = "seen"
    LOST = "lost"  # was seen, is not now: still looked for, or only remembered


@dataclass(slots=True, eq=False)
class Track:
    """One person (or hand).

    Attributes:
        box: of the last joints seen, or where the finder said.
        id: 0 until somebody was really seen.
        joints: (K, 3) as last seen, frame pixels.
        speed: (2,) pixels per second.
        born_s: when it was first seen, on the machine's clock.
        seen_s: when it was last seen, on the machine's clock.
        gap_s: seconds between the last two frames in a row that saw it; 0 when it was just found.
        side_votes: right is positive, left is negative.
        colours: of the clothes, for telling people apart.
        first_look: how much wider the first look is than the box asks for.
        unfound: runs of the finder in a row that did not see it.
        second_of: whom this one is a second opinion on (``opinions``).
        unlike: frames in a row in which it wore somebody else's.
        vouched: of a hand: when it was last offered an arm said that it is there.
    """

    box: Box
    state: State = State.NEW
    id: int = 0
    joints: Array | None = None
    speed: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    born_s: float = 0.0
    seen_s: float = 0.0
    gap_s: float = 0.0
    presence: float = 0.0
    side_votes: float = 0.0
    colours: Array | None = None
    unlike: int = 0
    unfound: int = 0
    first_look: float = 1.0
    smoother: Smoother | None = None
    crop_side: float = 0.0
    second_of: Track | None = None
    vouched: bool = False

    @property
    def size(self) -> float:
        """The longer side of the box."""
        return max(self.box[2], self.box[3], 1.0)

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box."""
        x, y, w, h = self.box
        return x + w / 2, y + h / 2

    @property
    def side(self) -> Side:
        """What the votes say."""
        return None if self.side_votes == 0 else "right" if self.side_votes > 0 else "left"

    def vote(self, side: Side, weight: float = 1.0) -> None:
        """One more opinion on which hand this is; old ones count, so that a single wrong one does not flip it."""
        if side is not None:
            self.side_votes = float(
                np.clip(self.side_votes + (weight if side == "right" else -weight), -_VOTES, _VOTES)
            )

    def step(self, now: float) -> NDArray[np.float64]:
        """(2,): how far it should have moved since it was seen, were it to go on as it did."""
        return self.speed * min(max(now - self.seen_s, 0.0), _COAST_S)

    def expected(self, now: float) -> Array | None:
        """The joints (K, 3) where they should be now; None for a track that has none."""
        if self.joints is None:
            return None
        out = self.joints.copy()
        out[:, :2] += self.step(now)
        return out

    def expected_box(self, now: float) -> Box:
        """The box where it should be now."""
        dx, dy = self.step(now)
        return self.box[0] + float(dx), self.box[1] + float(dy), self.box[2], self.box[3]

    def crop(self, now: float, size: int, stride: int, margin: float) -> Crop:
        """Where to look for it in this frame."""
        crop = Crop.around(self.expected_box(now), size, stride, margin)
        if self.crop_side:
            return Crop(crop.x, crop.y, self.crop_side, size, stride)
        return crop

    def saw(self, joints: Array, box: Box, presence: float, now: float, margin: float, least: float) -> None:
        """Somebody was seen: joints (K, 3), their box and how sure that is.

        Args:
            least: joints with a lower score do not tell how it moves.
        """
        before = self.joints
        if before is None:
            self.born_s = now
        gap = now - self.seen_s
        self.gap_s = gap if self.state is State.SEEN else 0.0
        if before is not None and gap > 0:
            sure = np.minimum(before[:, 2], joints[:, 2]) >= least
            if int(sure.sum()) >= 3:
                # The median joint: a waving arm is not a walking person. (np.median takes eight times as long.)
                moved = np.sort(joints[sure, :2] - before[sure, :2], axis=0)[int(sure.sum()) // 2] / gap
                share = 1 - np.exp(-gap / _SPEED_MEMORY_S)
                self.speed = self.speed + share * (moved - self.speed)
            limit = 3.0 * self.size
            self.speed = np.clip(self.speed, -limit, limit)
        fresh = max(box[2], box[3], 1.0) * margin
        if self.crop_side and self.state is State.SEEN:
            # Boxes follow at once but change size slowly, which keeps the scale from pumping, and a joint that
            # was seen on somebody else for a moment from drawing them in.
            fresh = min(max(fresh, self.crop_side / _PUMP), self.crop_side * _PUMP)
            self.crop_side = 0.6 * self.crop_side + 0.4 * fresh
        else:
            self.crop_side = fresh
        self.joints, self.box, self.presence = joints, box, presence
        self.seen_s = now
        if self.state is not State.SEEN:
            self.state = State.SEEN

    def rescale(self, across: float, down: float) -> None:
        """The frame has another size from now on: factors of its width and height."""
        x, y, w, h = self.box
        self.box = (x * across, y * down, w * across, h * down)
        if self.joints is not None:
            self.joints = self.joints * np.array([across, down, 1], np.float32)
        self.speed = self.speed * (across, down)
        self.crop_side *= max(across, down)
        self.smoother = None

    def look_in(self, box: Box) -> None:
        """Look there next: somebody who knows better says that it is there."""
        self.box, self.crop_side = box, 0.0
        self.speed *= 0.0

    def missed(self) -> None:
        """Nobody was seen where this one should be."""
        if self.state is State.SEEN:
            self.state = State.LOST

    def looked_for(self, now: float) -> bool:
        """Whether it is still worth a look at the place it should be."""
        return self.state is not State.LOST or now - self.seen_s <= HOLD_S

    def forgotten(self, now: float) -> bool:
        """Whether it is gone for good."""
        return self.state is State.LOST and now - self.seen_s > REMEMBER_S
