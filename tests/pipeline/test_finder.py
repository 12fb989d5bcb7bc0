"""The finder: from a whole frame to places in frame pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cpm_live.core import finder_maps
from cpm_live.core.crop import Crop
from cpm_live.core.errors import InputError
from cpm_live.engines import recipe as recipes
from cpm_live.engines.base import Looked
from cpm_live.engines.look import look_on_cpu
from cpm_live.network.presets import PRESETS
from cpm_live.pipeline.finder import Finder, open_finder
from tests.fakes import DotEngine


class SpotEngine(DotEngine):
    """A finder's network that sees a person at the brightest spot, 64 input pixels large, and a hand there too."""

    def __init__(self) -> None:
        super().__init__()
        self.preset = PRESETS["finder"]

    def infer(self, images: NDArray[np.uint8], centres: NDArray[np.float32]) -> NDArray[np.float32]:
        cells = self.preset.size // self.preset.stride
        out = np.zeros((len(images), self.preset.stages, finder_maps.MAPS, cells, cells), np.float32)
        light = np.where(images[0] == 128, 0, images[0]).astype(np.float32).sum(axis=0)
        light = light.reshape(cells, 8, cells, 8).mean(axis=(1, 3))
        y, x = np.unravel_index(light.argmax(), light.shape)
        v, u = np.mgrid[:cells, :cells]
        out[:, :, :2] = 0.9 * np.exp(-((u - x) ** 2 + (v - y) ** 2) / 2)
        out[:, :, finder_maps.SIZES : finder_maps.SIDE] = finder_maps.size_to_map(64 / self.preset.size)
        out[:, :, finder_maps.SIDE] = -0.8
        return out

    def look(self, image: NDArray[np.uint8], crops: Sequence[Crop], joints: int) -> Looked:
        return look_on_cpu(self, image, crops, joints)


def _frame(x: int, y: int) -> NDArray[np.uint8]:
    frame = np.zeros((480, 640, 3), np.uint8)
    frame[y - 12 : y + 12, x - 12 : x + 12] = 255
    return frame


@pytest.fixture
def finder() -> Finder:
    return Finder(SpotEngine(), recipes.find("finder"))


def test_finds_are_in_frame_pixels(finder: Finder) -> None:
    findings = finder(_frame(500, 120), "person")
    found, other = findings.found
    assert (found.kind, other.kind) == ("person", "hand"), "asked for one kind, both can be looked at"
    assert (found.x, found.y) == pytest.approx((500, 120), abs=12)
    assert found.size == pytest.approx(64 * 640 / 256) and found.side is None and found.score == pytest.approx(0.9)
    assert findings.beliefs.shape == (3, 3, 32, 32) and findings.crop.side == 640
    hand, person = finder(_frame(100, 400), "hand").found
    assert (hand.kind, person.kind) == ("hand", "person")
    assert hand.side == "right" and (hand.x, hand.y) == pytest.approx((100, 400), abs=12)


def test_earlier_stages_have_finds_of_their_own(finder: Finder, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = SpotEngine.infer

    def unsure_at_first(engine: SpotEngine, images: NDArray[np.uint8], centres: NDArray[np.float32]) -> np.ndarray:
        maps = whole(engine, images, centres)
        maps[:, 0, :2] = 0.0
        maps[:, 1, :2] = np.roll(maps[:, 1, :2], 8, axis=-1)
        return maps

    monkeypatch.setattr(SpotEngine, "infer", unsure_at_first)
    findings = finder(_frame(300, 120), "person")
    nobody, (elsewhere, _) = findings.early(0), findings.early(1)
    assert nobody == () and elsewhere.kind == "person"
    assert elsewhere.x == pytest.approx(findings.found[0].x + 8 * 8 * 640 / 256, abs=1)


def test_only_the_region_is_searched(finder: Finder) -> None:
    frame = _frame(500, 120) + _frame(100, 400) // 2
    found, _ = finder(frame, "person", (0.0, 240.0, 300.0, 240.0)).found
    assert (found.x, found.y) == pytest.approx((100, 400), abs=8)
    assert finder(frame, "person", (700.0, 500.0, 50.0, 50.0)).crop.side >= 1, "a region outside breaks nothing"


def test_another_network_is_refused() -> None:
    with pytest.raises(InputError, match="not a finder"):
        Finder(DotEngine(), recipes.find("finder"))


def test_the_finder_is_no_pose_machine() -> None:
    assert recipes.FINDER not in recipes.names()
    assert recipes.find(recipes.FINDER).skeleton.name == "finder"


@pytest.fixture(scope="module")
def shipped() -> Finder:
    recipe = recipes.find("finder")
    assert recipe.onnx.is_file(), "the finder's weights travel with the package"
    return open_finder(1)


def test_the_shipped_finder_finds_the_person_of_the_clips(shipped: Finder, clips: Path) -> None:
    reader = cv2.VideoCapture(str(clips / "bird.mkv"))
    ok, frame = reader.read()
    reader.release()
    assert ok
    findings = shipped(np.asarray(frame, np.uint8), "person")
    assert findings.found, "somebody stands in the middle of this clip"
    best = findings.found[0]
    assert 160 < best.x < 480 and 150 < best.size < 700
    assert not shipped(np.full((480, 640, 3), 90, np.uint8), "person").found


def test_thresholds_come_from_the_recipe() -> None:
    strict = replace(recipes.find("finder"), finder_threshold=0.95)
    assert Finder(SpotEngine(), strict)(_frame(300, 300), "person").found == ()
