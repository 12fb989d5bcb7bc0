"""A source and an engine whose answers are known to the pixel.

The demo's joints are where ``DemoSource.joints_at`` says. The engine sees only a crop, so the fake frames
carry their own coordinates: green grows with x, red with y, blue is the frame's index. From any piece of
such a frame the engine reads which frame it is and which square of it, and believes the true joints.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cpm_live.capture.base import SourceInfo
from cpm_live.capture.camera import Device
from cpm_live.capture.demo import DemoSource
from cpm_live.capture.open import SourceRequest, demo_kind, is_demo, open_source
from cpm_live.core.crop import Crop
from cpm_live.core.frame import Frame
from cpm_live.engines.base import EngineInfo, Looked
from cpm_live.engines.look import look_on_cpu
from cpm_live.engines.recipe import Recipe
from cpm_live.gui.openers import Openers
from cpm_live.network.presets import PRESETS

STAGES = 4
EARLY_SHIFT = 60.0
"""Frame pixels by which stage 1 has every joint too far to the right."""


class RampSource:
    """The demo's timing and joints on frames that carry their coordinates."""

    def __init__(self, demo: DemoSource, mirror: bool = False, kind: str = "demo", label: str | None = None) -> None:
        self.demo = demo
        width, height = demo.size
        self.info = SourceInfo(
            kind, label or demo.info.label, live=True, mirror=mirror, width=width, height=height, fps=demo.fps
        )
        self._ramps = np.zeros((height, width, 3), np.float32)
        self._ramps[..., 1] = np.arange(width) * (240 / width) + 4
        self._ramps[..., 2] = np.arange(height)[:, None] * (240 / height) + 4
        self._index = 0

    def read(self) -> Frame | None:
        time.sleep(1 / 30)
        picture = self._ramps.round().astype(np.uint8)
        # The engine takes the body's joints for even numbers, the hand's for odd ones.
        picture[..., 0] = (self._index % 100) * 2 + (self.demo.kind == "hand")
        frame = Frame(picture, self._index, time.perf_counter_ns())
        self._index += 1
        return frame

    def close(self) -> None: ...


class KnowingEngine:
    """Believes the demo's true joints at the last stage, ever further off at earlier ones."""

    def __init__(self, joints: int, delay: float = 0.004) -> None:
        self.preset = replace(PRESETS["lite"], joints=joints, stages=STAGES)
        self._demos = {kind: DemoSource(kind, paced=False) for kind in ("body", "hand")}
        self._delay = delay

    def infer(self, images: NDArray[np.uint8], centres: NDArray[np.float32]) -> NDArray[np.float32]:
        time.sleep(self._delay)
        return np.stack([self._believe(image) for image in images])

    def _believe(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        size, cells = self.preset.size, self.preset.size // 8
        beliefs = np.zeros((STAGES, self.preset.joints + 1, cells, cells), np.float32)
        code = int(image[0, size // 2, size // 2])
        demo = self._demos["hand" if code % 2 else "body"]
        width, height = demo.size
        middle = slice(size // 2 - 24, size // 2 + 24)
        green, red = image[1, middle, middle].mean(axis=0), image[2, middle, middle].mean(axis=1)
        if green.max() - green.min() < 3:
            return beliefs
        at = np.arange(size // 2 - 24, size // 2 + 24)
        # Frame pixel = slope * input pixel + offset, in both directions.
        slope_x, offset_x = np.polyfit(at, (green - 4) * width / 240, 1)
        slope_y, offset_y = np.polyfit(at, (red - 4) * height / 240, 1)
        joints = demo.joints_at(code // 2)[: self.preset.joints]
        v, u = np.mgrid[:cells, :cells]
        for stage in range(STAGES):
            shift = EARLY_SHIFT * (STAGES - 1 - stage) / (STAGES - 1)
            x = ((joints[:, 0] + shift - offset_x) / slope_x + 0.5) / 8 - 0.5
            y = ((joints[:, 1] - offset_y) / slope_y + 0.5) / 8 - 0.5
            far = (u - x[:, None, None]) ** 2 + (v - y[:, None, None]) ** 2
            beliefs[stage, : len(joints)] = (0.6 + 0.1 * stage) * np.exp(-far / 2)
        beliefs[:, -1] = 1 - beliefs[:, :-1].max(axis=1)
        return beliefs

    def look(self, image: NDArray[np.uint8], crops: Sequence[Crop], joints: int) -> Looked:
        return look_on_cpu(self, image, crops, joints)

    def warm_up(self) -> None: ...

    def describe(self) -> EngineInfo:
        return EngineInfo("fake", "Fake engine", "test", "fp32")

    def close(self) -> None: ...


def fake_source(request: SourceRequest) -> object:
    """Demo and camera are fakes; anything else is opened, or fails, as always."""
    if is_demo(request.text):
        return RampSource(DemoSource(demo_kind(request)))
    if request.text == "camera:0":
        return RampSource(DemoSource("body"), mirror=True, kind="camera", label="Fake camera")
    return open_source(request)


def fake_engine(recipe: Recipe, kind: str) -> KnowingEngine:
    return KnowingEngine(len(recipe.skeleton))


def no_cameras() -> list[Device]:
    return []


def one_camera() -> list[Device]:
    return [Device(0, "Fake camera", 0)]


def openers(cameras: bool = False) -> Openers:
    return Openers(fake_source, fake_engine, one_camera if cameras else no_cameras)  # type: ignore[arg-type]


def our_threads() -> set[str]:
    """Names of the session's threads that run now."""
    names = {"capture", "worker", "recorder", "stop"}
    return {thread.name for thread in threading.enumerate() if thread.name in names}
