"""A result in another size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cpm_live.core.crop import Crop
from cpm_live.core.findings import Findings, Found
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Pose, Result
from cpm_live.core.resized import resized
from cpm_live.core.skeleton import BODY


def _result(width: int, height: int) -> Result:
    """One person whose joints lie on a bright dot; the finder sees them there, too."""
    image = np.zeros((height, width, 3), np.uint8)
    image[height // 2 : height // 2 + height // 8, width // 4 : width // 4 + height // 8] = 255
    at = width / 4 + height / 16 - 0.5, height / 2 + height / 16 - 0.5
    stages = np.tile(np.array([*at, 0.9], np.float32), (2, 14, 1))
    box = (at[0] - height / 16 + 0.5, at[1] - height / 16 + 0.5, height / 8, height / 8)
    pose = Pose(1, box, stages, np.zeros((2, 15, 24, 24), np.float32), Crop(*at, height / 2, 192), smoothed=stages[-1])
    found = (Found("person", *at, height / 8, 0.8),)
    findings = Findings(
        found, np.zeros((2, 3, 8, 8), np.float32), Crop(*at, width, 256), 1.0, lambda stage: found * (stage + 1)
    )
    return Result(Frame(image, 7, 0), (pose,), BODY, "body", 2, 0.5, finder=findings, hands=(replace(pose, body=1),))


@pytest.mark.parametrize("size", [(160, 120), (1280, 960), (214, 160)])
def test_everything_lies_where_it_lay_in_the_picture(size: tuple[int, int]) -> None:
    result = _result(640, 480)
    other = resized(result, size)
    assert other.frame.image.shape == (size[1], size[0], 3) and other.frame.index == 7
    weights = other.frame.image[..., 0].astype(float)
    v, u = np.mgrid[: size[1], : size[0]]
    dot = np.array([(u * weights).sum(), (v * weights).sum()]) / weights.sum()
    assert other.finder is not None
    for pose in (other.poses[0], other.hands[0]):
        assert pose.smoothed is not None
        x, y, wide, high = pose.box
        middle = (x + (wide - 1) / 2, y + (high - 1) / 2)
        for place in (*pose.stages[0, :, :2], *pose.smoothed[:, :2], middle, (pose.crop.x, pose.crop.y)):
            assert np.abs(np.array(place) - dot).max() < 0.5
        assert (pose.stages[..., 2] == np.float32(0.9)).all() and pose.crop.side == pytest.approx(size[0] * 240 / 640)
    for found in (*other.finder.found, *other.finder.early(1)):
        assert np.hypot(found.x - dot[0], found.y - dot[1]) < 0.5 and found.size == pytest.approx(size[0] * 60 / 640)
    assert len(other.finder.early(1)) == 2


def test_of_the_same_size_it_is_the_same() -> None:
    result = _result(64, 48)
    assert resized(result, (64, 48)) is result
