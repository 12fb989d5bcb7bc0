"""``Engine.look``: crop, infer and decode in one batch is the same as doing it by hand, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from cpm_live.core.crop import Crop
from cpm_live.core.decode import decode
from cpm_live.engines.look import crop_batch, look_on_cpu
from tests.fakes import DotEngine

RNG = np.random.default_rng(0)


def frame(height: int = 240, width: int = 320) -> np.ndarray:
    image = RNG.integers(0, 255, (height, width, 3), dtype=np.uint8)
    image.flags.writeable = False
    return image


def crops(count: int, size: int = 128) -> list[Crop]:
    """Also outside the frame, and much larger than it."""
    places = [(160, 120, 100), (10, 10, 90), (310, 230, 60), (160, 120, 700), (-40, 50, 64), (90, 90, 33), (1, 1, 4)]
    return [Crop(*places[i % len(places)], size) for i in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_the_batch_holds_each_crop(count: int) -> None:
    image = frame()
    wanted = crops(count)
    batch = crop_batch(image, wanted, 128)
    assert batch.shape == (count, 3, 128, 128) and batch.dtype == np.uint8 and batch.flags.c_contiguous
    for picture, crop in zip(batch, wanted, strict=True):
        assert np.array_equal(picture, crop.extract(image).transpose(2, 0, 1))


def test_a_crop_for_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match="made for 64 px, the network for 128 px"):
        crop_batch(frame(), crops(1, 64), 128)


@pytest.mark.parametrize("count", [0, 1, 3, 8])
def test_looking_is_cropping_inferring_and_decoding(count: int) -> None:
    engine, image, wanted = DotEngine(), frame(), crops(count)
    looked = look_on_cpu(engine, image, wanted, 14)
    assert engine.calls == min(count, 1), "one batch, whatever the number of people"
    assert looked.joints.shape == (count, 3, 14, 3) and looked.joints.dtype == np.float32
    assert looked.beliefs.shape == (count, 3, 15, 16, 16) and looked.beliefs.dtype == np.float32
    for n, crop in enumerate(wanted):
        picture = np.ascontiguousarray(crop.extract(image).transpose(2, 0, 1))[None]
        beliefs = engine.infer(picture, np.full((1, 2), 63.5, np.float32))[0]
        assert np.array_equal(looked.beliefs[n], beliefs)
        assert np.array_equal(looked.joints[n], decode(beliefs[:, :14]))


def test_only_the_joints_asked_for_are_decoded() -> None:
    """A finder has more maps than joints."""
    looked = look_on_cpu(DotEngine(), frame(), crops(2), 3)
    assert looked.joints.shape == (2, 3, 3, 3) and looked.beliefs.shape[2] == 15


def test_the_parts_are_timed() -> None:
    looked = look_on_cpu(DotEngine(delay=0.02), frame(), crops(1), 14)
    assert looked.engine_ms >= 20 and looked.crop_ms > 0 and looked.decode_ms > 0
