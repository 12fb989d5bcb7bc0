from __future__ import annotations

import numpy as np

from cpm_live.pipeline.locate import Locator, pose_box, presence, search_boxes


def _keypoints(score: float, centre: tuple[float, float] = (300, 200), side: float = 200) -> np.ndarray:
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.5, 0.5, (14, 2)) * side + centre
    return np.column_stack([points, np.full(14, score)]).astype(np.float32)


def _locator() -> Locator:
    return Locator(192, 8, 1.25, follow_threshold=0.25, find_threshold=0.3)


def test_the_whole_frame_comes_first_then_smaller_places_inside() -> None:
    boxes = search_boxes(640, 480)
    assert boxes[0] == (0, 0, 640, 480)
    assert len(boxes) > 5
    for x, y, w, h in boxes:
        assert x >= -1e-6 and y >= -1e-6 and x + w <= 640.001 and y + h <= 480.001


def test_follows_the_pose_and_searches_again_when_belief_drops() -> None:
    locator = _locator()
    first = locator.next_crop(640, 480)
    assert first.side == 640
    assert locator.update(_keypoints(0.8), 640, 480) and locator.track == 1
    near = locator.next_crop(640, 480)
    assert near.side < 300 and abs(near.x - 300) < 60
    # Two weak frames are bridged, the third starts the search.
    for _ in range(2):
        assert not locator.update(_keypoints(0.1), 640, 480)
        assert locator.following
    locator.update(_keypoints(0.1), 640, 480)
    assert not locator.following
    assert locator.next_crop(640, 480).side == 640
    locator.update(_keypoints(0.8), 640, 480)
    assert locator.track == 2


def test_following_needs_less_belief_than_finding() -> None:
    locator = _locator()
    locator.next_crop(640, 480)
    assert not locator.update(_keypoints(0.27), 640, 480)
    locator.next_crop(640, 480)
    assert locator.update(_keypoints(0.35), 640, 480)
    assert locator.update(_keypoints(0.27), 640, 480) and locator.track == 1


def test_each_fruitless_frame_tries_another_place() -> None:
    locator = _locator()
    crops = []
    for _ in range(6):
        crops.append(locator.next_crop(640, 480))
        locator.update(_keypoints(0.05), 640, 480)
    assert len({(crop.x, crop.y, crop.side) for crop in crops}) == 6
    locator.reset()
    assert locator.next_crop(640, 480) == crops[0]


def test_nobody_is_not_a_pose() -> None:
    locator = _locator()
    locator.next_crop(640, 480)
    assert not locator.update(_keypoints(0.9, side=3), 640, 480)  # a speck
    assert not locator.update(_keypoints(0.9, centre=(900, 200)), 640, 480)  # outside


def test_box_takes_sure_joints_only() -> None:
    points = _keypoints(0.8)
    points[0] = (5000, 5000, 0.1)
    box = pose_box(points, 0.25)
    assert box is not None and box[0] + box[2] < 500
    assert pose_box(_keypoints(0.1), 0.25) is None
    assert abs(presence(_keypoints(0.4)) - 0.4) < 1e-6
