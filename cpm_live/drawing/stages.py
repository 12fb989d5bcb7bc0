"""All stages of a result side by side, as the paper's figures have them: how belief sharpens, in one picture."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, log

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.pose import Result
from cpm_live.core.resized import resized
from cpm_live.drawing.finder import finder_title, is_finder
from cpm_live.drawing.paint import glow_strength, glow_title, paint, painted, write_notes
from cpm_live.drawing.view import View

Image = NDArray[np.uint8]

WIDEST = 1920
"""Pixels across of a film."""
LARGEST = 16000
"""Pixels across and down of anything: more Debian's ImageMagick does not open, nor does a WebP hold them, and what has
more in both ways Pillow refuses."""
_LEAST = 240
"""Pixels of the shorter side of each picture: a smaller one is enlarged, or what is written on it would cover it."""
_SCREEN = 16 / 9
_GAP = 2


def paint_stages(result: Result, view: View, widest: int = LARGEST) -> Image:
    """The annotated picture of every stage, from left to right and row by row, the first one first.

    Joints are raw at the last stage, too: smoothed ones lie beside what that stage believes, and look like its mistake.

    Args:
        view: its stage is not looked at. With one of the finder's maps the stages are the finder's.
        widest: pixels across that the whole may have; else each picture is as large as the frame, where that is neither
            tiny nor huge.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    findings = result.finder if is_finder(view.joint) else None
    count = len(findings.beliefs) if findings is not None else result.stage_count
    whose = finder_title(view.joint) if findings is not None else ""
    if count < 2:
        # No model, or one that has a single stage.
        return paint(result, view)
    result = _raw(result)
    high, wide = result.frame.image.shape[:2]
    across = columns(count, wide / high)
    down = ceil(count / across)
    room = widest - _GAP * (across - 1), LARGEST - _GAP * (down - 1)
    wished = max(1.0, min(_LEAST / min(wide, high), 4 * _LEAST / max(wide, high)))
    share = min(wished, room[0] / (across * wide), room[1] / (down * high))
    size = max(1, int(wide * share)), max(1, int(high * share))
    # Slides are looked at whole: what is read there is as large as on a single picture that fills the screen.
    unit = max(down * size[1], across * size[0] / _SCREEN) / 480
    # Before anything is painted: it then is as sharp as the picture, and a film in 4K need not be painted six times.
    result = resized(result, size)
    whole = np.zeros((down * (size[1] + _GAP) - _GAP, across * (size[0] + _GAP) - _GAP, 3), np.uint8)
    for stage in range(count):
        # At the last one the hands beside bodies are at theirs.
        at = None if stage == count - 1 else stage
        # Of the skeleton's stages the finder's know nothing.
        own = replace(view, stage=at, skeleton=view.skeleton and findings is None)
        tile = painted(result, own)
        # One for all of them.
        scale = glow_strength(result, own) if stage == count - 1 else 0.0
        write_notes(tile, [whose, f"stage {stage + 1} of {count}", glow_title(result, own)], unit, scale)
        y, x = (stage // across) * (size[1] + _GAP), (stage % across) * (size[0] + _GAP)
        whole[y : y + size[1], x : x + size[0]] = tile
    return whole


def _raw(result: Result) -> Result:
    poses, hands = (tuple(replace(pose, smoothed=None) for pose in own) for own in (result.poses, result.hands))
    return replace(result, poses=poses, hands=hands)


def columns(count: int, aspect: float) -> int:
    """How many of so many pictures stand in a row, so that the whole is most like a screen, with few left empty.

    Args:
        aspect: of one picture, its width over its height.
    """

    def unlike(across: int) -> float:
        down = ceil(count / across)
        return abs(log(aspect * across / down / _SCREEN)) + (across * down - count) / count

    return min(range(1, count + 1), key=unlike)
