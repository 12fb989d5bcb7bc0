"""Hands that touch, and hands that move: what a webcam shows and pictures of single still hands do not.

Nobody has cut these hands out of their pictures; their labelled bones say well enough where they are.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.core.skeleton import Skeleton
from cpm_live.training.blur import smear

Image = NDArray[np.uint8]
Joints = NDArray[np.float32]
Matte = NDArray[np.float32]
"""(H, W) in 0..1: how much of a pixel is the hand's."""

_WRIST, _KNUCKLES, _PALM = 0, (5, 9, 13, 17), (0, 1, 2, 5, 9, 13, 17)
_FINGER, _ARM = 0.26, 0.6
"""Thickness of fingers and forearm, over the length of the palm."""


def silhouette(joints: Joints, skeleton: Skeleton, shape: tuple[int, int], arm: float = 1.0) -> Matte | None:
    """Where a labelled hand is: its fingers, its palm and some of the forearm.

    Args:
        joints: (21, 3), v > 0 for those with a place; they may lie outside of the picture.
        shape: height and width of the picture.
        arm: length of the forearm that is shown, over that of the palm.

    Returns:
        None where joints are missing that this takes, or of another skeleton.
    """
    if skeleton.name != "hand" or (joints[:, 2] <= 0).any():
        return None
    points = joints[:, :2]
    away = points[_WRIST] - points[list(_KNUCKLES)].mean(axis=0)
    length = float(np.hypot(*away))
    # Seen from its end a palm is short; its fingers are as thick as ever.
    palm = max(length, 0.35 * float(np.ptp(points, axis=0).max()))
    end = points[_WRIST] + arm * palm * away / max(1e-6, length)
    whole = np.clip(np.round(np.vstack([points, end])), -4000, 4000).astype(np.int32)
    mask = np.zeros(shape, np.uint8)
    thick = max(1, round(_FINGER * palm))
    for a, b in skeleton.limbs:
        cv2.line(mask, tuple(whole[a]), tuple(whole[b]), 255, thick, cv2.LINE_AA)
    hull = cv2.convexHull(whole[list(_PALM)])
    cv2.fillPoly(mask, [hull], 255)
    cv2.polylines(mask, [hull], True, 255, thick, cv2.LINE_AA)
    cv2.line(mask, tuple(whole[_WRIST]), tuple(whole[-1]), 255, max(1, round(_ARM * palm)), cv2.LINE_AA)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.6, 0.03 * palm))
    return np.asarray(soft, np.float32) / np.float32(255)


def touch(
    picture: Image, joints: Joints, skeleton: Skeleton, image: Image, theirs: Joints, rng: np.random.Generator
) -> Image:
    """Another hand over, under or beside the one that is meant; the centre map says which that is.

    Args:
        joints: of the one that is meant, in the picture.
        image, theirs: the other one's picture and joints.

    Returns:
        A new picture; the same one where either has too few labels.
    """
    size = picture.shape[:2]
    own = silhouette(joints, skeleton, size)
    if own is None:
        return picture
    low, high = joints[:, :2].min(axis=0), joints[:, :2].max(axis=0)
    side = float((high - low).max())
    their_low, their_high = theirs[:, :2].min(axis=0), theirs[:, :2].max(axis=0)
    scale = side * rng.uniform(0.75, 1.3) / max(1.0, float((their_high - their_low).max()))
    angle = rng.uniform(-np.pi, np.pi)
    linear = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    if rng.random() < 0.5:
        linear = linear @ np.diag([-1.0, 1.0])
    way, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 1.1) * side
    at = (low + high) / 2 + far * np.array([np.cos(way), np.sin(way)])
    matrix = np.column_stack([linear, at - linear @ ((their_low + their_high) / 2)])
    placed = theirs.copy()
    placed[:, :2] = theirs[:, :2] @ linear.T + matrix[:, 2]
    alpha = silhouette(placed, skeleton, size, rng.uniform(0.5, 2.5))
    if alpha is None:
        return picture
    pasted = np.asarray(cv2.warpAffine(image, matrix, size[::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)
    covered = float((own * alpha).sum() / max(1.0, float(own.sum())))
    if covered > 0.5 or rng.random() < 0.5:
        alpha = alpha * (1 - own)
    if rng.random() < 0.6:
        pasted = _like(pasted, alpha, picture, own)
    return np.asarray(cv2.blendLinear(picture, pasted, 1 - alpha, alpha), np.uint8)


def move(picture: Image, joints: Joints, skeleton: Skeleton, length: int, rng: np.random.Generator) -> Image:
    """The hand blurred along a line ``length`` pixels long, before a background that stands still.

    Everything is blurred where the hand's place is not known.
    """
    matte = silhouette(joints, skeleton, picture.shape[:2], rng.uniform(0.5, 3))
    if matte is None:
        return smear(picture, length, rng)
    alpha = np.asarray(np.round(matte * 255), np.uint8)
    with_alpha = np.dstack([picture, np.full(alpha.shape, 255, np.uint8)])
    hand = smear(np.asarray(cv2.multiply(with_alpha, cv2.merge([alpha] * 4), scale=1 / 255), np.uint8), length, rng)
    left = 255 - hand[..., 3]
    behind = cv2.multiply(picture, cv2.merge([left] * 3), scale=1 / 255)
    return np.asarray(cv2.add(hand[..., :3], behind), np.uint8)


def _like(image: Image, matte: Matte, model: Image, place: Matte) -> Image:
    """The image with the mean colour under its matte as that of the model under its own: the same person's hand."""
    masks = [np.asarray(where > 0.5, np.uint8) for where in (matte, place)]
    if not all(mask.any() for mask in masks):
        # The mean of nothing is black, and the other hand would be painted black, or what shows of it white.
        return image
    there, here = (cv2.mean(picture, mask)[:3] for picture, mask in zip((image, model), masks, strict=True))
    table = np.arange(256)[:, None] + np.subtract(here, there)
    return np.asarray(cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8)[None]), np.uint8)
