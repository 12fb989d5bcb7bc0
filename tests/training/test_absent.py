"""Joints that are out of the picture where nobody labelled them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY
from cpm_live.training.absent import mark_absent
from cpm_live.training.batches import Batcher
from cpm_live.training.targets import draw_targets
from tests.training.common import figures, plan_of


def test_unlabelled_joints_of_the_source_ask_for_empty_maps() -> None:
    ankle, knee = BODY.index("left_ankle"), BODY.index("left_knee")
    (sample,) = figures(1)
    joints = sample.joints.copy()
    joints[[ankle, knee], 2] = 0
    sample = replace(sample, joints=joints, source="desk")
    (marked,) = mark_absent([sample], BODY, {"desk": ["left_ankle", "left_wrist"]})
    assert marked.joints[ankle, 2] == -1 and marked.joints[knee, 2] == 0
    assert marked.joints[BODY.index("left_wrist"), 2] == 2, "a label stays a label"
    assert sample.joints[ankle, 2] == 0, "the sample given is left as it was"
    (other,) = mark_absent([replace(sample, source="sports")], BODY, {"desk": ["left_ankle"]})
    assert other.joints[ankle, 2] == 0

    batch = Batcher([marked], BODY, plan_of(batch=4), np.random.default_rng(0)).draw(96)
    targets = draw_targets(batch.joints, batch.weights, 12, 8, 1.2)
    # Mirrored samples swap left and right.
    sides = [ankle, BODY.index("right_ankle")]
    silent = (targets.beliefs[:, sides].amax(dim=(2, 3)) == 0) & (targets.mask[:, sides] == 1)
    assert silent.any(dim=1).all()


def test_a_joint_that_does_not_exist_is_told() -> None:
    with pytest.raises(InputError, match="absent: body has no joint 'tail'"):
        mark_absent(figures(1), BODY, {"drawn": ["tail"]})
