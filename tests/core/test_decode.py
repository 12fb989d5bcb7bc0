from __future__ import annotations

import numpy as np

from cpm_live.core.decode import decode


def _gaussian(x: float, y: float, sigma: float = 1.2, size: int = 24) -> np.ndarray:
    v, u = np.mgrid[:size, :size]
    return np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * sigma**2)).astype(np.float32)


def test_peaks_are_found_between_cells() -> None:
    rng = np.random.default_rng(0)
    at = rng.uniform(2, 21, (2, 3, 5, 2))
    maps = np.stack([_gaussian(*p) for p in at.reshape(-1, 2)]).reshape(2, 3, 5, 24, 24)
    found = decode(maps)
    assert found.shape == (2, 3, 5, 3)
    assert np.abs(found[..., :2] - at).max() < 0.02
    assert (found[..., 2] > 0.8).all()


def test_borders_and_flat_maps_stay_inside() -> None:
    for x, y in ((0, 0), (23, 23), (0, 12), (23, 1)):
        found = decode(_gaussian(x, y))
        assert abs(found[0] - x) <= 1e-3 and abs(found[1] - y) <= 1e-3
    # Beyond the first cell's middle nobody knows how far: half a cell outwards would be further off.
    found = decode(_gaussian(0.3, 10.2))
    assert found[0] == 0 and abs(found[1] - 10.2) < 0.02
    found = decode(_gaussian(12.6, 22.8))
    assert abs(found[0] - 12.6) < 0.02 and found[1] == 23
    flat = decode(np.zeros((24, 24)))
    assert np.isfinite(flat).all() and flat[2] == 0
    assert decode(np.full((24, 24), -3.0))[2] == 0
    assert decode(_gaussian(5, 5) * 1.7)[2] == 1


def test_maps_need_not_be_square() -> None:
    found = decode(_gaussian(15.3, 4.6)[:10])
    assert np.abs(found[:2] - (15.3, 4.6)).max() < 0.02
