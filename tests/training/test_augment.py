"""What augmentation does to pixels: blur, noise, mirrors and plain backgrounds."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cpm_live.core.skeleton import BODY
from cpm_live.training.augment import Augmentation, augment, cut_out, recolour
from cpm_live.training.blur import smear
from tests.training.common import backdrop


@pytest.mark.parametrize("length", [3, 6, 11, 24])
def test_a_smear_is_a_line_of_its_length_that_stays_in_its_place(length: int) -> None:
    picture = np.full((96, 120, 3), 20, np.uint8)
    picture[46:50, 58:62] = 250
    for seed in range(12):
        out = smear(picture, length, np.random.default_rng(seed))
        assert out.shape == picture.shape and out.dtype == np.uint8
        light = out[..., 0].astype(float) - 20
        assert light.sum() == pytest.approx(16 * 230, rel=0.01)
        rows, columns = np.mgrid[:96, :120]
        middle = np.array([(light * rows).sum(), (light * columns).sum()]) / light.sum()
        # Its joints are not moved with it.
        assert np.abs(middle - (47.5, 59.5)).max() <= 0.75
        away = np.stack([rows - middle[0], columns - middle[1]])
        spread = np.linalg.eigvalsh(np.einsum("ihw,jhw,hw->ij", away, away, light) / light.sum())
        # A line's variance is its length squared over twelve; across it, only the square's own is left.
        dot = 15 / 12
        assert spread[0] == pytest.approx(dot, abs=0.9)
        assert np.sqrt(12 * max(0, spread[1] - dot)) == pytest.approx(length, abs=2)


def test_noise_is_as_strong_as_asked_and_even() -> None:
    flat = np.full((160, 160, 3), 128, np.uint8)
    strengths = []
    for seed in range(300):
        out = recolour(flat, np.random.default_rng(seed)).astype(float)
        if out[..., 0].std() > 0.5:
            strengths.append(float(out[..., 0].std()))
            # Nothing lasting: no channel is brighter in one half than in the other.
            assert abs(out[:80].mean() - out[80:].mean()) < 0.4
    assert 30 < len(strengths) < 90, "a fifth of the pictures have noise"
    assert min(strengths) > 1.8 and max(strengths) < 10.5


@pytest.mark.parametrize("background", [(250, 248, 245), (5, 9, 12)])
def test_what_stands_before_a_plain_background_is_cut_out(background: tuple[int, int, int]) -> None:
    picture = np.full((120, 120, 3), background, np.uint8)
    # Only one channel differs by much: any of the three tells.
    picture[30:80, 40:90] = (background[0], background[1], 130)
    matte = cut_out(picture)
    assert matte is not None and matte.shape == (120, 120)
    assert matte[40:70, 50:80].min() > 0.95 and matte[:20].max() < 0.05 and matte[:, :30].max() < 0.05
    assert cut_out(np.random.default_rng(0).integers(0, 255, (120, 120, 3), np.uint8)) is None


def test_a_mirrored_sample_exchanges_left_and_right() -> None:
    """Whoever faces us has their right hand at the picture's left, in a mirror, too."""
    left, right = BODY.index("left_wrist"), BODY.index("right_wrist")
    joints = np.zeros((14, 3), np.float32)
    joints[right], joints[left], joints[12] = (60, 100, 2), (140, 100, 2), (100, 60, 2)
    picture = np.zeros((200, 200, 3), np.uint8)
    cv2.circle(picture, (140, 100), 6, (255, 255, 255), -1)  # the left hand's, which a mirror makes the right one's
    settings, lit = Augmentation(zoom=(1.6, 1.6), shift=0, rotation=0, occlusion=0), set()
    for seed in range(12):
        example = augment(picture, joints, BODY, 96, settings, np.random.default_rng(seed), backdrop)
        at = example.joints[:, :2].round().astype(int)
        assert at[right, 0] < at[left, 0]
        light = [example.image[at[joint, 1], at[joint, 0]].mean() for joint in (right, left)]
        lit.add(bool(light[0] > light[1]))
    assert lit == {True, False}, "half of them are mirrored"
