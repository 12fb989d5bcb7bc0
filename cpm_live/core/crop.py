"""The crop: the only place where coordinates are converted.

Three systems of coordinates, integer coordinates being pixel (or cell) centres in each:

* *frame* pixels, of the source picture;
* *input* pixels, of the square picture the network sees;
* belief-map *cells*: cell (i, j) of stride s covers input x = s * (j + 0.5) - 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.core.halves import HALVES, half

PAD_VALUE = 128
"""Grey that fills the input where the crop reaches outside the frame (as the CPM release does)."""
SHRINK = 0.4
"""A frame that shrinks to less than this is halved first: linear interpolation aliases. (Not from one half on: a
webcam's person often lies just below it, halving takes as long as the crop, and the clips agree as well without.)"""

Box = tuple[float, float, float, float]
"""x, y, width, height in frame pixels."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A square of the frame, upright, scaled to the network's input.

    Attributes:
        x, y: frame coordinates of the square's centre.
        side: its side in frame pixels (> 0).
        size: the network's input side in pixels.
        stride: input pixels per belief-map cell.
    """

    x: float
    y: float
    side: float
    size: int
    stride: int = 8

    def __post_init__(self) -> None:
        if not (self.side > 0 and np.isfinite([self.x, self.y, self.side]).all()):
            raise ValueError(f"a crop needs a finite centre and a positive side, not {self}")

    @classmethod
    def around(cls, box: Box, size: int, stride: int = 8, margin: float = 1.25) -> Crop:
        """The crop whose square has ``margin`` times the longer side of ``box``, same centre."""
        x, y, width, height = box
        side = max(width, height, 1.0) * margin
        return cls(x + (width - 1) / 2, y + (height - 1) / 2, side, size, stride)

    @property
    def scale(self) -> float:
        """Input pixels per frame pixel."""
        return self.size / self.side

    @property
    def box(self) -> Box:
        """The square in frame pixels."""
        corner = (self.side - 1) / 2
        return self.x - corner, self.y - corner, self.side, self.side

    def matrix(self) -> NDArray[np.float64]:
        """The 2x3 affine map from frame to input pixels, as ``cv2.warpAffine`` takes it."""
        centre = (self.size - 1) / 2
        s = self.scale
        return np.array([[s, 0.0, centre - s * self.x], [0.0, s, centre - s * self.y]])

    def to_input(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Frame pixels (..., 2) to input pixels (..., 2)."""
        centre = (self.size - 1) / 2
        return ((np.asarray(points) - (self.x, self.y)) * self.scale + centre).astype(np.float32)

    def to_frame(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Input pixels (..., 2) to frame pixels (..., 2)."""
        centre = (self.size - 1) / 2
        return ((np.asarray(points) - centre) / self.scale + (self.x, self.y)).astype(np.float32)

    def cells_to_frame(self, cells: NDArray[np.floating]) -> NDArray[np.float32]:
        """Belief-map cells (..., 2), x then y, to frame pixels (..., 2)."""
        return self.to_frame(cells_to_input(cells, self.stride))

    def map_box(self, cells: int) -> Box:
        """Where a belief map of ``cells`` x ``cells`` lies in the frame: outer edges, for painting.

        Edges, not centres: pixel 0's left edge is at 0, so the square is half a pixel off ``box``.
        """
        side = cells * self.stride / self.scale
        return self.x + 0.5 - self.side / 2, self.y + 0.5 - self.side / 2, side, side

    def resized(self, share: float) -> Crop:
        """The same square in a frame of ``share`` times the size."""
        x, y = resized_points(np.array([self.x, self.y]), share)
        return replace(self, x=float(x), y=float(y), side=self.side * share)

    def halvings(self, height: int, width: int) -> int:
        """How often a frame of this size is halved before it is cropped."""
        count = 0
        while self.scale * 2**count < SHRINK and min(height, width) >> count > 2:
            count += 1
        return count

    def extract(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The network's picture (size, size, 3) of a frame (H, W, 3), grey outside it."""
        # AREA is not offered by warpAffine, so a frame that shrinks a lot is first halved as often as needed: the
        # part that is looked at.
        frame, matrix = _cut_huge(frame, self.matrix(), self)
        halvings = self.halvings(*frame.shape[:2])
        if halvings:
            frame, matrix = _halved_part(frame, matrix, self.size, halvings)
        picture = cv2.warpAffine(
            frame,
            matrix,
            (self.size, self.size),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(PAD_VALUE,) * 3,
        )
        return np.asarray(picture, np.uint8)


def halved(picture: NDArray[np.uint8], matrix: NDArray[np.float64]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A picture (H, W, 3) of half the size, and the 2x3 affine map that shows of it what ``matrix`` showed before."""
    return half(picture), _for_half(matrix)


def _for_half(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    # Halved pixel u covers 2u + 0.5 of the original.
    return np.column_stack([matrix[:, :2] * 2.0, matrix[:, 2] + matrix[:, :2].sum(axis=1) * 0.5])


def _halved_part(
    frame: NDArray[np.uint8], matrix: NDArray[np.float64], size: int, halvings: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """What of a frame a crop of ``size`` px shows, halved so often, and the matrix for it.

    It is cut on a grid that halving keeps, and a little more than is shown, so that the pixels at the crop's edge are
    what they would be without cutting.
    """
    height, width = frame.shape[:2]
    grid = 2**halvings
    low = (-2 - matrix[:, 2]) / (matrix[0, 0], matrix[1, 1])
    high = (size + 2 - matrix[:, 2]) / (matrix[0, 0], matrix[1, 1])
    x0, y0 = (max(0, int(np.floor(v / grid)) - 1) * grid for v in low)
    x1, y1 = ((int(np.ceil(v / grid)) + 1) * grid for v in high)
    # Whoever stands outside the frame still gets a cell of it: the warp then shows none of it.
    x0, y0 = min(x0, (width // grid - 1) * grid), min(y0, (height // grid - 1) * grid)
    x1, y1 = min(width, max(x1, x0 + 2 * grid)), min(height, max(y1, y0 + 2 * grid))
    part, whole = frame[y0:y1, x0:x1], HALVES.of(frame, halvings, (x1 - x0) * (y1 - y0))
    matrix = np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ (x0, y0)])
    if whole is not None:
        part = whole[y0 // grid : y1 // grid, x0 // grid : x1 // grid]
    for _ in range(halvings):
        part, matrix = half(part) if whole is None else part, _for_half(matrix)
    return part, matrix


_WARP_LIMIT = 32767
"""Sides that cv2.warpAffine refuses."""


def _cut_huge(
    frame: NDArray[np.uint8], matrix: NDArray[np.float64], crop: Crop
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A panorama too long for warpAffine is cut to the crop's part first, the matrix moved along."""
    if max(frame.shape[:2]) < _WARP_LIMIT:
        return frame, matrix
    height, width = frame.shape[:2]
    x, y, side, _ = crop.box
    # Whoever stands outside the frame still gets a pixel of it: the warp then shows none of it.
    x0, y0 = min(max(0, int(x) - 2), width - 1), min(max(0, int(y) - 2), height - 1)
    x1, y1 = max(x0 + 1, int(x + side) + 3), max(y0 + 1, int(y + side) + 3)
    part = frame[y0:y1, x0:x1]
    step = -(-max(part.shape[:2]) // (_WARP_LIMIT - 1))
    moved = np.column_stack([matrix[:, :2] * step, matrix[:, 2] + matrix[:, :2] @ (x0, y0)])
    return part[::step, ::step], moved


def cells_to_input(cells: NDArray[np.floating], stride: int) -> NDArray[np.float32]:
    """Belief-map cells to input pixels."""
    return (stride * (np.asarray(cells) + 0.5) - 0.5).astype(np.float32)


def input_to_cells(points: NDArray[np.floating], stride: int) -> NDArray[np.float32]:
    """Input pixels to belief-map cells (fractional)."""
    return ((np.asarray(points) + 0.5) / stride - 0.5).astype(np.float32)


def resized_points(points: NDArray[np.floating], share: float | tuple[float, float]) -> NDArray[np.float32]:
    """Frame pixels (..., 2 or more: x, y, and what stays as it is) to those of a frame of ``share`` times the size, or
    of so many times its width and its height."""
    moved = np.array(points, np.float32)
    moved[..., :2] = (moved[..., :2] + 0.5) * share - 0.5
    return moved


def resized_box(box: Box, share: float) -> Box:
    """A box in a frame of ``share`` times the size."""
    x, y, width, height = box
    return x * share, y * share, width * share, height * share


def fitted(size: tuple[int, int], frame: tuple[int, int]) -> tuple[int, int, int, int]:
    """Where a picture of a size (width, height) lies in a frame of another: x, y, width, height; as large as it can
    be, in the middle. Of one that is a pixel larger that pixel is cut off."""
    more = [own - given for own, given in zip(size, frame, strict=True)]
    if min(more) >= 0 and max(more) <= 1:
        return 0, 0, *size
    scale = min(frame[0] / size[0], frame[1] / size[1])
    width, height = (max(1, int(side * scale)) for side in size)
    return (frame[0] - width) // 2, (frame[1] - height) // 2, width, height
