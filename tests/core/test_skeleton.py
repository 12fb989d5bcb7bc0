from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.core.skeleton import BODY, HAND, SKELETONS, Skeleton


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_tables_fit_together(skeleton: Skeleton) -> None:
    assert all(0 <= a < len(skeleton) and 0 <= b < len(skeleton) for a, b in skeleton.limbs)
    assert len(skeleton.limb_colours) == len(skeleton.limbs)
    # Mirroring twice changes nothing, and left becomes right.
    assert [skeleton.flip[k] for k in skeleton.flip] == list(range(len(skeleton)))
    for joint, mirrored in enumerate(skeleton.flip):
        swapped = skeleton.joints[joint].replace("left", "L").replace("right", "left").replace("L", "right")
        assert skeleton.joints[mirrored] == swapped


def test_joint_order_is_that_of_the_data(data: Path) -> None:
    body = json.loads((data / "body_val.json").read_text())["categories"][0]
    hand = json.loads((data / "hand_val.json").read_text())["categories"][0]
    assert tuple(body["keypoints"]) == BODY.joints
    assert tuple(hand["keypoints"]) == HAND.joints
    assert {tuple(sorted((a - 1, b - 1))) for a, b in hand["skeleton"]} == {tuple(sorted(x)) for x in HAND.limbs}


def test_unknown_joint_names_those_that_exist() -> None:
    with pytest.raises(ValueError, match=r"no joint 'nose'.*neck"):
        BODY.index("nose")
    assert BODY.label(14) == "background" and BODY.label(11) == "left wrist"


def test_a_frame_cannot_be_written() -> None:
    frame = Frame(np.zeros((4, 6, 3), np.uint8), 0, 0)
    assert (frame.width, frame.height) == (6, 4)
    with pytest.raises(ValueError, match="read-only"):
        frame.image[0, 0] = 1
    with pytest.raises(InputError, match="BGR uint8"):
        Frame(np.zeros((4, 6), np.uint8), 0, 0)
