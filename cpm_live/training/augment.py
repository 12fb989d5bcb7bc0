"""Augmentation: one random crop of a sample, with colours, mirror, occlusion and cut-off bodies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import PAD_VALUE, SHRINK, halved
from cpm_live.core.skeleton import Skeleton
from cpm_live.training.blur import coarsen, smear
from cpm_live.training.touching import move, touch

Image = NDArray[np.uint8]
Joints = NDArray[np.float32]

UPPER_BODY = ("right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
              "neck", "head_top")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How wild the crops are; shares are probabilities, ranges are drawn from evenly.

    Attributes:
        zoom: crop side over the longer box side.
        shift: crop centre off the box centre, as a share of the crop's side.
        rotation: degrees, the usual range; ``any_rotation`` is the share of samples turned by any angle.
        stretch: how much longer one axis of the sample may become than it was (0.2: a fifth, as a share of its
            length, while the other gets shorter), and how far it may lean: hands and bodies of other shapes.
        cut: share of bodies cut off by the frame's edge, as at a webcam: at chest or hips, or between hips and knees.
        occlusion: share of samples with a rectangle pasted over them.
        low_resolution: share of samples that are shrunk and enlarged again, as those who stand far away are.
        backdrop: share of plain (white, black) backgrounds that are replaced by another picture.
        company: share of samples that a cut-out of some other picture is pasted beside (hands: a second hand).
        smear: share of samples blurred along a line, as what moves fast is.
        longest: of these lines, as a share of the picture; from 0.03, the shortest.
        moving: share of these where the hand alone is blurred and all behind it stands still (hands only).
        coarsest: least share of the side's pixels that ``low_resolution`` leaves; up to 0.9, the largest.
        touch: share of samples with another labelled hand of the set over, under or beside theirs (hands only).
        surround: share of samples that lie in the middle of some other picture, where the crop is larger than theirs.
        astray: standard deviation of the centre that the network is told, as a share of the crop's side.
    """

    zoom: tuple[float, float] = (1.05, 1.75)
    shift: float = 0.12
    rotation: float = 35.0
    any_rotation: float = 0.0
    stretch: float = 0.0
    cut: float = 0.0
    occlusion: float = 0.3
    low_resolution: float = 0.0
    backdrop: float = 0.0
    company: float = 0.0
    smear: float = 0.0
    longest: float = 0.125
    moving: float = 0.0
    coarsest: float = 0.3
    touch: float = 0.0
    surround: float = 0.0
    astray: float = 0.04


@dataclass(frozen=True, slots=True)
class Example:
    """One training example.

    Attributes:
        image: (size, size, 3) uint8 BGR.
        joints: (K, 3) in input pixels; v = 0 not labelled, -1 labelled but outside the picture, 1 or 2 inside.
        centre: (2,) the person's centre in input pixels.
    """

    image: Image
    joints: Joints
    centre: NDArray[np.float32]


