"""The finder's maps: sizes there and back, peaks, and one find per person."""

from __future__ import annotations

import numpy as np
import pytest

from cpm_live.core import finder_maps


def _maps(cells: int = 16) -> np.ndarray:
    return np.zeros((finder_maps.MAPS, cells, cells), np.float32)


def _put(maps: np.ndarray, kind: int, x: float, y: float, peak: float, share: float, side: float = 0.0) -> None:
    v, u = np.mgrid[: maps.shape[1], : maps.shape[2]]
    blob = peak * np.exp(-((u - x) ** 2 + (v - y) ** 2) / 2)
    maps[kind] = np.maximum(maps[kind], blob)
    near = blob > 0.2 * peak
    maps[finder_maps.SIZES + kind][near] = finder_maps.size_to_map(share)
    maps[finder_maps.SIDE][near] = side


@pytest.mark.parametrize("share", [0.04, 0.25, 1.0, 1.3])
def test_sizes_there_and_back(share: float) -> None:
    assert finder_maps.map_to_size(finder_maps.size_to_map(share)) == pytest.approx(share)


def test_peaks_are_local_maxima_strongest_first_and_between_cells() -> None:
    maps = _maps()
    _put(maps, 0, 4.4, 5.0, 0.7, 0.3)
    _put(maps, 0, 12.0, 10.0, 0.9, 0.3)
    found = list(finder_maps.peaks(maps[0], 0.3))
    assert [round(peak[4], 1) for peak in found] == [0.9, 0.6]
    assert found[1][2:4] == pytest.approx((4.3, 5.0), abs=0.15)
    assert list(finder_maps.peaks(maps[0], 0.95)) == []


def test_finds_are_in_input_pixels_and_one_per_person() -> None:
    maps = _maps()
    _put(maps, 0, 4, 8, 0.9, 0.5)
    _put(maps, 0, 6.5, 8, 0.6, 0.5)  # two cells off in a box of eight: the same person
    _put(maps, 1, 12, 3, 0.8, 0.1, side=-0.9)
    person, hand = finder_maps.read_maps(maps, 8, 0.3)
    assert (person.kind, hand.kind) == (0, 1)
    assert (person.x, person.y) == pytest.approx((35.5, 67.5), abs=2) and person.size == pytest.approx(64)
    assert (hand.x, hand.y) == pytest.approx((99.5, 27.5), abs=1) and hand.size == pytest.approx(12.8)
    assert hand.side == pytest.approx(-0.9)


def test_people_side_by_side_are_two() -> None:
    maps = _maps()
    _put(maps, 0, 4, 8, 0.9, 0.3)
    _put(maps, 0, 9, 8, 0.6, 0.3)
    assert len(finder_maps.read_maps(maps, 8, 0.3)) == 2
