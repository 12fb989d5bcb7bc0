"""The demo's figure and hand: drawn by our own code, so their joints are known exactly.

The same drawings are mixed into training (``training.synthetic``), so that the machine follows the demo.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Bgr = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Style:
    """Colours (BGR) of a figure or a hand."""

    skin: Bgr = (150, 180, 225)
    shirt: Bgr = (160, 95, 50)
    trousers: Bgr = (80, 60, 50)
    shoes: Bgr = (50, 50, 60)
    hair: Bgr = (40, 60, 90)
    bulk: float = 1.0


@dataclass(frozen=True, slots=True)
class BodyPose:
    """Joint angles of the figure in radians, 0 = hanging straight down, positive = away from the body.

    Pairs are (right, left). ``elbow`` and ``knee`` bend relative to the upper limb; ``lean`` tilts the
    trunk, ``nod`` the head on top of it.
    """

    shoulder: tuple[float, float] = (0.2, 0.2)
    elbow: tuple[float, float] = (0.1, 0.1)
    hip: tuple[float, float] = (0.08, 0.08)
    knee: tuple[float, float] = (0.0, 0.0)
    lean: float = 0.0
    nod: float = 0.0
    facing: float = 1.0


def body_pose_at(seconds: float) -> BodyPose:
    """The demo's dance: waves, raised arms, side steps and squats that blend into each other."""
    t = seconds
    wave = 0.5 + 0.5 * np.sin(0.45 * t)
    squat = max(0.0, float(np.sin(0.6 * t + 1.0))) * 0.75
    right = 0.25 + 2.3 * wave * (0.5 + 0.5 * np.sin(0.9 * t))
    left = 0.25 + 1.9 * (1 - wave) * (0.5 + 0.5 * np.sin(0.7 * t + 2.0))
    return BodyPose(
        shoulder=(float(right), float(left)),
        elbow=(float(0.35 + 0.5 * np.sin(2.6 * t)), float(0.35 + 0.5 * np.sin(2.1 * t + 1))),
        hip=(0.1 + squat * 0.7, 0.1 + squat * 0.7),
        knee=(-squat * 1.1, -squat * 1.1),
        lean=float(0.12 * np.sin(0.8 * t)),
        nod=float(0.15 * np.sin(1.1 * t)),
    )


def _turn(angle: float) -> Array:
    """The unit vector that hangs down at angle 0 and swings towards +x (image right)."""
    return np.array([np.sin(angle), np.cos(angle)], np.float32)


def body_joints(pose: BodyPose, origin: tuple[float, float], unit: float) -> Array:
    """The 14 body joints (14, 2) in pixels, in LSP order.

    Args:
        origin: the point between the hips.
        unit: trunk length (hips to neck) in pixels.
    """
    hips = np.asarray(origin, np.float32)
    up = -_turn(-pose.lean)
    across = np.array([-up[1], up[0]], np.float32) * pose.facing
    neck = hips + up * unit
    shoulders = neck - up * 0.1 * unit
    head = neck - _turn(-(pose.lean + pose.nod)) * 0.5 * unit
    joints = np.zeros((14, 2), np.float32)
    # The figure faces us: its right (side 0) is at the image's left.
    for side, sign in ((0, -1.0), (1, 1.0)):
        shoulder = shoulders + sign * across * 0.36 * unit
        elbow = shoulder + _turn(sign * pose.shoulder[side] - pose.lean) * 0.54 * unit
        wrist = elbow + _turn(sign * (pose.shoulder[side] + pose.elbow[side]) - pose.lean) * 0.5 * unit
        hip = hips + sign * across * 0.2 * unit
        knee = hip + _turn(sign * pose.hip[side]) * 0.78 * unit
        ankle = knee + _turn(sign * (pose.hip[side] + pose.knee[side])) * 0.74 * unit
        arm, leg = (6, 0) if side == 0 else (9, 3)
        joints[arm : arm + 3] = (wrist, elbow, shoulder) if side == 0 else (shoulder, elbow, wrist)
        joints[leg : leg + 3] = (ankle, knee, hip) if side == 0 else (hip, knee, ankle)
    joints[12], joints[13] = neck, head
    return joints


_SHIFT = 4


def _fixed(point: Array) -> tuple[int, int]:
    x, y = np.round(np.asarray(point) * (1 << _SHIFT)).astype(int)
    return int(x), int(y)


def _disc(canvas: NDArray[np.uint8], centre: Array, radius: float, colour: Bgr) -> None:
    cv2.circle(canvas, _fixed(centre), max(1, int(radius * (1 << _SHIFT))), colour, -1, cv2.LINE_AA, _SHIFT)


