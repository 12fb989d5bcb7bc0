"""A room with several people: an engine and a finder that know where they stand (see ``fakes``)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box, Crop
from cpm_live.core.findings import Findings, Found
from cpm_live.engines.recipe import Recipe
from cpm_live.gui.openers import Openers
from tests.gui.fakes import STAGES, KnowingEngine, fake_source, no_cameras, one_camera

WIDTH, HEIGHT = 640, 480
FINDER_STAGES = 5
SCALE = 0.5
"""Of a person here to the demo's."""


@dataclass
class Room:
    """Who is there now: where each one's middle is, in frame pixels. Tests change it while the window runs."""

    places: list[tuple[float, float]] = field(default_factory=lambda: [(110.0, 240.0), (320.0, 250.0), (530.0, 230.0)])
    weak: dict[int, float] = field(default_factory=dict)
    """Peak beliefs of joints that are hard to see."""


class CrowdEngine(KnowingEngine):
    """Believes in the person of the room who is nearest to the crop's middle; in a hand wherever it is asked."""

    def __init__(self, joints: int, room: Room) -> None:
        super().__init__(joints)
        self._room = room

    def _believe(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        size, cells = self.preset.size, self.preset.size // 8
        if self.preset.joints == 21:
            angles = np.arange(21) * 0.3
            spots = (
                cells / 2
                - 0.5
                + np.outer(np.minimum(np.arange(21), 1), [1, 1])
                * cells
                * 0.3
                * np.column_stack([np.cos(angles), np.sin(angles)])
            )
            return self._gaussians(spots, 0.0)
        middle = slice(size // 2 - 24, size // 2 + 24)
        at = np.arange(size // 2 - 24, size // 2 + 24)
        green, red = image[1, middle, middle].mean(axis=0), image[2, middle, middle].mean(axis=1)
        if np.ptp(green) < 3 or np.ptp(red) < 3:
            return np.zeros((STAGES, self.preset.joints + 1, cells, cells), np.float32)
        slope_x, offset_x = np.polyfit(at, (green - 4) * WIDTH / 240, 1)
        slope_y, offset_y = np.polyfit(at, (red - 4) * HEIGHT / 240, 1)
        x, y = (slope * (size - 1) / 2 + offset for slope, offset in ((slope_x, offset_x), (slope_y, offset_y)))
        near = [place for place in self._room.places if np.hypot(place[0] - x, place[1] - y) < 80]
        if not near:
            return np.zeros((STAGES, self.preset.joints + 1, cells, cells), np.float32)
        place = min(near, key=lambda p: np.hypot(p[0] - x, p[1] - y))
        joints = self.joints(place)
        cell_x = ((joints[:, 0] - offset_x) / slope_x + 0.5) / 8 - 0.5
        cell_y = ((joints[:, 1] - offset_y) / slope_y + 0.5) / 8 - 0.5
        return self._gaussians(np.column_stack([cell_x, cell_y]), 2.0)

    def joints(self, place: tuple[float, float]) -> NDArray[np.float64]:
        """The true joints (14, 2) of whoever stands at a place."""
        still = self._demos["body"].joints_at(0)
        return (still - (still.min(axis=0) + still.max(axis=0)) / 2) * SCALE + place

    def _gaussians(self, spots: NDArray[np.float64], shift: float) -> NDArray[np.float32]:
        cells = self.preset.size // 8
        beliefs = np.zeros((STAGES, self.preset.joints + 1, cells, cells), np.float32)
        v, u = np.mgrid[:cells, :cells]
        peaks = np.array([self._room.weak.get(joint, 0.9) for joint in range(len(spots))])[:, None, None]
        for stage in range(STAGES):
            x = spots[:, 0, None, None] + shift * (STAGES - 1 - stage) / (STAGES - 1)
            far = (u - x) ** 2 + (v - spots[:, 1, None, None]) ** 2
            nearest = far.min(axis=(1, 2), keepdims=True)
            # How high the highest cell is must not hang on where in it the joint lies.
            far -= np.where(nearest <= 0.5, nearest, 0)
            beliefs[stage, : len(spots)] = peaks * (0.7 + 0.1 * stage) * np.exp(-far / 2)
        beliefs[:, -1] = 1 - beliefs[:, :-1].max(axis=1)
        return beliefs


class CrowdFinder:
    """Finds everybody in the room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.crop = Crop(WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5, WIDTH, 192, 8)

    def __call__(self, image: NDArray[np.uint8], kind: str, region: Box | None = None) -> Findings:
        found = tuple(Found("person", x, y, 190.0, 0.8) for x, y in self._room.places)
        v, u = np.mgrid[:24, :24]
        beliefs = np.zeros((FINDER_STAGES, 3, 24, 24), np.float32)
        for x, y in self._room.places:
            cell = self.crop.to_input(np.array([x, y])) / 8 - 0.4375
            for stage in range(FINDER_STAGES):
                bell = (0.4 + 0.1 * stage) * np.exp(-((u - cell[0]) ** 2 + (v - cell[1]) ** 2) / 4)
                beliefs[stage, 0] = np.maximum(beliefs[stage, 0], bell)
        beliefs[:, 2] = 1 - beliefs[:, :2].max(axis=1)
        # Stage by stage one more of them is made out.
        return Findings(found, beliefs, self.crop, 6.0, lambda stage: found[:stage])

    def reset(self) -> None: ...

    def close(self) -> None: ...


def crowd_openers(room: Room, cameras: bool = False) -> Openers:
    """A window's openers into a room."""

    def engine(recipe: Recipe, kind: str) -> CrowdEngine:
        return CrowdEngine(len(recipe.skeleton), room)

    return Openers(
        fake_source,
        engine,
        one_camera if cameras else no_cameras,
        lambda: CrowdFinder(room),  # type: ignore[arg-type]
    )