def augment(
    image: Image,
    joints: Joints,
    skeleton: Skeleton,
    size: int,
    settings: Augmentation,
    rng: np.random.Generator,
    other: Callable[[], Image],
    another: Callable[[], tuple[Image, Joints]] | None = None,
) -> Example:
    """A random crop of one labelled person.

    Args:
        other: gives some other picture, for backdrops and occluders.
        another: gives somebody else of the set, picture and joints, for ``touch``.
    """
    if rng.random() < settings.backdrop:
        image = replace_backdrop(image, other(), rng)
    labelled = joints[:, 2] > 0
    chosen = labelled.copy()
    edge: float | None = None
    standing = False
    if rng.random() < settings.cut:
        upper = np.array([name in UPPER_BODY for name in skeleton.joints])
        if (labelled & upper).sum() >= 5:
            hips, knees = _named(skeleton, "hip"), _named(skeleton, "knee")
            standing = bool(labelled[hips].any() and labelled[knees].any() and rng.random() < 0.5)
            chosen = labelled & (upper | np.isin(np.arange(len(joints)), hips) if standing else upper)
            edge = float(rng.uniform(-0.15, 0.5))
    points = joints[chosen, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    side = float(max(*(high - low), 12.0))
    middle = (low + high) / 2

    angle = rng.uniform(-settings.rotation, settings.rotation)
    if rng.random() < settings.any_rotation:
        angle = rng.uniform(-180, 180)
    zoom = size / (side * rng.uniform(*settings.zoom))
    mirror = rng.random() < 0.5
    radians = np.deg2rad(angle)
    c, s = zoom * np.cos(radians), zoom * np.sin(radians)
    linear = np.array([[c, s], [-s, c]])
    if mirror:
        linear = np.diag([-1.0, 1.0]) @ linear
    # Chances are only drawn where a share is set: a run without them goes on as it began.
    if settings.stretch:
        longer = np.exp(rng.uniform(-1, 1) * np.log1p(settings.stretch))
        linear = linear @ np.array([[longer, rng.uniform(-1, 1) * settings.stretch], [0, 1 / longer]])
    target = (size - 1) / 2 + rng.uniform(-settings.shift, settings.shift, 2) * size
    offset = target - linear @ middle
    border = cv2.BORDER_REPLICATE if rng.random() < 0.15 else cv2.BORDER_CONSTANT
    matrix = np.column_stack([linear, offset])
    # As often as Crop.extract does.
    while np.sqrt(abs(np.linalg.det(matrix[:, :2]))) < SHRINK and min(image.shape[:2]) > 4:
        image, matrix = halved(image, matrix)
    around = None
    if settings.surround and rng.random() < settings.surround:
        around, border = cv2.resize(other(), (size, size)), cv2.BORDER_TRANSPARENT
    warped = cv2.warpAffine(
        image, matrix, (size, size), around, cv2.INTER_LINEAR, borderMode=border, borderValue=(PAD_VALUE,) * 3
    )
    picture: Image = np.asarray(warped, np.uint8)
    moved = joints.copy()
    moved[:, :2] = joints[:, :2] @ linear.T + offset
    moved[~labelled, :2] = 0
    if mirror:
        moved = moved[list(skeleton.flip)]
    # Before those outside are marked: they have a place, while labels of "not in the picture" (``absent``) have none.
    placed = moved.copy()

    visible = np.array([0.0, 0.0, size, size])
    if edge is not None:
        # The frame ends below the chest or, of who stands, between hips and knees; sometimes also at a side.
        names = skeleton.joints
        torso = moved[[names.index(name) for name in ("right_shoulder", "left_shoulder", "neck") if name in names]]
        torso = torso[torso[:, 2] > 0, 1]
        base = float(torso.mean()) if len(torso) else size / 2
        end = base + (0.25 + edge + 0.15) * side * zoom
        if standing:
            hip, knee = (moved[part][moved[part, 2] > 0, 1] for part in (hips, knees))
            if knee.min() > hip.max() + 0.04 * size:
                end = rng.uniform(hip.max() + 0.02 * size, knee.min())
        visible[3] = np.clip(end, size * 0.3, size)
        picture[int(visible[3]) :] = PAD_VALUE
        if rng.random() < 0.25:
            visible[0] = rng.uniform(0, 0.25) * size
            picture[:, : int(visible[0])] = PAD_VALUE
        if rng.random() < 0.25:
            visible[2] = rng.uniform(0.75, 1) * size
            picture[:, int(visible[2]) :] = PAD_VALUE
    x, y = moved[:, 0], moved[:, 1]
    outside = (x < visible[0]) | (y < visible[1]) | (x > visible[2] - 1) | (y > visible[3] - 1)
    moved[(moved[:, 2] > 0) & outside, 2] = -1

    inside = moved[moved[:, 2] > 0, :2]
    centre = (inside.min(axis=0) + inside.max(axis=0)) / 2 if len(inside) else target
    centre = centre + rng.normal(0, settings.astray * size, 2)
    if settings.company and rng.random() < settings.company:
        _accompany(picture, target, side * zoom, rng, other)
    if settings.touch and another is not None and rng.random() < settings.touch:
        picture = touch(picture, placed, skeleton, *another(), rng)
    if rng.random() < settings.occlusion:
        _occlude(picture, rng, other)
    if settings.smear and rng.random() < settings.smear:
        length = int(rng.uniform(0.03, settings.longest) * size)
        moves = settings.moving and rng.random() < settings.moving
        picture = move(picture, placed, skeleton, length, rng) if moves else smear(picture, length, rng)
    if settings.low_resolution and rng.random() < settings.low_resolution:
        picture = coarsen(picture, settings.coarsest, rng)
    return Example(recolour(picture, rng), moved, centre.astype(np.float32))


def _named(skeleton: Skeleton, part: str) -> list[int]:
    """The joints whose name ends in ``part``: both sides' hips, say."""
    return [number for number, name in enumerate(skeleton.joints) if name.endswith(part)]


def recolour_empty(picture: Image, skeleton: Skeleton, rng: np.random.Generator) -> Example:
    """An example where nobody is: every map of a joint is asked to be empty."""
    joints = np.zeros((len(skeleton), 3), np.float32)
    joints[:, 2] = -1
    centre = rng.uniform(0.3, 0.7, 2) * len(picture)
    return Example(recolour(picture, rng), joints, centre.astype(np.float32))


def _occlude(picture: Image, rng: np.random.Generator, other: Callable[[], Image]) -> None:
    size = len(picture)
    w, h = (int(v) for v in rng.uniform(0.08, 0.3, 2) * size)
    x, y = int(rng.uniform(0, size - w)), int(rng.uniform(0, size - h))
    patch = picture[y : y + h, x : x + w]
    if rng.random() < 0.5:
        patch[:] = rng.integers(0, 256, 3)
    else:
        patch[:] = cv2.resize(other(), (w, h))


def _accompany(
    picture: Image, middle: NDArray[np.floating], side: float, rng: np.random.Generator, other: Callable[[], Image]
) -> None:
    """Paste what stands before a plain background beside somebody (``side`` px large), or over their edge.

    The centre map says who is meant; a network that never sees two hands takes any finger for the one's.
    """
    image = other()
    matte = cut_out(image)
    if matte is None:
        return
    size = len(picture)
    scale = side * rng.uniform(0.7, 1.3) / max(image.shape[:2])
    matrix = cv2.getRotationMatrix2D((image.shape[1] / 2, image.shape[0] / 2), rng.uniform(0, 360), scale)
    way = rng.uniform(0, 2 * np.pi)
    at = middle + rng.uniform(0.5, 1.1) * side * np.array([np.cos(way), np.sin(way)])
    matrix[:, 2] += at - (image.shape[1] / 2, image.shape[0] / 2)
    alpha = np.asarray(cv2.warpAffine(matte, matrix, (size, size)), np.float32)
    pasted = np.asarray(cv2.warpAffine(image, matrix, (size, size)), np.uint8)
    picture[:] = cv2.blendLinear(picture, pasted, 1 - alpha, alpha)


def recolour(picture: Image, rng: np.random.Generator) -> Image:
    """Brightness, contrast, tint, grey, blur, noise: as cheap cameras and rooms do."""
    gain = rng.uniform(0.65, 1.35) * rng.uniform(0.88, 1.12, 3)
    shift = rng.uniform(-25, 25)
    mean = sum(cv2.mean(picture)[:3]) / 3
    # What happens to each value alone is one table per channel: far quicker than arithmetic on all pixels.
    table = (np.arange(256)[:, None] - mean) * gain + mean + shift
    if rng.random() < 0.2:
        gamma = rng.uniform(0.6, 1.6)
        table = 255 * np.power(np.clip(table, 0, 255) / 255, gamma)
    out = np.asarray(cv2.LUT(picture, np.clip(table, 0, 255).astype(np.uint8)[None]), np.uint8)
    if rng.random() < 0.1:
        out = np.asarray(cv2.transform(out, np.full((3, 3), 1 / 3, np.float32)), np.uint8)
    if rng.random() < 0.15:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), rng.uniform(0.5, 2.0)), np.uint8)
    elif rng.random() < 0.1:
        length = int(rng.integers(3, 10))
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1 / length
        turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1)
        out = np.asarray(cv2.filter2D(out, -1, cv2.warpAffine(kernel, turn, (length, length))), np.uint8)
    if rng.random() < 0.2:
        noise = rng.standard_normal(out.shape, np.float32) * np.float32(rng.uniform(2, 10))
        out = np.clip(out + noise, 0, 255).astype(np.uint8)
    return out


