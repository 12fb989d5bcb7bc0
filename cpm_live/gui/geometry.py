"""Where the frame lies in the widget: the only place where frame pixels become widget pixels.

Frame coordinates have pixel centres at integers (``core.crop``), so the frame's left edge is at
-0.5; Qt paints with edges at integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Fit:
    """A frame letterboxed into a widget.

    Attributes:
        width, height: of the frame in pixels.
        left, top: where its corner lies in the widget.
        scale: widget pixels per frame pixel.
        mirror: left and right exchanged.
    """

    width: int
    height: int
    left: float
    top: float
    scale: float
    mirror: bool = False

    @classmethod
    def into(cls, frame: tuple[int, int], widget: tuple[int, int], mirror: bool = False) -> Fit:
        """The largest placement of a frame (width, height) that a widget (width, height) has room for."""
        width, height = frame
        scale = max(min(widget[0] / width, widget[1] / height), 1e-6)
        return cls(width, height, (widget[0] - width * scale) / 2, (widget[1] - height * scale) / 2, scale, mirror)

    def to_widget(self, points: ArrayLike) -> NDArray[np.float64]:
        """Frame pixels (..., 2) to widget pixels (..., 2)."""
        edges = np.asarray(points, np.float64) + 0.5
        if self.mirror:
            edges = np.stack([self.width - edges[..., 0], edges[..., 1]], axis=-1)
        return edges * self.scale + (self.left, self.top)

    def to_frame(self, points: ArrayLike) -> NDArray[np.float64]:
        """Widget pixels (..., 2) to frame pixels (..., 2)."""
        edges = (np.asarray(points, np.float64) - (self.left, self.top)) / self.scale
        if self.mirror:
            edges = np.stack([self.width - edges[..., 0], edges[..., 1]], axis=-1)
        return edges - 0.5
