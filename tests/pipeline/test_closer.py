"""Single pictures in which people are small."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cpm_live import Options, PoseMachine
from cpm_live.core.crop import Box, Crop
from cpm_live.core.findings import Findings, Found
from cpm_live.core.skeleton import BODY
from cpm_live.pipeline.closer import look_closer, parts
from cpm_live.pipeline.locate import inside
from cpm_live.training import dataset
from tests.conftest import DATA


class ShortSighted:
    """Sees whoever is at least a sixth of what it looks at, and of those who are cut the part inside."""

    def __init__(self, *people: tuple[float, float, float]) -> None:
        self.people = people
        self.score = 0.9

    def __call__(self, image: NDArray[np.uint8], kind: str, region: Box | None = None) -> Findings:
        x, y, w, h = region or (0.0, 0.0, float(image.shape[1]), float(image.shape[0]))
        found = []
        for px, py, size in self.people:
            x0, x1 = max(x, px - size / 2), min(x + w, px + size / 2)
            y0, y1 = max(y, py - size / 2), min(y + h, py + size / 2)
            inside = max(x1 - x0, y1 - y0)
            if x1 > x0 and y1 > y0 and inside >= max(w, h) / 6:
                found.append(Found("person", (x0 + x1) / 2, (y0 + y1) / 2, inside, self.score))
        return Findings(tuple(found), np.zeros((1, 3, 4, 4), np.float32), Crop(0, 0, 10, 32), 1.0)


@pytest.mark.parametrize("size", [(1920, 1080), (640, 480), (3000, 800), (600, 4000)])
@pytest.mark.parametrize("region", [None, (100.0, 50.0, 400.0, 300.0), (-500.0, 20.0, 9000.0, 9000.0)])
def test_parts_cover_everything_and_stay_inside(size: tuple[int, int], region: Box | None) -> None:
    left, top, wide, high = inside(region or (0.0, 0.0, *map(float, size)), *size)
    squares = parts(*size, region)
    sides = sorted({side for _, _, side, _ in squares})
    assert sides and all(w == h for _, _, w, h in squares)
    for side in sides:
        covered = np.zeros((int(high), int(wide)), bool)
        for x, y, w, h in squares:
            if w == side:
                assert (
                    x >= left - 1e-6 and y >= top - 1e-6 and x + w <= left + wide + 1e-6 and y + h <= top + high + 1e-6
                )
                covered[round(y - top) : round(y - top + h), round(x - left) : round(x - left + w)] = True
        assert covered.all()


def test_nothing_is_looked_at_closer_that_shows_no_more() -> None:
    assert parts(224, 224) == [] and parts(256, 180) == []
    assert len(parts(20000, 1000)) < 200


def test_everybody_is_offered_once_and_nobody_in_pieces() -> None:
    people = ((400, 540, 700), (1000, 300, 120), (1240, 330, 110), (1850, 1000, 140), (960, 800, 300))
    finder = ShortSighted(*people)
    image = np.zeros((1080, 1920, 3), np.uint8)
    known = finder(image, "person").found
    assert [(one.x, one.size) for one in known] == [(400, 700)], "what is seen in the whole"
    closer = look_closer(finder, image, "person", None, known)  # type: ignore[arg-type]
    assert sorted((one.x, one.y, one.size) for one in closer) == sorted(map(tuple, people[1:]))
    assert look_closer(finder, image, "hand", None, ()) == ()  # type: ignore[arg-type]
    # A region may be larger than this picture.
    wide = (-2000.0, -2000.0, 9000.0, 9000.0)
    assert look_closer(finder, image, "person", wide, known) == closer  # type: ignore[arg-type]
    finder.score = 0.5
    assert look_closer(finder, image, "person", None, known) == ()  # type: ignore[arg-type]


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no data at {DATA}")
def test_a_class_of_people_is_found_in_a_photograph() -> None:
    samples = [sample for sample in dataset.load(DATA, BODY, "val") if sample.source == "lsp"][:8]
    photo, places = np.full((1080, 1920, 3), 110, np.uint8), []
    for number, sample in enumerate(samples):
        image = sample.image()
        scale = 200 / image.shape[0]
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:, :440]
        x, y = 480 * (number % 4) + 10, 500 * (number // 4) + 60 * (number % 3)
        photo[y : y + small.shape[0], x : x + small.shape[1]] = small
        at = sample.joints[sample.joints[:, 2] > 0, :2] * scale + (x, y)
        places.append((at.min(axis=0) + at.max(axis=0)) / 2)
    with PoseMachine("body", "cpu", options=Options(people=8)) as machine:
        poses = machine.find(photo).poses
        live = machine(photo).poses
    middles = [np.array([p.box[0] + p.box[2] / 2, p.box[1] + p.box[3] / 2]) for p in poses]
    found = sum(any(np.hypot(*(middle - place)) < 60 for middle in middles) for place in places)
    assert found >= 7 and len(poses) <= 8
    assert len(live) < found, "a film's frames are looked at as a whole: there is no time for more"
