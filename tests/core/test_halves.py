"""Large pictures that stand still are halved once; what is seen of them is the same."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from cpm_live.core import crop as crops
from cpm_live.core import halves
from cpm_live.core.crop import Crop

Image = NDArray[np.uint8]


@pytest.fixture
def halved(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The pixels of everything that is halved."""
    sizes: list[int] = []
    half = halves.half

    def count(picture: Image) -> Image:
        sizes.append(picture.shape[0] * picture.shape[1])
        return half(picture)

    monkeypatch.setattr(halves, "half", count)
    monkeypatch.setattr(crops, "half", count)
    yield sizes


def _picture(height: int = 2003, width: int = 3001, still: bool = True) -> Image:
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    picture.flags.writeable = not still
    return picture


def _crops(picture: Image) -> list[Crop]:
    """Over and beyond all edges, of people of all sizes."""
    rng, (height, width) = np.random.default_rng(1), picture.shape[:2]
    return [
        Crop(float(rng.uniform(-300, width + 300)), float(rng.uniform(-300, height + 300)), float(side), 96)
        for side in rng.uniform(300, 1.5 * width, 40)
    ]


def test_what_stands_still_is_halved_once_and_seen_as_before(halved: list[int]) -> None:
    still, written = _picture(), _picture(still=False)
    expected = [crop.extract(written) for crop in _crops(written)]
    # Whoever may write to it may have.
    assert sum(halved) > 4 * written.shape[0] * written.shape[1]
    halved.clear()
    for _ in range(3):
        for crop, before in zip(_crops(still), expected, strict=True):
            assert np.array_equal(crop.extract(still), before)
    # Parts of it at first: twice as much as the whole, and what they are halved to.
    assert sum(halved) < (2 + 1) * 4 / 3 * 1.1 * still.shape[0] * still.shape[1]
    halved.clear()
    for crop in _crops(still):
        crop.extract(still)
    assert halved == []


def test_frames_of_a_film_are_not_halved_whole(halved: list[int]) -> None:
    """Each is looked at once or twice, and mostly in parts."""
    for _ in range(4):
        frame = _picture(2160, 3840)
        Crop(1900.0, 1000.0, 1500.0, 192).extract(frame)
        Crop(1900.0, 1000.0, 1500.0, 100).extract(frame)
        assert max(halved) < 0.5 * 2160 * 3840


def test_halves_go_with_their_picture() -> None:
    picture = _picture()
    for _ in range(4):
        Crop(1500.0, 1000.0, 3000.0, 96).extract(picture)
    half = halves.HALVES.of(picture, 1, 1)
    assert half is not None
    gone = weakref.ref(half)
    del half, picture
    assert gone() is None


def test_small_pictures_are_not_remembered() -> None:
    picture = _picture(480, 640)
    assert all(halves.HALVES.of(picture, 1, 1e9) is None for _ in range(3))
