from __future__ import annotations

import numpy as np

from cpm_live.pipeline.locate import plausible, pose_box, presence, search_boxes, without_outside


def _keypoints(score: float, centre: tuple[float, float] = (300, 200), side: float = 200) -> np.ndarray:
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.5, 0.5, (14, 2)) * side + centre
    return np.column_stack([points, np.full(14, score)]).astype(np.float32)


def test_the_whole_frame_comes_first_then_smaller_places_inside() -> None:
    boxes = search_boxes(640, 480)
    assert boxes[0] == (0, 0, 640, 480)
    assert len(boxes) > 5
    for x, y, w, h in boxes:
        assert x >= -1e-6 and y >= -1e-6 and x + w <= 640.001 and y + h <= 480.001


def test_a_region_is_searched_alone() -> None:
    boxes = search_boxes(640, 480, (320.0, 100.0, 200.0, 300.0))
    assert boxes[0] == (320, 100, 200, 300) and len(boxes) > 5
    for x, y, w, h in boxes:
        assert x >= 319.99 and y >= 99.99 and x + w <= 520.01 and y + h <= 400.01


def test_nobody_is_not_a_pose() -> None:
    assert plausible((200, 100, 200, 200), 640, 480)
    assert not plausible((200, 100, 3, 3), 640, 480)  # a speck
    assert not plausible((800, 100, 200, 200), 640, 480)  # outside


def test_box_takes_sure_joints_only() -> None:
    points = _keypoints(0.8)
    points[0] = (5000, 5000, 0.1)
    box = pose_box(points, 0.25)
    assert box is not None and box[0] + box[2] < 500
    assert pose_box(_keypoints(0.1), 0.25) is None
    assert abs(presence(_keypoints(0.4)) - 0.4) < 1e-6


def test_joints_in_the_grey_around_the_frame_are_not_seen() -> None:
    stages = np.stack([_keypoints(0.9), _keypoints(0.9)])
    stages[1, 3, :2] = (300, 520)
    stages[1, 4, :2] = (-30, 200)
    stages[1, 5, :2] = (640, 200)  # half on the border: a peak has width
    seen = without_outside(stages, 640, 480)
    assert (seen[0] == stages[0]).all()
    assert seen[1, 3, 2] == seen[1, 4, 2] == 0 and seen[1, 5, 2] > 0.8
    assert (seen[..., :2] == stages[..., :2]).all()
