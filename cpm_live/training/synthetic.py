"""Drawn figures and hands as training samples, so that the machine follows the demo too."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.drawing import figures

Image = NDArray[np.uint8]


def _style(rng: np.random.Generator) -> figures.Style:
    def colour() -> figures.Bgr:
        b, g, r = (int(v) for v in rng.integers(20, 235, 3))
        return b, g, r

    tone = rng.uniform(0.4, 1.15)
    skin = tuple(int(np.clip(v * tone + rng.normal(0, 8), 0, 255)) for v in (150, 180, 225))
    if rng.random() < 0.25:
        return figures.Style(bulk=float(rng.uniform(0.9, 1.1)))
    return figures.Style(skin, colour(), colour(), colour(), colour(), float(rng.uniform(0.8, 1.3)))  # type: ignore[arg-type]


def empty_picture(image: Image, joints: NDArray[np.float32], size: int, rng: np.random.Generator) -> Image:
    """A picture (size, size, 3) without anybody: a place beside them, scattered tiles, or a bare room.

    Args:
        joints: (N, 3) of everybody in it.
    """
    kind = rng.random()
    if kind < 0.5:
        points = joints[joints[:, 2] > 0, :2]
        low, high = points.min(axis=0) - 8, points.max(axis=0) + 8
        height, width = image.shape[:2]
        for _ in range(12):
            side = int(rng.uniform(0.25, 0.7) * min(width, height))
            x, y = int(rng.integers(0, width - side + 1)), int(rng.integers(0, height - side + 1))
            if x > high[0] or y > high[1] or x + side < low[0] or y + side < low[1]:
                return _resized(image[y : y + side, x : x + side], size)
    if kind < 0.85:
        # Tiles in random order keep colours and textures but no body.
        tiles = 7
        large = _resized(image, 224).reshape(tiles, 32, tiles, 32, 3).swapaxes(1, 2).reshape(-1, 32, 32, 3)
        mixed = large[rng.permutation(len(large))].reshape(tiles, tiles, 32, 32, 3).swapaxes(1, 2)
        return _resized(np.ascontiguousarray(mixed).reshape(224, 224, 3), size)
    if kind < 0.93:
        return figures.draw_room(size, size)
    return np.full((size, size, 3), rng.integers(0, 256, 3), np.uint8)


def _resized(picture: Image, size: int) -> Image:
    return np.asarray(cv2.resize(picture, (size, size)), np.uint8)


FIGURES = ("body", "hand")
"""Skeletons that figures can be drawn for."""


def draw_sample(
    kind: str, rng: np.random.Generator, other: Callable[[], Image], size: int = 224
) -> tuple[Image, NDArray[np.float32]]:
    """A drawn ``"body"`` or ``"hand"`` over a random background: the picture and its joints (K, 3)."""
    canvas = figures.draw_room(size, size) if rng.random() < 0.4 else _resized(other(), size)
    at = float(rng.uniform(0, 600))
    middle = size / 2 + rng.normal(0, 8)
    if kind == "body":
        pose = figures.body_pose_at(at)
        if rng.random() < 0.5:
            arms = rng.uniform(-0.3, 2.9, 2)
            bends = rng.uniform(-0.4, 2.2, 2)
            pose = figures.BodyPose(
                (float(arms[0]), float(arms[1])), (float(bends[0]), float(bends[1])), pose.hip, pose.knee,
                float(rng.normal(0, 0.2)), float(rng.normal(0, 0.2)),
            )  # fmt: skip
        joints = figures.body_joints(pose, (middle, size * 0.53), size * 0.25)
        figures.draw_body(canvas, joints, _style(rng))
    else:
        hand = figures.hand_pose_at(at)
        if rng.random() < 0.6:
            curl = np.where(rng.random(5) < 0.5, 0.05, rng.uniform(0, 0.9, 5))
            thumb, index, middle_finger, ring, pinky = (float(c) for c in curl)
            curls = (thumb, index, middle_finger, ring, pinky)
            hand = figures.HandPose(curls, hand.spread, float(rng.normal(0, 0.5)), bool(rng.random() < 0.5))
        joints = figures.hand_joints(hand, (middle, size * 0.78), size * 0.3)
        figures.draw_hand(canvas, joints, _style(rng))
    return canvas, np.column_stack([joints, np.full(len(joints), 2, np.float32)]).astype(np.float32)
