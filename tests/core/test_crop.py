from __future__ import annotations

import cv2
import numpy as np
import pytest

from cpm_live.core.crop import SHRINK, Crop, cells_to_input, input_to_cells
from cpm_live.core.decode import decode


@pytest.mark.parametrize("crop", [Crop(320.3, 200.7, 410.5, 192), Crop(10.0, 470.0, 77.0, 256), Crop(5, 5, 3, 368)])
def test_round_trip_through_all_three_systems(crop: Crop) -> None:
    points = np.random.default_rng(0).uniform(-50, 700, (40, 2))
    there = crop.to_input(points)
    assert np.abs(crop.to_frame(there) - points).max() < 0.02
    cells = input_to_cells(there, crop.stride)
    assert np.abs(cells_to_input(cells, crop.stride) - there).max() < 0.02
    assert np.abs(crop.cells_to_frame(cells) - points).max() < 0.05


def test_matrix_agrees_with_to_input() -> None:
    crop = Crop(123.4, 56.7, 89.0, 192)
    points = np.array([[100.0, 20.0], [150.0, 80.0]])
    by_matrix = points @ crop.matrix()[:, :2].T + crop.matrix()[:, 2]
    assert np.allclose(by_matrix, crop.to_input(points), atol=1e-3)


def test_gaussian_round_trip_is_below_a_tenth_of_a_pixel() -> None:
    """A joint in the frame, drawn as a target in cells, decoded, and brought back."""
    crop = Crop(300.0, 240.0, 384.0, 192)
    rng = np.random.default_rng(1)
    for _ in range(50):
        joint = rng.uniform(150, 400, 2)
        at = input_to_cells(crop.to_input(joint), 8)
        y, x = np.mgrid[:24, :24]
        belief = np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * 1.2**2))
        found = crop.cells_to_frame(decode(belief)[:2])
        assert np.hypot(*(found - joint)) < 0.1


@pytest.mark.parametrize("side", [96.0, 192.0, 480.0, 1000.0])
def test_extracted_dot_lies_where_to_input_says(side: float) -> None:
    """Real pixels: a bright blob of the frame is found in the crop at the converted place, at any zoom."""
    frame = np.zeros((1080, 1440, 3), np.uint8)
    crop = Crop(700.0, 500.0, side, 192)
    at = np.array([crop.x + 0.21 * side, crop.y - 0.13 * side])
    y, x = np.mgrid[:1080, :1440]
    sigma = side / 24
    blob = 255 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * sigma**2))
    frame[:] = blob[..., None].astype(np.uint8)
    picture = crop.extract(frame)[..., 0].astype(float)
    weights = np.where(picture > 20, picture, 0)
    v, u = np.mgrid[:192, :192]
    centre = np.array([(u * weights).sum(), (v * weights).sum()]) / weights.sum()
    assert np.abs(centre - crop.to_input(at)).max() < 0.15


@pytest.mark.parametrize("side", [200.0, 39000.0])
def test_panoramas_longer_than_opencv_warps(side: float) -> None:
    frame = np.zeros((60, 40000, 3), np.uint8)
    frame[:, 20000:20040] = 255
    crop = Crop(20020.0, 30.0, side, 192)
    picture = crop.extract(frame)
    assert picture.shape == (192, 192, 3) and picture[96, 96].max() > (200 if side == 200.0 else 20)


@pytest.mark.parametrize("x, y", [(41000.0, 30.0), (-900.0, 30.0), (20000.0, 5000.0), (20000.0, -900.0)])
@pytest.mark.parametrize("upright", [False, True])
def test_beside_a_panorama_all_is_grey(x: float, y: float, upright: bool) -> None:
    frame = np.full((60, 40000, 3), 255, np.uint8)
    crop = Crop(y, x, 300.0, 64) if upright else Crop(x, y, 300.0, 64)
    picture = crop.extract(frame.transpose(1, 0, 2) if upright else frame)
    assert picture.shape == (64, 64, 3) and (picture == 128).all()


@pytest.mark.parametrize("x, y", [(300.0, 200.0), (3.0, 470.0), (639.0, 2.0), (-500.0, 200.0), (5000.0, 5000.0)])
@pytest.mark.parametrize("side", [150.0, 700.0, 1900.0])
def test_shrinking_takes_only_the_part_it_shows_and_changes_nothing(x: float, y: float, side: float) -> None:
    rng = np.random.default_rng(2)
    frame = np.asarray(cv2.resize(rng.integers(0, 255, (61, 81, 3), dtype=np.uint8), (641, 483)), np.uint8)
    crop = Crop(x, y, side, 64)
    # The same with the whole frame halved.
    whole, matrix, scale = frame, crop.matrix(), crop.scale
    while scale < SHRINK:
        height, width = whole.shape[0] // 2, whole.shape[1] // 2
        whole = np.asarray(cv2.resize(whole[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA))
        matrix = np.column_stack([2 * matrix[:, :2], matrix[:, 2] + matrix[:, :2].sum(axis=1) / 2])
        scale *= 2
    expected = cv2.warpAffine(whole, matrix, (64, 64), borderMode=cv2.BORDER_CONSTANT, borderValue=(128,) * 3)
    assert np.abs(crop.extract(frame).astype(int) - expected).max() <= 1


def test_outside_the_frame_is_grey() -> None:
    picture = Crop(0.0, 0.0, 100.0, 192).extract(np.full((50, 50, 3), 255, np.uint8))
    assert (picture[0, 0] == 128).all() and (picture[150, 150] == 255).all()


def test_map_box_covers_the_cells() -> None:
    crop = Crop(320.0, 240.0, 384.0, 192)
    x, y, side, _ = crop.map_box(24)
    # In painting coordinates pixel p spans p..p+1, so the centre of cell 0 is at x + half a cell.
    first = crop.cells_to_frame(np.zeros(2))
    assert x + side / 48 == pytest.approx(first[0] + 0.5, abs=1e-3)
    assert y + side / 48 == pytest.approx(first[1] + 0.5, abs=1e-3)


def test_a_crop_without_size_is_refused() -> None:
    with pytest.raises(ValueError, match="positive side"):
        Crop(0, 0, 0, 192)
    with pytest.raises(ValueError, match="finite"):
        Crop(float("nan"), 0, 10, 192)