def replace_backdrop(image: Image, backdrop: Image, rng: np.random.Generator) -> Image:
    """Put another picture behind what stands before a plain white or black background.

    Returns the image as it was where its border is not plain.
    """
    matte = cut_out(image)
    if matte is None:
        return image
    behind = np.asarray(cv2.resize(backdrop, image.shape[1::-1]), np.uint8)
    if rng.random() < 0.5:
        behind = np.asarray(cv2.GaussianBlur(behind, (0, 0), rng.uniform(1, 4)), np.uint8)
    return np.asarray(cv2.blendLinear(image, behind, matte, 1 - matte), np.uint8)


def cut_out(image: Image) -> NDArray[np.float32] | None:
    """What stands before a plain white or black background: (H, W) in 0..1; None where the border is not plain."""
    border = np.concatenate([image[:3].reshape(-1, 3), image[:, :3].reshape(-1, 3), image[:, -3:].reshape(-1, 3)])
    median = np.median(border, axis=0)
    dark = median.max() < 30
    bright = median.min() > 120 and np.ptp(median) < 30
    if not (dark or bright):
        return None
    plain = np.abs(border.astype(np.int16) - median).max(axis=1) < 22
    if plain.mean() < 0.6:
        return None
    blue, green, red = cv2.split(cv2.absdiff(image, np.append(median, 0.0)))
    distance = cv2.max(cv2.max(blue, green), red)
    mask = np.asarray(cv2.threshold(distance, 18 if dark else 34, 1, cv2.THRESH_BINARY)[1], np.uint8)
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)), np.uint8)
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)), np.uint8)
    if not 0.05 < mask.mean() < 0.8:
        return None
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0), np.float32)