def _shade(colour: Bgr, factor: float) -> Bgr:
    b, g, r = (int(np.clip(c * factor, 0, 255)) for c in colour)
    return b, g, r


def _limb(canvas: NDArray[np.uint8], a: Array, b: Array, ra: float, rb: float, colour: Bgr) -> None:
    """A tapered capsule with a lighter core, which reads as round."""
    along = b - a
    length = float(np.hypot(*along)) or 1.0
    across = np.array([-along[1], along[0]], np.float32) / length
    for factor, width in ((0.72, 1.0), (1.0, 0.74), (1.12, 0.3)):
        shade = _shade(colour, factor)
        quad = np.array([a + across * ra * width, b + across * rb * width,
                         b - across * rb * width, a - across * ra * width])  # fmt: skip
        points = np.round(quad * (1 << _SHIFT)).astype(np.int32)
        cv2.fillConvexPoly(canvas, points, shade, cv2.LINE_AA, _SHIFT)
        _disc(canvas, a, ra * width, shade)
        _disc(canvas, b, rb * width, shade)


def draw_body(canvas: NDArray[np.uint8], joints: Array, style: Style = Style()) -> None:
    """Draw a clothed figure through the 14 joints, in place."""
    unit = float(np.hypot(*(joints[12] - (joints[2] + joints[3]) / 2)))
    r = 0.1 * unit * style.bulk
    for hip, knee, ankle in ((2, 1, 0), (3, 4, 5)):
        toe = joints[ankle] + np.array([(-0.1 if hip == 2 else 0.1) * unit, 0.07 * unit], np.float32)
        _limb(canvas, joints[ankle], toe, 0.62 * r, 0.5 * r, style.shoes)
        _limb(canvas, joints[hip], joints[knee], 1.25 * r, 0.95 * r, style.trousers)
        _limb(canvas, joints[knee], joints[ankle], 0.95 * r, 0.65 * r, style.trousers)
    hips, neck = (joints[2] + joints[3]) / 2, joints[12]
    _limb(canvas, hips, hips + (neck - hips) * 0.1, 2.1 * r, 2.1 * r, style.trousers)
    corners = np.array([joints[2], joints[8], joints[9], joints[3]])
    spread = corners + (corners - corners.mean(axis=0)) * 0.12
    spread[[0, 3]] += (hips - neck) * -0.05
    cv2.fillConvexPoly(canvas, np.round(spread * (1 << _SHIFT)).astype(np.int32), style.shirt, cv2.LINE_AA, _SHIFT)
    _limb(canvas, joints[8], joints[9], r, r, style.shirt)
    _limb(canvas, hips + (neck - hips) * 0.15, neck - (neck - hips) * 0.2, 1.9 * r, 2.4 * r, style.shirt)
    # The head spans neck to head top.
    top = joints[13]
    _limb(canvas, neck, neck + (top - neck) * 0.35, 0.7 * r, 0.7 * r, style.skin)
    middle = neck + (top - neck) * 0.62
    radius = 0.42 * float(np.hypot(*(top - neck)))
    _disc(canvas, middle + (top - neck) * 0.06, radius * 1.02, style.hair)
    _disc(canvas, middle - (top - neck) * 0.05, radius * 0.9, style.skin)
    side = np.array([-(top - neck)[1], (top - neck)[0]], np.float32)
    for sign in (-1, 1):
        _disc(canvas, middle + sign * side * 0.15, max(1.0, 0.08 * radius), (40, 35, 35))
    _limb(canvas, middle - (top - neck) * 0.2 - side * 0.09, middle - (top - neck) * 0.2 + side * 0.09,
          0.05 * radius, 0.05 * radius, (90, 90, 170))  # fmt: skip
    for shoulder, elbow, wrist in ((8, 7, 6), (9, 10, 11)):
        _limb(canvas, joints[shoulder], joints[elbow], 0.85 * r, 0.68 * r, _shade(style.shirt, 1.08))
        _limb(canvas, joints[elbow], joints[wrist], 0.6 * r, 0.45 * r, style.skin)
        tip = joints[wrist] + (joints[wrist] - joints[elbow]) * 0.18
        _limb(canvas, joints[wrist], tip, 0.5 * r, 0.55 * r, style.skin)


@dataclass(frozen=True, slots=True)
class HandPose:
    """A flat hand: per finger (thumb first) a curl in 0 (straight) .. 1 (folded) and a spread in radians."""

    curl: tuple[float, float, float, float, float] = (0.1, 0.0, 0.0, 0.0, 0.1)
    spread: tuple[float, float, float, float, float] = (0.75, 0.2, 0.02, -0.16, -0.38)
    turn: float = 0.0
    mirrored: bool = False


