"""Paint a result on a copy of its frame: belief glow, skeleton, boxes. For recordings and ``run``.

Stateless; the window paints the same things as vectors (``gui.picture``).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box, Crop
from cpm_live.core.findings import Found
from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import Colour
from cpm_live.drawing.colours import glow_tables, levels
from cpm_live.drawing.finder import early_stage, finder_found, finder_map, finder_stage, map_title
from cpm_live.drawing.people import person_colour
from cpm_live.drawing.view import FULL, HIDDEN, HOLLOW, View, hand_view, joint_marks, shown_map, stage_index

Image = NDArray[np.uint8]
_SHIFT = 4
_ROWS = 32
"""So many rows of a glow are blended at once: what that needs stays in the processor's cache, a third less time."""
_BOX: Colour = (235, 235, 235)
_SCALE = (72, 6)
"""Width and height of a scale's bar in a picture of 640x480."""
_GREY = 110
_LEAST_LETTERS = 0.7
"""As a share of those at 480p: smaller ones nobody reads."""
LOCKED: Colour = (124, 156, 255)
"""Box of the one that the machine is locked on."""


def paint(result: Result, view: View) -> Image:
    """The annotated picture (H, W, 3) BGR of a result; the frame itself stays as it was."""
    canvas = painted(result, view)
    write_notes(canvas, [early_stage(result, view), glow_title(result, view)], scale=glow_strength(result, view))
    return canvas


def painted(result: Result, view: View) -> Image:
    """The same without a word on which stage it is and what glows."""
    canvas = result.frame.image.copy()
    layers = [(result, view)]
    hands = result.of_hands()
    if hands is not None:
        layers.append((hands, hand_view(view)))
    if result.finder is not None:
        belief = finder_map(result.finder, finder_stage(result.finder, view), view.joint)
        if belief is not None:
            _paint_glow(canvas, belief, result.finder.crop, view.glow)
    for shown, how in layers:
        for pose in shown.poses:
            belief = shown_map(pose, stage_index(shown, how), how.joint)
            if belief is not None:
                _paint_glow(canvas, belief, pose.crop, how.glow)
    for shown, how in layers:
        if how.skeleton:
            for pose in shown.poses:
                _paint_skeleton(canvas, pose, stage_index(shown, how), shown, how)
    if view.mirror:
        canvas = np.asarray(cv2.flip(canvas, 1), np.uint8)
    for pose in result.poses:
        # Who the machine is locked on is marked whatever is asked for, as in the window.
        locked = result.locked == pose.id
        if view.boxes or locked:
            _paint_box(canvas, pose, view.mirror, locked, person_colour(result, pose))
    if view.boxes:
        for hand in result.hands:
            _paint_box(canvas, hand, view.mirror, False, None)
    if result.finder is not None:
        for found in finder_found(result.finder, finder_stage(result.finder, view), view.joint):
            _paint_found(canvas, found, view.mirror)
    return canvas


def glow_title(result: Result, view: View) -> str:
    """What glows, where that is not what one would take it for; else empty."""
    title = map_title(result, view)
    return title if title != "belief" and _somebody_glows(result, view) else ""


def glow_strength(result: Result, view: View) -> float:
    """How strongly maps lie over the picture; 0 where none does."""
    found = result.finder is not None and finder_map(result.finder, 0, view.joint) is not None
    return view.glow if found or _somebody_glows(result, view) else 0.0


def _somebody_glows(result: Result, view: View) -> bool:
    stage = stage_index(result, view)
    return view.glow > 0 and any(shown_map(pose, stage, view.joint) is not None for pose in result.poses)


def write_notes(canvas: Image, notes: list[str], unit: float | None = None, scale: float = 0.0) -> None:
    """Write into a picture, at the lower left: beside each other, or on each other where it is too narrow for that.

    Args:
        notes: empty ones are left out.
        unit: how many pixels are as large to the eye as one of a picture of 640x480, where the canvas is a part of what
            is looked at. Letters are smaller where the canvas holds none of that size.
        scale: how strongly a map lies over the picture: which of its colours is which belief stands at the lower right,
            above the notes where there is no room beside them. 0: none does.
    """
    notes = [note for note in notes if note]
    own, line = _unit(canvas), ", ".join(notes)
    if unit is not None and notes:
        widest = max(_letters(text, 1.0)[0] for text in notes)
        unit = max(own, min(unit, canvas.shape[1] / (widest + 20), canvas.shape[0] / 90))
    unit = own if unit is None else unit
    left = _pixels(10, unit)
    lines = [line] if _letters(line, unit)[0] <= canvas.shape[1] - 2 * left else notes
    lowest = y = canvas.shape[0] - _pixels(12, unit)
    for text in reversed(lines):
        _write(canvas, text[:1].upper() + text[1:], (left, y), _BOX, unit)
        y -= round(1.8 * _letters(text, unit)[1])
    if scale > 0:
        wide = max((_letters(text, unit)[0] for text in lines), default=0)
        beside = left + wide + _pixels(24, unit) + _scale_width(unit) + left <= canvas.shape[1]
        _write_scale(canvas, scale, lowest if beside else y, unit)


