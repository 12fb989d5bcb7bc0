"""The GPU engines' own steps, run by torch on the CPU, against numpy and OpenCV. CUDA itself: test_contract."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cpm_live.core.crop import Crop
from cpm_live.core.decode import decode
from cpm_live.engines.base import EngineInfo
from cpm_live.engines.gpu import GpuEngine, UploadRing, split
from cpm_live.engines.gpu_steps import crop_pictures, decode_on_device
from cpm_live.engines.look import look_on_cpu
from cpm_live.engines.torch_reference import TorchEngine
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS


def smooth_frame(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    import cv2

    coarse = rng.integers(0, 255, (height // 12, width // 12, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


CROPS = [
    Crop(160.3, 120.7, 100, 128),
    Crop(10, 10, 90, 128),
    Crop(310, 230, 61.5, 128),
    Crop(160, 120, 700, 128),
    Crop(-40, 50, 64, 128),
    Crop(90.5, 90.25, 33, 128),
    Crop(100, 80, 270, 128),
]


@pytest.mark.parametrize("shape", [(240, 320), (241, 319), (96, 512)])
def test_crops_are_those_of_opencv(shape: tuple[int, int]) -> None:
    frame = smooth_frame(*shape)
    pictures = crop_pictures(torch.from_numpy(frame), CROPS, torch.float32).numpy()
    for picture, crop in zip(pictures, CROPS, strict=True):
        theirs = crop.extract(frame).transpose(2, 0, 1).astype(np.float32)
        # OpenCV interpolates with weights of 1/32.
        assert np.abs(picture - theirs).mean() < 0.6 and np.percentile(np.abs(picture - theirs), 99.9) <= 4


def test_outside_the_frame_is_grey() -> None:
    pictures = crop_pictures(torch.zeros((40, 40, 3), dtype=torch.uint8), [Crop(200, 200, 50, 64)], torch.float16)
    assert pictures.dtype == torch.float16 and (pictures == 128).all()


def test_joints_are_those_of_numpy() -> None:
    rng = np.random.default_rng(2)
    v, u = np.mgrid[:24, :24]
    at = rng.uniform(-1, 24, (2, 3, 20, 2))
    far = (u - at[..., 0, None, None]) ** 2 + (v - at[..., 1, None, None]) ** 2
    maps = (rng.uniform(0.1, 1.2, (2, 3, 20, 1, 1)) * np.exp(-far / 3)).astype(np.float32)
    maps[0, 0, 0] = 0
    maps[0, 0, 1] = -1
    maps[0, 0, 2, 5:7, 5:7] = 0.7
    ours = decode_on_device(torch.from_numpy(maps)).numpy()
    assert np.abs(ours - decode(maps)).max() < 1e-4


def test_batches_hold_everybody() -> None:
    assert [split(n, (1, 2, 4)) for n in range(9)] == [
        [], [1], [2], [4], [4], [4, 1], [4, 2], [4, 4], [4, 4],
    ]  # fmt: skip
    assert split(3, (1,)) == [1, 1, 1]


def test_a_ring_gives_back_what_was_put_in() -> None:
    ring = UploadRing(torch.device("cpu"), depth=2)
    arrays = [np.full((4 + i, 3), i, np.uint8) for i in range(5)] + [np.ones((2, 2), np.float32)]
    arrays[0].flags.writeable = False
    there = [ring.upload(array) for array in arrays]
    for tensor, array in zip(there, arrays, strict=True):
        assert np.array_equal(tensor.numpy(), array), "an earlier frame was written over"


@pytest.mark.parametrize("count", [0, 1, 3, 8])
def test_looking_is_what_the_cpu_sees(count: int) -> None:
    """The whole way of a frame, in float32 on the CPU, with fixed batch sizes, is the reference's."""
    torch.manual_seed(0)
    machine = build(PRESETS["tiny"]).eval()
    sizes: list[int] = []
    memory: dict[int, torch.Tensor] = {}

    def network(pictures: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
        assert pictures.is_contiguous() and centres.dtype == torch.float32 and len(centres) == len(pictures)
        sizes.append(len(pictures))
        # As a CUDA graph does: each run writes into the same memory.
        answer = memory.setdefault(len(pictures), torch.empty(len(pictures), 3, 15, 16, 16))
        return answer.copy_(machine(pictures, centres))

    info = EngineInfo("cuda", "steps on the CPU", "cpu", "fp32")
    engine = GpuEngine(machine.preset, dict.fromkeys((1, 2, 4), network), torch.float32, torch.device("cpu"), info)
    frame = smooth_frame(240, 320)
    frame.flags.writeable = False
    crops = (CROPS * 2)[:count]
    ours, theirs = engine.look(frame, crops, 14), look_on_cpu(TorchEngine(machine, 1), frame, crops, 14)
    assert sizes == split(count, (1, 2, 4))
    assert ours.joints.shape == theirs.joints.shape and ours.joints.dtype == np.float32
    assert ours.beliefs.shape == theirs.beliefs.shape and ours.beliefs.dtype == np.float32
    # Pictures differ by OpenCV's rounding.
    assert np.abs(ours.beliefs - theirs.beliefs).max(initial=0) < 0.02
    images = np.random.default_rng(3).integers(0, 255, (max(count, 1), 3, 128, 128), dtype=np.uint8)
    centres = np.random.default_rng(4).uniform(0, 128, (max(count, 1), 2)).astype(np.float32)
    same = np.abs(engine.infer(images, centres) - TorchEngine(machine, 1).infer(images, centres)).max()
    assert same < 1e-4
    engine.warm_up()
    engine.close()
