"""What other programs are told, read as they read it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_packet import OscPacket

from cpm_live.core.crop import Crop
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Pose, Result, Side
from cpm_live.core.skeleton import BODY, HAND, Skeleton
from cpm_live.streaming.messages import Messages

WIDE, HIGH = 640, 480
_FRAME = Frame(np.zeros((HIGH, WIDE, 3), np.uint8), 41, 0)


def _joints(skeleton: Skeleton, x: float = 99.5, y: float = 239.5, score: float = 0.9) -> NDArray[np.float32]:
    return np.tile(np.array([x, y, score], np.float32), (len(skeleton), 1))


def _pose(number: int, joints: NDArray[np.float32], side: Side = None, body: int | None = None) -> Pose:
    maps = np.zeros((1, len(joints) + 1, 4, 4), np.float32)
    crop = Crop.around((0, 0, 100, 100), 128)
    return Pose(number, (63.5, 47.5, 128, 240), joints[None], maps, crop, side=side, body=body)


def _result(*poses: Pose, hands: tuple[Pose, ...] | None = None, skeleton: Skeleton = BODY) -> Result:
    beside: dict[str, Any] = {}
    if hands is not None:
        beside = {"hands": hands, "hand_skeleton": HAND, "hand_stages": 1, "hand_thresholds": (0.3, 0.2)}
    return Result(_FRAME, poses, skeleton, "model", 1, 0.5, hollow_threshold=0.4, **beside)


def _read(packets: list[OscBundle]) -> dict[str, tuple[Any, ...]]:
    """Every message that comes, by address; none may come twice."""
    told: dict[str, tuple[Any, ...]] = {}
    for packet in packets:
        for timed in OscPacket(packet.dgram).messages:
            assert timed.message.address not in told
            told[timed.message.address] = tuple(timed.message.params)
    return told


def test_somebody_is_told_joint_by_joint_in_shares_of_the_picture() -> None:
    joints = _joints(BODY)
    joints[BODY.index("left_wrist")] = (319.5, 119.5, 0.75)
    told = _read(Messages().packets(_result(_pose(7, joints))))
    assert told["/cpm/frame"] == (41, WIDE, HIGH, 1, 0)
    assert told["/cpm/body/1/id"] == (7,)
    assert told["/cpm/body/1/left_wrist"] == pytest.approx((0.5, 0.25, 0.75))
    assert told["/cpm/body/1/neck"] == pytest.approx((100 / WIDE, 0.5, 0.9))
    assert told["/cpm/body/1/box"] == pytest.approx((0.1, 0.1, 0.2, 0.5))
    assert {f"/cpm/body/1/{name}" for name in (*BODY.joints, "id", "box")} | {"/cpm/frame"} == set(told)


def test_in_a_mirrored_picture_places_are_mirrored_and_sides_are_not() -> None:
    joints = _joints(BODY)
    joints[BODY.index("left_wrist")] = (63.5, 119.5, 0.75)
    told = _read(Messages().packets(_result(_pose(7, joints)), mirror=True))
    assert told["/cpm/body/1/left_wrist"] == pytest.approx((0.9, 0.25, 0.75))
    assert told["/cpm/body/1/box"] == pytest.approx((0.7, 0.1, 0.2, 0.5), abs=2e-3)


def test_what_was_seen_before_the_picture_was_mirrored_is_mirrored_too() -> None:
    messages, later = Messages(), _joints(BODY)
    messages.packets(_result(_pose(7, later)))
    later[BODY.index("left_wrist"), 2] = 0.1
    for mirror in (True, False):
        told = _read(messages.packets(_result(_pose(7, later)), mirror))
        assert told["/cpm/body/1/left_wrist"][:2] == pytest.approx(told["/cpm/body/1/neck"][:2])


def test_a_joint_that_is_not_seen_stays_where_it_was_with_no_score() -> None:
    messages, wrist, knee = Messages(), BODY.index("left_wrist"), BODY.index("left_knee")
    joints = _joints(BODY)
    joints[knee, 2] = 0.39  # below the hollow threshold: its place means nothing
    assert "/cpm/body/1/left_knee" not in _read(messages.packets(_result(_pose(7, joints))))
    later = joints.copy()
    later[wrist] = (639.5, 479.5, 0.1)
    told = _read(messages.packets(_result(_pose(7, later))))
    assert told["/cpm/body/1/left_wrist"] == pytest.approx((100 / WIDE, 0.5, 0.0))
    told = _read(messages.packets(_result(_pose(7, joints))))
    assert told["/cpm/body/1/left_wrist"] == pytest.approx((100 / WIDE, 0.5, 0.9))


def test_a_joint_beyond_the_picture_is_not_seen_without_a_threshold_either() -> None:
    messages, joints = Messages(), _joints(BODY)
    messages.packets(replace(_result(_pose(7, joints)), hollow_threshold=0.0))
    joints[BODY.index("left_wrist")] = (-40, 500, 0)
    told = _read(messages.packets(replace(_result(_pose(7, joints)), hollow_threshold=0.0)))
    assert told["/cpm/body/1/left_wrist"] == pytest.approx((100 / WIDE, 0.5, 0.0))


def test_nobody_has_a_joint_of_whoever_had_their_place_before() -> None:
    messages, heard, later = Messages(), {}, _joints(BODY, 319.5)
    later[BODY.index("left_wrist"), 2] = 0.1
    for poses in ((_pose(7, _joints(BODY)),), (), (_pose(8, later),)):
        # What other programs have of an address until it is told anew.
        heard |= _read(messages.packets(_result(*poses)))
    assert heard["/cpm/body/1/id"] == (8,) and heard["/cpm/body/1/neck"][2] == pytest.approx(0.9)
    assert heard["/cpm/body/1/left_wrist"][2] == 0


def test_who_is_gone_has_no_id_in_every_frame() -> None:
    messages = Messages()
    messages.packets(_result(_pose(7, _joints(BODY)), _pose(9, _joints(BODY))))
    for _ in range(3):
        told = _read(messages.packets(_result(_pose(9, _joints(BODY)))))
        assert told["/cpm/body/1/id"] == (0,) and told["/cpm/body/2/id"] == (9,)
        assert "/cpm/body/1/neck" not in told and "/cpm/body/2/neck" in told
    told = _read(messages.packets(_result(skeleton=HAND)))
    assert told["/cpm/body/2/id"] == (0,), "another model looks for hands"
    assert _read(messages.gone()) == {"/cpm/body/1/id": (0,), "/cpm/body/2/id": (0,)}
    assert Messages().gone() == [], "nobody ever was"


def test_hands_at_wrists_have_the_places_of_their_bodies() -> None:
    messages, hand, body = Messages(), _joints(HAND, 31.5, 47.5, 0.25), _joints(BODY)
    messages.packets(_result(_pose(3, body)))
    hands = (_pose(11, hand, "right", 9), _pose(12, hand, "left", 9), _pose(13, hand, "left", 99))
    told = _read(messages.packets(_result(_pose(9, body), _pose(3, body), hands=hands)))
    assert told["/cpm/frame"] == (41, WIDE, HIGH, 2, 3)
    assert told["/cpm/body/1/id"] == (3,) and told["/cpm/body/2/id"] == (9,)
    assert told["/cpm/hand/3/id"] == (12,) and told["/cpm/hand/3/side"] == ("left",)
    assert told["/cpm/hand/4/id"] == (11,) and told["/cpm/hand/4/side"] == ("right",)
    assert told["/cpm/hand/4/body"] == (2,), "its body's place"
    assert told["/cpm/hand/4/index_4"] == pytest.approx((0.05, 0.1, 0.25)), "by the hands' own threshold"
    assert told["/cpm/hand/1/id"] == told["/cpm/hand/2/id"] == (0,)


def test_hands_of_hand_mode() -> None:
    poses = (_pose(1, _joints(HAND), "right"), _pose(2, _joints(HAND)))
    told = _read(Messages().packets(_result(*poses, skeleton=HAND)))
    assert told["/cpm/hand/2/side"] == ("right",) and "/cpm/hand/1/side" not in told
    assert told["/cpm/frame"][3:] == (2, 0) and "/cpm/hand/2/body" not in told


def test_no_packet_is_larger_than_a_network_carries_whole() -> None:
    poses = tuple(_pose(number, _joints(BODY)) for number in range(1, 9))
    hands = tuple(_pose(20 + n, _joints(HAND), ("left", "right")[n % 2], 1 + n // 2) for n in range(8))
    packets = Messages().packets(_result(*poses, hands=hands))
    assert max(packet.size for packet in packets) <= 1400
    told = _read(packets)
    assert len(told) == 1 + 8 * (2 + 14) + 8 * (4 + 21)
    assert "/cpm/frame" in _read(packets[:1])
    (alone,) = Messages().packets(_result(poses[0]))
    assert alone.size < 1000, "somebody alone is one packet"


def _own(*names: str) -> Skeleton:
    count = len(names)
    return replace(
        HAND, name="my mouse", joints=names, limbs=(), flip=tuple(range(count)), colours=HAND.colours[:count],
        limb_colours=(), sigmas=HAND.sigmas[:count],
    )  # fmt: skip


def test_names_that_an_address_cannot_hold() -> None:
    own = _own("nose*tip", "left paw", "id", "尾", "ear/1", "ear 1")
    told = _read(Messages().packets(_result(_pose(1, _joints(own)), skeleton=own)))
    rest = {address.removeprefix("/cpm/my_mouse/1/") for address in told} - {"/cpm/frame", "box"}
    assert rest == {"id", "nose_tip", "left_paw", "joint_3", "joint_4", "joint_5", "joint_6"}
    assert told["/cpm/my_mouse/1/id"] == (1,)


def test_a_name_that_another_joint_has_already_is_not_given_twice() -> None:
    own = _own("joint_2", "尾", "joint_1")
    told = _read(Messages().packets(_result(_pose(1, _joints(own)), skeleton=own)))
    joints = [address.rpartition("/")[2] for address, values in told.items() if len(values) == 3]
    assert joints == ["joint_2", "joint_2_", "joint_1"]


def test_a_session_of_weeks_counts_on() -> None:
    late = replace(_result(), frame=replace(_FRAME, index=2**31 + 5))
    assert _read(Messages().packets(late))["/cpm/frame"][0] == 5