def _scale_width(unit: float) -> int:
    return _letters("0", unit)[0] + _letters("1", unit)[0] + _pixels(_SCALE[0], unit) + 2 * _pixels(6, unit)


def _write_scale(canvas: Image, strength: float, y: int, unit: float) -> None:
    """Which colour of a glow is which belief, with its foot at ``y``; nothing where the picture is too small for it."""
    x = canvas.shape[1] - _pixels(10, unit) - _scale_width(unit)
    (digit, high), long, thick = _letters("0", unit), _pixels(_SCALE[0], unit), _pixels(_SCALE[1], unit)
    top = y - (high + thick) // 2
    if x < 0 or top < 1:
        return
    _write(canvas, "0", (x, y), _BOX, unit)
    x += digit + _pixels(6, unit)
    canvas[top - 1 : top + thick + 1, x - 1 : x + long + 1] = 20
    added, left = (table[0].astype(np.float32) for table in glow_tables(strength))
    # Over the grey that a picture is on the whole, as it glows there.
    row = added + left / 255 * _GREY
    shades = np.linspace(0, 255, long).round().astype(int)
    canvas[top : top + thick, x : x + long] = row[shades].round().astype(np.uint8)
    _write(canvas, "1", (x + long + _pixels(6, unit), y), _BOX, unit)


