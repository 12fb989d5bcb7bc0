"""A world whose people are known: an engine and a finder that see them, without pictures of people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box, Crop, input_to_cells
from cpm_live.core.findings import Findings, Found
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Result, Side
from cpm_live.core.skeleton import BODY, SKELETONS
from cpm_live.drawing.figures import BodyPose, HandPose, body_joints, hand_joints
from cpm_live.engines.base import EngineInfo, Looked
from cpm_live.network.presets import PRESETS
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.pipeline.options import Options

WIDTH, HEIGHT, FPS = 640, 480, 30.0


@dataclass
class Somebody:
    """A person (or hand) that stands at a place, as large as ``unit`` says."""

    x: float
    y: float = 260.0
    unit: float = 60.0
    shirt: tuple[int, int, int] = (60, 60, 60)
    visible: bool = True
    side: Side = None
    score: float = 0.9
    kind: str = "body"
    turn: float = 0.0

    def joints(self) -> NDArray[np.float32]:
        if self.kind.strip() == "hand":
            return hand_joints(HandPose(turn=self.turn), (self.x, self.y), self.unit)
        return body_joints(BodyPose((0.5, 0.4), (0.4, 0.3)), (self.x, self.y), self.unit)

    @property
    def box(self) -> Box:
        joints = self.joints()
        (x, y), (w, h) = joints.min(axis=0), np.ptp(joints, axis=0)
        return float(x), float(y), float(w), float(h)


@dataclass
class World:
    """People, the later ones in front, and what looks at them."""

    people: list[Somebody]
    kind: str = "body"
    ghosts: list[Found] = field(default_factory=list)
    size: tuple[int, int] = (WIDTH, HEIGHT)
    looks: list[int] = field(default_factory=list)
    finder_runs: int = 0
    regions: list[Box | None] = field(default_factory=list)
    index: int = 0

    def image(self) -> NDArray[np.uint8]:
        picture = np.full((self.size[1], self.size[0], 3), 120, np.uint8)
        for one in self.people:
            if one.visible and one.kind == "body":
                joints = one.joints()
                (x0, y0), (x1, y1) = joints[[8, 9, 2, 3]].min(axis=0), joints[[8, 9, 2, 3]].max(axis=0)
                picture[max(0, int(y0)) : max(0, int(y1)), max(0, int(x0)) : max(0, int(x1))] = one.shirt
        return picture

    def step(self, machine: PoseMachine) -> Result:
        """The next frame through a machine."""
        self.index += 1
        return machine(Frame(self.image(), self.index, self.index, self.index / FPS))

    def machine(self, options: Options | None = None, finder: bool = True, **more: object) -> PoseMachine:
        opener: Callable[[], FakeFinder] | None = (lambda: FakeFinder(self)) if finder else None
        return PoseMachine(self.kind, WorldEngine(self), options=options, finder=opener, **more)  # type: ignore[arg-type]


class WorldEngine:
    """Sees whoever is nearest to the middle of a crop; where nobody is, believes in next to nothing."""

    def __init__(self, world: World, kind: str | None = None) -> None:
        self.world, self.kind, self.closed = world, kind or world.kind, False
        self.preset = PRESETS["tiny"].with_joints(len(SKELETONS[self.kind]))

    def look(self, image: NDArray[np.uint8], crops: Sequence[Crop], joints: int) -> Looked:
        assert len(crops) <= 8
        self.world.looks.append(len(crops))
        preset = self.preset
        cells = preset.size // preset.stride
        out = np.zeros((len(crops), preset.stages, joints, 3), np.float32)
        rng = np.random.default_rng(self.world.index)
        for row, crop in zip(out, crops, strict=True):
            one = self._in(crop)
            if one is None:
                row[..., :2] = rng.uniform(0, cells, row[..., :2].shape)
                row[..., 2] = rng.uniform(0.02, 0.2, row.shape[:-1])
                continue
            at = input_to_cells(crop.to_input(one.joints()), preset.stride)
            row[..., :2] = at
            row[..., 2] = np.where(((at >= 0) & (at <= cells - 1)).all(axis=1), one.score, 0.05)
        beliefs = np.zeros((len(crops), preset.stages, preset.maps, cells, cells), np.float32)
        return Looked(out, beliefs, 1.0, 2.0, 3.0)

    def _in(self, crop: Crop) -> Somebody | None:
        def away(one: Somebody) -> float:
            x, y, w, h = one.box
            return float(np.hypot(x + w / 2 - crop.x, y + h / 2 - crop.y)) / crop.side

        there = [one for one in self.world.people if one.visible and one.kind == self.kind and away(one) < 0.4]
        # Whoever stands in front hides those behind.
        shown = [
            one
            for place, one in enumerate(there)
            if not any(abs(one.x - front.x) < 0.5 * front.unit for front in there[place + 1 :])
        ]
        return min(shown, key=away, default=None)

    def infer(self, images: NDArray[np.uint8], centres: NDArray[np.float32]) -> NDArray[np.float32]:
        raise AssertionError("the pipeline looks")

    def warm_up(self) -> None: ...

    def describe(self) -> EngineInfo:
        return EngineInfo("fake", "World", "test", "fp32")

    def close(self) -> None:
        self.closed = True


class FakeFinder:
    """Finds everybody who is visible, and the world's ghosts."""

    def __init__(self, world: World) -> None:
        self.world, self.closed, self.resets, self.warmed = world, False, 0, ""

    def __call__(self, image: NDArray[np.uint8], kind: str, region: Box | None = None) -> Findings:
        world = self.world
        world.finder_runs += 1
        world.regions.append(region)
        found = list(world.ghosts)
        for place, one in enumerate(world.people):
            hidden = any(abs(one.x - front.x) < 0.5 * front.unit for front in world.people[place + 1 :])
            if one.visible and not hidden and one.kind == world.kind:
                x, y, w, h = one.box
                found.append(Found(kind, x + w / 2, y + h / 2, max(w, h), 0.9, one.side))
        return Findings(tuple(found), np.zeros((3, 3, 16, 16), np.float32), Crop(320, 240, 640, 128, 8), 5.0)

    def warm_up(self, kind: str = "person") -> None:
        self.warmed = kind

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        self.closed = True


def of(result: Result, one: Somebody, joint: str = "neck") -> int | None:
    """The number of the pose that lies on somebody."""
    index = BODY.index(joint)
    at = one.joints()[index]
    near = [p for p in result.poses if np.hypot(*(p.keypoints[index, :2] - at)) < 0.4 * one.unit]
    return near[0].id if near else None
