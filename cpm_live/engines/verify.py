"""Whether an engine believes what the float32 network believes: before it is used, and in the contract tests."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.core.decode import decode
from cpm_live.network.presets import Preset

LIMITS = {"fp32": 1e-4, "fp16": 0.03, "bf16": 0.5}
"""Largest difference of beliefs by precision. (An H200 in fp16 is 0.022 off in the worst of 155,520 beliefs of the
body, torch's fp16 on a CPU 0.017: the trunk's rounding. The joints hardly move for it. bfloat16 has three bits less,
and 0.38 is its worst: so much tells a network that is not ours, not how good this one is. For that see PCK.)"""
JOINT_LIMITS = {"fp32": 0.25, "fp16": 0.5, "bf16": 48.0}
"""Largest distance in input pixels of a joint whose peak belief is above ``SURE``, by precision. (An H200 in fp16 moves
one of 109 joints by 0.254 px; half a pixel is a sixteenth of a cell. In bfloat16 one in a hundred joints, of which two
places are as likely, changes places.)"""
SURE = 0.1


@dataclass(frozen=True, slots=True)
class Check:
    """How far an engine is from the reference.

    Attributes:
        beliefs: largest difference of beliefs; of values beyond 1, as a share of them.
        joints: largest distance of a joint, in input pixels.
        compared: so many joints were sure enough to be compared.
    """

    beliefs: float
    joints: float
    compared: int

    def passed(self, precision: str) -> bool:
        """Whether both are within the limits."""
        return self.beliefs < LIMITS[precision] and self.joints < JOINT_LIMITS[precision]

    def line(self, precision: str) -> str:
        """In words."""
        return (
            f"beliefs differ by {self.beliefs:.2g} at most (limit {LIMITS[precision]:g}), "
            f"joints by {self.joints:.2g} px (limit {JOINT_LIMITS[precision]:g}, {self.compared} compared)"
        )


def compare(ours: NDArray[np.float32], theirs: NDArray[np.float32], joints: int, stride: int) -> Check:
    """Beliefs (N, T, maps, h, w) of an engine against the reference's."""
    if ours.shape != theirs.shape:
        raise ValueError(f"the engine's beliefs are {ours.shape}, the reference's {theirs.shape}")
    if not np.isfinite(ours).all():
        return Check(float("inf"), float("inf"), 0)
    a, b = decode(ours[:, :, :joints]), decode(theirs[:, :, :joints])
    # Two cells with nearly the same belief may change places without anything being wrong.
    sure = (b[..., 2] > SURE) & _alone(theirs[:, :, :joints])
    far = np.hypot(*np.moveaxis((a - b)[..., :2][sure], -1, 0)) * stride
    # The finder's maps of sizes reach beyond 1, and so does what rounding does to them.
    off = np.abs(ours - theirs) / np.maximum(1, np.abs(theirs))
    return Check(float(off.max()), float(far.max(initial=0)), int(sure.sum()))


def _alone(maps: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether a map (..., h, w) has one highest cell: by more than two cells may be off in fp16, each its own way."""
    flat = maps.reshape(*maps.shape[:-2], -1)
    second, first = np.moveaxis(np.partition(flat, -2, axis=-1)[..., -2:], -1, 0)
    alone: NDArray[np.bool_] = first - second > 2 * LIMITS["fp16"]
    return alone


Strokes = tuple[tuple[float, float, float, float, float, tuple[int, int, int]], ...]
"""Each from (x, y) to (x, y) with a width, all in shares of the picture, and a BGR colour."""

_SKIN, _SHIRT, _TROUSERS = (140, 170, 225), (150, 80, 60), (70, 60, 50)
_BODY: Strokes = (
    (0.46, 0.60, 0.44, 0.74, 0.055, _TROUSERS), (0.44, 0.74, 0.43, 0.90, 0.045, _TROUSERS),
    (0.54, 0.60, 0.56, 0.74, 0.055, _TROUSERS), (0.56, 0.74, 0.57, 0.90, 0.045, _TROUSERS),
    (0.50, 0.32, 0.50, 0.56, 0.15, _SHIRT), (0.43, 0.31, 0.36, 0.43, 0.045, _SHIRT),
    (0.36, 0.43, 0.33, 0.56, 0.035, _SKIN), (0.57, 0.31, 0.64, 0.43, 0.045, _SHIRT),
    (0.64, 0.43, 0.67, 0.56, 0.035, _SKIN), (0.50, 0.22, 0.50, 0.30, 0.04, _SKIN),
    (0.50, 0.16, 0.50, 0.19, 0.085, _SKIN),
)  # fmt: skip
_HAND: Strokes = (
    (0.50, 0.95, 0.50, 0.75, 0.14, _SKIN), (0.46, 0.62, 0.56, 0.62, 0.22, _SKIN),
    (0.38, 0.66, 0.24, 0.50, 0.07, _SKIN), (0.40, 0.52, 0.36, 0.25, 0.06, _SKIN),
    (0.48, 0.50, 0.48, 0.18, 0.06, _SKIN), (0.56, 0.51, 0.59, 0.22, 0.06, _SKIN),
    (0.64, 0.54, 0.70, 0.32, 0.055, _SKIN),
)  # fmt: skip


def _draw(scene: NDArray[np.uint8], strokes: Strokes, rng: np.random.Generator, scale: float) -> None:
    """Strokes a little out of place, so that no two pictures are alike; ``scale`` of their size."""
    size = len(scene)
    shift = rng.uniform(-0.03, 0.03, 2)
    for x0, y0, x1, y1, width, colour in strokes:
        ends = ((0.5 + scale * (np.array([[x0, y0], [x1, y1]]) - 0.5) + shift) * size).round().astype(int).tolist()
        cv2.line(scene, ends[0], ends[1], colour, max(1, round(scale * width * size)), cv2.LINE_AA)


def pictures(count: int, preset: Preset) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Pictures (N, 3, size, size) of a drawn figure or hand over waves and noise, and centres (N, 2) in and off
    the middle: something that the networks see joints in."""
    size = preset.size
    # The finder's peaks of who is large are flat: whose cell is the highest would say nothing.
    scales = (0.7, 0.4) if preset.finds else (1.0,)
    rng = np.random.default_rng(0)
    v, u = np.mgrid[:size, :size] / size
    out = np.empty((count, 3, size, size), np.uint8)
    for n in range(count):
        waves = rng.uniform(-12, 12, (3, 4, 2))
        field = np.cos(waves[..., 0, None, None] * u + waves[..., 1, None, None] * v + n).sum(axis=1)
        x, y, r = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8), rng.uniform(0.05, 0.2)
        disc = ((u - x) ** 2 + (v - y) ** 2 < r**2) * rng.uniform(-60, 60)
        back = np.clip(128 + 18 * field + disc, 0, 255).astype(np.uint8)
        scene = np.ascontiguousarray(back.transpose(1, 2, 0))
        _draw(scene, _HAND if n % 2 else _BODY, rng, scales[n // 2 % len(scales)])
        out[n] = np.clip(scene.transpose(2, 0, 1) + rng.normal(0, 4, (3, size, size)), 0, 255)
    middle = (size - 1) / 2
    centres = middle + rng.uniform(-0.1, 0.1, (count, 2)) * size
    centres[0] = middle
    return out, centres.astype(np.float32)