def hand_pose_at(seconds: float) -> HandPose:
    """The demo's hand: fingers fold one after the other, the hand sways."""
    t = seconds
    curl = tuple(float(np.clip(0.9 * np.sin(0.9 * t - 0.7 * finger), 0, 0.9)) for finger in range(5))
    breathe = 1 + 0.25 * np.sin(0.8 * t)
    base = HandPose().spread
    spread = tuple(float(angle * breathe) for angle in base)
    return HandPose(curl=curl, spread=spread, turn=float(0.3 * np.sin(0.5 * t)))  # type: ignore[arg-type]


_FINGER_BASE = np.array([[0.24, -0.26], [0.26, -0.92], [0.02, -0.98], [-0.2, -0.92], [-0.39, -0.78]], np.float32)
_FINGER_PARTS = np.array(
    [[0.36, 0.3, 0.24], [0.42, 0.27, 0.21], [0.46, 0.3, 0.22], [0.42, 0.28, 0.21], [0.33, 0.21, 0.18]], np.float32
)


def hand_joints(pose: HandPose, origin: tuple[float, float], unit: float) -> Array:
    """The 21 hand joints (21, 2) in pixels, OpenPose order.

    Args:
        origin: the wrist.
        unit: palm length (wrist to middle finger's base) in pixels.
    """
    points = [np.zeros(2, np.float32)]
    for finger in range(5):
        curl, angle = pose.curl[finger], pose.spread[finger]
        at = _FINGER_BASE[finger]
        points.append(at)
        direction = -_turn(-angle)
        for part in range(3):
            # Seen from the front a folding finger first grows shorter, then points back at the palm.
            bend = curl * (0.55, 1.25, 1.9)[part] if finger else curl * (0.1, 0.3, 0.6)[part]
            fold = -1.0 if finger == 0 else 0.0
            step = direction * np.cos(bend * 1.35)
            if finger == 0:
                step = -_turn(-(angle + fold * bend))
            at = at + step * _FINGER_PARTS[finger][part]
            points.append(at)
    hand = np.stack(points).astype(np.float32)
    if pose.mirrored:
        hand[:, 0] *= -1
    c, s = np.cos(pose.turn), np.sin(pose.turn)
    turned: Array = (hand @ np.array([[c, s], [-s, c]], np.float32)) * unit + np.asarray(origin, np.float32)
    return turned.astype(np.float32)


def draw_hand(canvas: NDArray[np.uint8], joints: Array, style: Style = Style()) -> None:
    """Draw a hand with forearm through the 21 joints, in place."""
    unit = float(np.hypot(*(joints[9] - joints[0])))
    r = 0.12 * unit * style.bulk
    wrist = joints[0]
    down = (wrist - joints[9]) / max(unit, 1e-3)
    _limb(canvas, wrist + down * 1.6 * unit, wrist + down * 0.1 * unit, 2.6 * r, 2.1 * r, _shade(style.skin, 0.95))
    palm = np.array([wrist, joints[1], joints[5], joints[9], joints[13], joints[17]])
    outline = cv2.convexHull(palm + (palm - palm.mean(axis=0)) * 0.16)
    cv2.fillConvexPoly(canvas, np.round(outline * (1 << _SHIFT)).astype(np.int32), style.skin, cv2.LINE_AA, _SHIFT)
    _limb(canvas, wrist, joints[9] + down * 0.35 * unit, 2.1 * r, 2.6 * r, style.skin)
    _limb(canvas, wrist + down * -0.1 * unit, joints[1], 1.6 * r, 1.2 * r, style.skin)
    for finger in (4, 3, 2, 1, 0):
        base = 1 + 4 * finger
        width = (1.05, 0.95, 1.0, 0.95, 0.8)[finger] * r
        for part in range(3):
            colour = _shade(style.skin, 0.94 + 0.03 * part)
            a, b = joints[base + part], joints[base + part + 1]
            _limb(canvas, a, b, width * (1 - 0.08 * part), width * (0.92 - 0.08 * part), colour)
        tip = joints[base + 3]
        _disc(canvas, tip, 0.5 * width, _shade(style.skin, 1.15))


def draw_room(width: int, height: int, seconds: float = 0.0) -> NDArray[np.uint8]:
    """The demo's background: a soft wall and floor (height, width, 3)."""
    column = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    wall = np.array([74, 66, 58], np.float32) + column[..., None] * np.array([46, 40, 34], np.float32)
    room = np.repeat(wall, width, axis=1)
    floor = int(height * 0.84)
    room[floor:] = np.array([62, 70, 84], np.float32) * (1 + 0.25 * (column[floor:, :, None] - 0.84) / 0.16)
    return room.astype(np.uint8)
