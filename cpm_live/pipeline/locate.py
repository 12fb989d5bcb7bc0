"""Locate: where to look for the person. Simple for now: the whole frame, then the last pose's box.

While nobody is found, each frame tries one more place, so that a search costs no more than following.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box, Crop


def search_boxes(width: int, height: int) -> list[Box]:
    """Places to try, one a frame: the whole frame, its largest squares, then smaller overlapping squares."""
    side = min(width, height)
    boxes: list[Box] = [(0.0, 0.0, float(width), float(height))]
    for share in (1.0, 0.66):
        edge = side * share
        across = max(1, round((width - edge) / (edge / 2)) + 1)
        down = max(1, round((height - edge) / (edge / 2)) + 1)
        for row in range(down):
            for column in range(across):
                x = (width - edge) * (column / (across - 1) if across > 1 else 0.5)
                y = (height - edge) * (row / (down - 1) if down > 1 else 0.5)
                boxes.append((x, y, edge, edge))
    # The middle first: that is where people put themselves.
    boxes[1:] = sorted(boxes[1:], key=lambda b: (-b[2], abs(b[0] + b[2] / 2 - width / 2)))
    return boxes


def pose_box(keypoints: NDArray[np.float32], threshold: float) -> Box | None:
    """The box of the joints (K, 3) whose score reaches ``threshold``; None with fewer than three."""
    sure = keypoints[keypoints[:, 2] >= threshold, :2]
    if len(sure) < 3:
        return None
    low, high = sure.min(axis=0), sure.max(axis=0)
    x, y, w, h = (float(value) for value in (*low, *(high - low)))
    return x, y, w, h


def presence(keypoints: NDArray[np.float32], best: float = 0.5) -> float:
    """How sure the machine is that somebody is there: mean score of the better half of the joints."""
    scores = np.sort(keypoints[:, 2])[::-1]
    return float(scores[: max(1, int(len(scores) * best))].mean())


KEEP = 0.8
"""Share of the find threshold that is enough to go on following."""


@dataclass(slots=True)
class Locator:
    """Remembers where the person was and says where to look next.

    Attributes:
        size, stride: of the network.
        margin: crop side over the longer side of the pose's box.
        patience: frames with a weak pose before the search starts again.
    """

    size: int
    stride: int
    margin: float
    follow_threshold: float
    find_threshold: float
    patience: int = 3
    _crop: Crop | None = None
    _weak: int = 0
    _try: int = 0
    _next_id: int = 0

    def next_crop(self, width: int, height: int) -> Crop:
        """Where to look in a frame of this size."""
        if self._crop is not None:
            return self._crop
        places = search_boxes(width, height)
        place = places[self._try % len(places)]
        self._try += 1
        return Crop.around(place, self.size, self.stride, 1.0)

    @property
    def following(self) -> bool:
        """Whether somebody is being followed."""
        return self._crop is not None

    @property
    def track(self) -> int:
        """The current track's number; a new one each time somebody is found."""
        return self._next_id

    def update(self, keypoints: NDArray[np.float32], width: int, height: int) -> bool:
        """Learn from the pose (K, 3) found in the last crop; whether somebody is there."""
        # Somebody who is followed may be less sure than somebody who is found: no flicker at the limit.
        limit = self.find_threshold * (KEEP if self._crop is not None else 1.0)
        present = presence(keypoints) >= limit
        box = pose_box(keypoints, self.follow_threshold) if present else None
        if box is None or not _plausible(box, width, height):
            self._weak += 1
            if self._weak >= self.patience or self._crop is None:
                self._crop, self._weak = None, 0
            return False
        self._weak = 0
        if self._crop is None:
            self._next_id += 1
            self._try = 0
        fresh = Crop.around(box, self.size, self.stride, self.margin)
        if self._crop is not None:
            # Boxes follow at once but change size slowly, which keeps the scale from pumping.
            side = 0.6 * self._crop.side + 0.4 * fresh.side
            fresh = Crop(fresh.x, fresh.y, side, self.size, self.stride)
        self._crop = fresh
        return True

    def reset(self) -> None:
        """Forget the person: search again from the whole frame."""
        self._crop = None
        self._weak = self._try = 0


def _plausible(box: Box, width: int, height: int) -> bool:
    """Not a speck, and its middle inside the frame."""
    x, y, w, h = box
    return max(w, h) >= 0.04 * min(width, height) and 0 <= x + w / 2 < width and 0 <= y + h / 2 < height
