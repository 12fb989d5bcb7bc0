"""An engine whose answer is known: it sees the bright dot in the picture."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Crop
from cpm_live.engines.base import EngineInfo, Looked
from cpm_live.engines.look import look_on_cpu
from cpm_live.network.presets import PRESETS


class DotEngine:
    """Believes every joint at the brightest spot of the picture; stage 1 a cell to the right of it.

    Args:
        delay: seconds that each inference takes.
    """

    def __init__(self, delay: float = 0.0, joints: int = 14, fail_after: int | None = None) -> None:
        self.preset = PRESETS["tiny"].with_joints(joints)
        self.delay, self.calls, self.closed, self.fail_after = delay, 0, False, fail_after

    def infer(self, images: NDArray[np.uint8], centres: NDArray[np.float32]) -> NDArray[np.float32]:
        self.calls += 1
        if self.fail_after is not None and self.calls > self.fail_after:
            raise RuntimeError("device lost\nlong trace")
        time.sleep(self.delay)
        cells = self.preset.size // 8
        out = np.zeros((len(images), self.preset.stages, self.preset.maps, cells, cells), np.float32)
        v, u = np.mgrid[:cells, :cells]
        for n, picture in enumerate(images):
            # The grey around the frame is not light.
            light = np.where(picture == 128, 0, picture).astype(np.float32).sum(axis=0)
            light = light.reshape(cells, 8, cells, 8).mean(axis=(1, 3))
            y, x = np.unravel_index(light.argmax(), light.shape)
            for stage in range(self.preset.stages):
                shift = 1.0 if stage == 0 else 0.0
                for joint in range(self.preset.joints):
                    # Joints lie in a ring whose box, with the recipes' margin, fills the crop again.
                    angle = joint * 0.7
                    at = (x + shift + 5.0 * np.cos(angle), y + 5.0 * np.sin(angle))
                    out[n, stage, joint] = np.exp(-((u - at[0]) ** 2 + (v - at[1]) ** 2) / 2)
            out[n, :, -1] = 1 - out[n, :, :-1].max(axis=1)
        return out

    def look(self, image: NDArray[np.uint8], crops: Sequence[Crop], joints: int) -> Looked:
        return look_on_cpu(self, image, crops, joints)

    def warm_up(self) -> None: ...

    def describe(self) -> EngineInfo:
        return EngineInfo("fake", "Fake engine", "test", "fp32")

    def close(self) -> None:
        self.closed = True
