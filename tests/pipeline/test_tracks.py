"""What is remembered of one person from frame to frame."""

from __future__ import annotations

import numpy as np
import pytest

from cpm_live.core.crop import Crop
from cpm_live.pipeline.sights import Sight, settle
from cpm_live.pipeline.tracks import State, Track


def test_a_crop_does_not_jump_with_its_box() -> None:
    """A joint that is seen on somebody else for a moment must not draw them in."""
    joints = np.full((14, 3), 0.9, np.float32)
    one = Track((0.0, 0.0, 100.0, 100.0))
    one.saw(joints, (0.0, 0.0, 100.0, 100.0), 0.9, 0.0, 1.25, 0.2)
    assert one.crop_side == 125
    one.saw(joints, (0.0, 0.0, 400.0, 100.0), 0.9, 0.03, 1.25, 0.2)
    assert 125 < one.crop_side <= 125 * 1.3


def test_in_a_frame_of_another_size_a_person_goes_on_as_they_went() -> None:
    joints = np.random.default_rng(0).uniform(10, 90, (14, 3)).astype(np.float32)
    one = Track((10.0, 20.0, 80.0, 60.0), State.SEEN, 1, joints=joints, speed=np.array([30.0, -40.0]), seen_s=1.0)
    before, box = one.expected(1.2), one.expected_box(1.2)
    one.rescale(2.0, 0.5)
    after = one.expected(1.2)
    assert before is not None and after is not None
    assert after == pytest.approx(before * np.array([2, 0.5, 1]), rel=1e-5)
    assert one.expected_box(1.2) == pytest.approx(np.array(box) * (2, 0.5, 2, 0.5))


def test_a_joint_that_two_claim_goes_to_whom_it_belongs() -> None:
    def seen(x: float) -> Sight:
        own = np.zeros((14, 3), np.float32)
        own[:, 0], own[:, 1], own[:, 2] = x + np.arange(14) % 3 * 20, np.arange(14) * 15, 0.9
        box = (x, 0.0, 40.0, 195.0)
        known = Track(box, State.SEEN, 1, joints=own, seen_s=1.0)
        return Sight(known, Crop(x, 100, 250, 192), own[None].copy(), np.zeros((1, 15, 8, 8), np.float32), 0.9, box)

    first, second = seen(100), seen(125)
    for taker, owner in ((second, first), (first, second)):
        assert owner.track.joints is not None
        taker.stages[-1, 6, :2] = owner.track.joints[6, :2] + 1
        taker.stages[-1, 6, 2] = owner.stages[-1, 6, 2] = 0.9
        settle([first, second], 1.0, 0.2)
        assert owner.joints[6, 2] == pytest.approx(0.9) and taker.joints[6, 2] == 0
        assert taker.track.joints is not None
        taker.stages[-1, 6] = taker.track.joints[6]
