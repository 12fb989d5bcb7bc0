"""A closer look by the finder: at the parts of one large picture, in which those who are small to the whole are not.

The finder sees a whole frame at 256 pixels, which is right for whoever stands at a webcam. In a photograph of a street
or a class a person is a few of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box
from cpm_live.core.findings import Found
from cpm_live.pipeline.finding import Finder
from cpm_live.pipeline.locate import inside, squares
from cpm_live.pipeline.opinions import one_place

_SEEN = 256
"""Pixels of the finder's input."""
_LARGEST, _STEP = 0.45, 0.5
"""Of a part's side: whoever is larger is seen as well in a larger one; and from one part to the next, so that whoever
is smaller lies whole in one of them."""
_EDGE = 0.55
"""Of somebody's size, from their centre to a part's edge: nearer to it they may be a piece of somebody."""
_SHARES = (1.0, 0.5)
"""Of the short side. (With a quarter a square picture has fifty parts more, in which hardly anybody is found.)"""
_MOST = 60
"""Parts of one size: a panorama is not looked at for minutes."""
_SURE = 0.6
"""Score of the finder's from which somebody in a part counts: the more parts, the more that only looks like somebody.
(In 52 pictures without people 0.3 offered nine more that the pose network believed in, 0.6 two; of 48 small people
both found 43.)"""


def parts(width: int, height: int, region: Box | None = None) -> list[Box]:
    """The squares to look at, of the frame or of a region of it: as large as its short side, and half of it, as far as
    they show more than what was seen before."""
    area = inside(region or (0.0, 0.0, float(width), float(height)), width, height)
    wide, high = area[2:]
    boxes: list[Box] = []
    before = max(wide, high)
    for share in _SHARES:
        side = share * min(wide, high)
        # Not where it shows nothing new, nor where pixels are only made larger.
        if side > 0.8 * before or before <= _SEEN:
            continue
        across, down = (1 + int(np.ceil((length - side) / (_STEP * side))) for length in (wide, high))
        if across * down > _MOST:
            continue
        boxes += squares(area, side, across, down)
        before = side
    return boxes


def look_closer(
    finder: Finder, image: NDArray[np.uint8], kind: str, region: Box | None, known: tuple[Found, ...]
) -> tuple[Found, ...]:
    """Whom the finder sees in a picture's parts and not in the whole, the largest parts' first, each part's best first.

    Args:
        known: those that it sees in the whole.
    """
    height, width = image.shape[:2]
    found: list[Found] = []
    for part in parts(width, height, region):
        # Asked for people: it tells of hands as well, and asks no body for wrists, which takes as long as ten parts.
        for one in finder(image, "person", part).found:
            if one.kind != kind or one.score < _SURE or one.size > _LARGEST * part[2] or _cut(one, part, width, height):
                continue
            if not any(other.kind == kind and one_place(one, other.box) for other in (*known, *found)):
                found.append(one)
    return tuple(found)


def _cut(one: Found, part: Box, width: int, height: int) -> bool:
    """Whether somebody reaches over a part's edge where the picture goes on: the next part shows them whole."""
    x, y, w, h = part
    half = _EDGE * one.size
    return (
        (one.x - half < x and x > 1)
        or (one.y - half < y and y > 1)
        or (one.x + half > x + w and x + w < width - 1)
        or (one.y + half > y + h and y + h < height - 1)
    )
