"""Looking at people in a frame on the CPU: crop, infer and decode, all people in one batch."""

from __future__ import annotations

import time
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Crop
from cpm_live.core.decode import decode
from cpm_live.engines.base import Engine, Looked, run_empty


def crop_batch(image: NDArray[np.uint8], crops: Sequence[Crop], size: int) -> NDArray[np.uint8]:
    """The network's pictures (N, 3, size, size) of a frame (H, W, 3).

    Each crop is split straight into the batch, as uint8: the network normalises (measured: benchmarks/crop.py).
    """
    batch = np.empty((len(crops), 3, size, size), np.uint8)
    for picture, crop in zip(batch, crops, strict=True):
        if crop.size != size:
            raise ValueError(f"the crop is made for {crop.size} px, the network for {size} px")
        cv2.split(crop.extract(image), list(picture))
    return batch


def middles(count: int, size: int) -> NDArray[np.float32]:
    """The centres (N, 2) of that many crops: a crop's person is in its middle."""
    return np.full((count, 2), (size - 1) / 2, np.float32)


def look_on_cpu(engine: Engine, image: NDArray[np.uint8], crops: Sequence[Crop], joints: int) -> Looked:
    """:meth:`Engine.look` for engines whose pictures and belief maps lie in the computer's memory."""
    size = engine.preset.size
    if not crops:
        return nobody(engine, joints)
    started = time.perf_counter()
    batch = crop_batch(image, crops, size)
    cropped = time.perf_counter()
    beliefs = engine.infer(batch, middles(len(crops), size))
    inferred = time.perf_counter()
    # All maps, background too: leaving it out first would copy them.
    found = decode(beliefs)[:, :, :joints]
    decoded = time.perf_counter()
    return Looked(found, beliefs, (cropped - started) * 1e3, (inferred - cropped) * 1e3, (decoded - inferred) * 1e3)


class OnCpu:
    """What all engines have in common whose pictures and belief maps lie in the computer's memory."""

    def look(self: Engine, image: NDArray[np.uint8], crops: Sequence[Crop], joints: int) -> Looked:
        """See :meth:`Engine.look`."""
        return look_on_cpu(self, image, crops, joints)

    def warm_up(self: Engine) -> None:
        """See :meth:`Engine.warm_up`."""
        run_empty(self)


def nobody(engine: Engine, joints: int) -> Looked:
    """The answer for no crops at all."""
    preset = engine.preset
    cells = preset.size // preset.stride
    return Looked(
        np.zeros((0, preset.stages, joints, 3), np.float32),
        np.zeros((0, preset.stages, preset.maps, cells, cells), np.float32),
    )
