"""What the finder saw in a whole frame: centres and sizes of people or hands, and the maps they came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box, Crop
from cpm_live.core.pose import Side


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody, or a hand, that the finder believes in.

    Attributes:
        kind: ``"person"`` or ``"hand"``.
        x, y: the centre in frame pixels.
        size: the longer side of the visible joints' bounding box in frame pixels.
        score: the peak belief, 0..1.
        side: hands: the person's own left or right, None where unsure.
        vouched: hands: an arm says so, too.
    """

    kind: str
    x: float
    y: float
    size: float
    score: float
    side: Side = None
    vouched: bool = False

    @property
    def box(self) -> Box:
        """The square of this size around the centre."""
        corner = (self.size - 1) / 2
        return self.x - corner, self.y - corner, self.size, self.size

    @property
    def label(self) -> str:
        """For people: what it is, how sure the finder is, which hand."""
        return f"{self.kind} {self.score:.2f}" + (f" {self.side}" if self.side else "")


def _nobody(stage: int) -> tuple[Found, ...]:
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """The finder's answer for one frame.

    Attributes:
        found: best first.
        beliefs: (T, 3, h, w) float32: maps of people, of hands, and the background, per stage.
        crop: where those maps lie in the frame.
        took_ms: how long it took.
        early: what the maps of a stage before the last one say, by its index, best first. Read when somebody asks:
            nobody is looked for there.
    """

    found: tuple[Found, ...]
    beliefs: NDArray[np.float32]
    crop: Crop
    took_ms: float
    early: Callable[[int], tuple[Found, ...]] = _nobody