def _paint_glow(canvas: Image, belief: NDArray[np.float32], crop: Crop, strength: float) -> None:
    """Blend the map over the frame, touching only the crop's rectangle."""
    height, width = canvas.shape[:2]
    x, y, side, _ = crop.map_box(len(belief))
    x0, y0 = max(0, int(np.floor(x))), max(0, int(np.floor(y)))
    x1, y1 = min(width, int(np.ceil(x + side))), min(height, int(np.ceil(y + side)))
    if x1 <= x0 or y1 <= y0:
        return
    per_cell = side / len(belief)
    # Cell c's centre lies at frame x + (c + 0.5) * per_cell - 0.5 in pixel-centre coordinates.
    matrix = np.array([[per_cell, 0, x + per_cell / 2 - 0.5 - x0], [0, per_cell, y + per_cell / 2 - 0.5 - y0]])
    # In bytes, and through OpenCV's tables: a recording does this for each frame, whole pictures of it.
    large = cv2.warpAffine(levels(belief), matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
    added, left = glow_tables(strength)
    region = canvas[y0:y1, x0:x1]
    for row in range(0, y1 - y0, _ROWS):
        part = region[row : row + _ROWS]
        thrice = cv2.merge([large[row : row + _ROWS]] * 3)
        part[:] = cv2.add(cv2.LUT(thrice, added), cv2.multiply(part, cv2.LUT(thrice, left), scale=1 / 255))


def _bgr(colour: Colour) -> tuple[int, int, int]:
    return colour[2], colour[1], colour[0]


def line_width(pose: Pose, scale: float, unit: float) -> float:
    """Width of limbs, in proportion to the person, within what can be seen well.

    Args:
        scale: pixels painted per frame pixel.
        unit: painted pixels that are as large to the eye as one of a picture of 640x480.
    """
    return float(np.clip(max(pose.box[2], pose.box[3]) * scale / 90, 1.5 * unit, 9.0 * unit))


def _unit(canvas: Image) -> float:
    """Films are looked at whole, whatever their size: what is one pixel wide at 480p is nearly five at 4K."""
    return min(canvas.shape[:2]) / 480


def _pixels(pixels: float, unit: float) -> int:
    return max(1, round(pixels * unit))


def _wide(canvas: Image, pixels: float) -> int:
    return _pixels(pixels, _unit(canvas))


def _paint_skeleton(canvas: Image, pose: Pose, stage: int, result: Result, view: View) -> None:
    points = pose.points(stage)
    marks = joint_marks(pose, stage, view, result)
    width = line_width(pose, 1.0, _unit(canvas))
    edge, thread = _wide(canvas, 2), _wide(canvas, 1)
    places = points[:, :2].astype(float)
    reach = _reach(canvas)
    near = np.abs(places).max(axis=1) <= reach
    skeleton = result.skeleton
    tint = person_colour(result, pose)
    for (a, b), own in zip(skeleton.limbs, skeleton.limb_colours, strict=True):
        colour = tint or own
        weakest = min(marks[a], marks[b])
        if weakest == HIDDEN:
            continue
        part = (places[a], places[b]) if near[a] and near[b] else _within(places[a], places[b], reach)
        if part is None:
            continue
        ends = _fixed(part[0]), _fixed(part[1])
        if weakest == FULL:
            cv2.line(canvas, *ends, (20, 20, 20), max(1, round(width)) + edge, cv2.LINE_AA, _SHIFT)
        # A limb that ends at an unsure joint is a thread.
        thick = max(1, round(width)) if weakest == FULL else thread
        cv2.line(canvas, *ends, _bgr(colour), thick, cv2.LINE_AA, _SHIFT)
    for joint in np.flatnonzero(np.where(near, marks, HIDDEN)):
        score = float(points[joint, 2])
        radius = width * (0.7 + 0.8 * score)
        centre = _fixed(places[joint])
        size = round(radius * (1 << _SHIFT))
        colour = _bgr(skeleton.colours[joint])
        if marks[joint] == HOLLOW:
            cv2.circle(canvas, centre, size, (20, 20, 20), thread + edge, cv2.LINE_AA, _SHIFT)
            cv2.circle(canvas, centre, size, colour, thread, cv2.LINE_AA, _SHIFT)
            continue
        cv2.circle(canvas, centre, size + (thread << _SHIFT), (20, 20, 20), -1, cv2.LINE_AA, _SHIFT)
        cv2.circle(canvas, centre, size, colour, -1, cv2.LINE_AA, _SHIFT)


def _reach(canvas: Image) -> float:
    """How far from the picture's corner anything is drawn. OpenCV's numbers overflow soon after: a limb to a joint that
    a program of somebody's own sent a million pixels away goes another way."""
    return 3.0 * max(canvas.shape) + 1000


def _fixed(place: NDArray[np.float64]) -> tuple[int, int]:
    x, y = np.round(place * (1 << _SHIFT)).astype(int).tolist()
    return x, y


def _within(
    a: NDArray[np.float64], b: NDArray[np.float64], reach: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The part of a limb that lies within reach, if any does."""
    begin, end = 0.0, 1.0
    for at, by in zip(a.tolist(), (b - a).tolist(), strict=True):
        if by == 0:
            begin = begin if abs(at) <= reach else 2.0
            continue
        first, last = sorted(((-reach - at) / by, (reach - at) / by))
        begin, end = max(begin, first), min(end, last)
    return (a + begin * (b - a), a + end * (b - a)) if begin <= end else None


def _corners(canvas: Image, box: Box, mirrored: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    x, y, w, h = box
    if mirrored:
        x = canvas.shape[1] - 1 - x - w
    reach = _reach(canvas)
    left, top, right, bottom = (round(min(max(at, -reach), reach)) for at in (x, y, x + w, y + h))
    return (left, top), (right, bottom)


def _paint_box(canvas: Image, pose: Pose, mirrored: bool, locked: bool, tint: Colour | None) -> None:
    a, b = _corners(canvas, pose.box, mirrored)
    colour = LOCKED if locked else tint or _BOX
    cv2.rectangle(canvas, a, b, _bgr(colour), _wide(canvas, 2 if locked else 1), cv2.LINE_AA)
    _write(canvas, pose.label, (a[0] + _wide(canvas, 3), max(_wide(canvas, 12), a[1] - _wide(canvas, 4))), colour)


def _paint_found(canvas: Image, found: Found, mirrored: bool) -> None:
    """One of the finder's peaks: a cross, and a square of the size it believes in."""
    a, b = _corners(canvas, found.box, mirrored)
    middle = (round(canvas.shape[1] - 1 - found.x if mirrored else found.x), round(found.y))
    for colour, pixels in (((20, 20, 20), 3), (_BOX, 1)):
        wide = _wide(canvas, pixels)
        cv2.rectangle(canvas, a, b, colour, wide, cv2.LINE_AA)
        cv2.drawMarker(canvas, middle, colour, cv2.MARKER_CROSS, _wide(canvas, 13), wide, cv2.LINE_AA)
    _write(canvas, found.label, (a[0] + _wide(canvas, 3), b[1] + _wide(canvas, 14)), _BOX)


def _letter_size(unit: float) -> float:
    return 0.45 * max(unit, _LEAST_LETTERS)


def _letters(text: str, unit: float) -> tuple[int, int]:
    """How wide a text is written, and how high."""
    wide, high = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, _letter_size(unit), 1)[0]
    return int(wide), int(high)


def _write(canvas: Image, text: str, at: tuple[int, int], colour: Colour, unit: float | None = None) -> None:
    unit = _unit(canvas) if unit is None else unit
    size = _letter_size(unit)
    for shade, pixels in (((20, 20, 20), 3), (_bgr(colour), 1)):
        thick = _pixels(pixels, unit)
        cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, shade, thick, cv2.LINE_AA)
