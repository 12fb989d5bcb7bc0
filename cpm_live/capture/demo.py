"""The built-in demo: an animated figure (or hand) drawn by our own code, with known joints."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from cpm_live.capture.base import SourceInfo
from cpm_live.capture.pace import Pace
from cpm_live.core.frame import Frame
from cpm_live.drawing import figures


class DemoSource:
    """Draws frames at a steady rate, live or as fast as they are read.

    Args:
        kind: ``body`` or ``hand``.
        frames: how many to give; None for ever.
        paced: wait for each frame's time, as a camera does.
    """

    def __init__(
        self,
        kind: str = "body",
        size: tuple[int, int] = (640, 480),
        fps: float = 30.0,
        frames: int | None = None,
        paced: bool = True,
    ) -> None:
        self.kind, self.size, self.fps, self.paced = kind, size, fps, paced
        self.info = SourceInfo(
            "demo", f"Demo ({kind})", live=frames is None, mirror=False, width=size[0], height=size[1], fps=fps,
            frames=frames,
        )  # fmt: skip
        self._index = 0
        self._pace = Pace()
        self._room = figures.draw_room(*size)

    def joints_at(self, index: int) -> NDArray[np.float32]:
        """The true joints (K, 2) of frame ``index`` in pixels."""
        seconds = index / self.fps
        width, height = self.size
        if self.kind == "hand":
            at = (width * (0.5 + 0.08 * np.sin(0.6 * seconds)), height * 0.8)
            return figures.hand_joints(figures.hand_pose_at(seconds), at, height * 0.3)
        at = (width * (0.5 + 0.1 * np.sin(0.5 * seconds)), height * 0.52)
        return figures.body_joints(figures.body_pose_at(seconds), at, height * 0.23)

    def read(self) -> Frame | None:
        """The next drawn frame."""
        index = self._index
        if self.info.frames is not None and index >= self.info.frames:
            return None
        if self.paced:
            self._pace.enter()
            self._pace.wait(index / self.fps)
            self._pace.leave()
        canvas = self._room.copy()
        joints = self.joints_at(index)
        (figures.draw_hand if self.kind == "hand" else figures.draw_body)(canvas, joints)
        self._index += 1
        return Frame(canvas, index, time.perf_counter_ns(), None if self.info.live else index / self.fps)

    def close(self) -> None:
        """Nothing to let go of."""
