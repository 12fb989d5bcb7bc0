"""Hands at the wrists of bodies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from cpm_live.core.crop import Crop
from cpm_live.core.errors import InputError
from cpm_live.core.pose import Pose
from cpm_live.core.skeleton import BODY, HAND
from cpm_live.engines.base import Engine, Looked
from cpm_live.engines.recipe import Recipe, find
from cpm_live.pipeline.follow import Follower
from cpm_live.pipeline.hands import WristHands, hand_box
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.pipeline.options import Options
from cpm_live.pipeline.sights import Sight, nested
from cpm_live.pipeline.tracks import Track
from cpm_live.training.dataset import load
from tests.pipeline.world import Somebody, World, WorldEngine

RIGHT_WRIST, LEFT_WRIST = BODY.index("right_wrist"), BODY.index("left_wrist")


def _body(unit: float = 100.0) -> np.ndarray:
    joints = Somebody(300, y=300, unit=unit).joints()
    return np.column_stack([joints, np.full(14, 0.9)]).astype(np.float32)


def test_a_hand_lies_beyond_its_wrist_and_is_as_large_as_the_arm_says() -> None:
    body = _body()
    box = hand_box(body, BODY, "right", 0.4)
    assert box is not None
    middle = np.array([box[0] + box[2] / 2, box[1] + box[3] / 2])
    wrist, elbow = body[6, :2], body[7, :2]
    forearm = np.hypot(*(wrist - elbow))
    assert (middle - wrist) @ (wrist - elbow) > 0
    assert 0.2 * forearm < np.hypot(*(middle - wrist)) < 0.6 * forearm
    assert 0.5 * forearm < box[2] < forearm
    # Twice as near, twice as large.
    near = hand_box(_body(200.0), BODY, "right", 0.4)
    assert near is not None and near[2] == pytest.approx(2 * box[2], rel=0.01)


def test_a_forearm_towards_the_camera_does_not_shrink_the_hand() -> None:
    body = _body()
    usual = hand_box(body, BODY, "left", 0.4)
    body[11, :2] = body[10, :2] + (3, 3)
    short = hand_box(body, BODY, "left", 0.4)
    assert usual is not None and short is not None and short[2] > 0.6 * usual[2]


def test_no_hand_where_the_wrist_is_not_sure() -> None:
    body = _body()
    body[RIGHT_WRIST, 2] = 0.2
    assert hand_box(body, BODY, "right", 0.4) is None
    assert hand_box(body, BODY, "left", 0.4) is not None


def test_with_the_elbow_out_of_the_picture_the_hand_is_held_up() -> None:
    body = _body()
    usual = hand_box(body, BODY, "right", 0.4)
    body[BODY.index("right_elbow"), 2] = 0.2
    raised = hand_box(body, BODY, "right", 0.4)
    assert usual is not None and raised is not None
    x, y = body[RIGHT_WRIST, :2]
    assert raised[0] + raised[2] / 2 == pytest.approx(x, abs=1) and raised[1] + raised[3] / 2 < y
    assert 0.5 * usual[2] < raised[2] < 2 * usual[2], "as large as the shoulders say"
    body[BODY.index("left_shoulder"), 2] = 0.2
    assert hand_box(body, BODY, "right", 0.4) is None, "nothing tells its size"


class BodiesWithHands(World):
    """Every body has hands at its wrists, unless ``gloves`` hides one side."""

    gloves: str = ""

    def with_hands(self) -> list[Somebody]:
        out = []
        for one in self.people:
            joints = one.joints()
            for side, wrist in (("right", RIGHT_WRIST), ("left", LEFT_WRIST)):
                if side != self.gloves:
                    x, y = joints[wrist]
                    out.append(Somebody(float(x), float(y), unit=0.18 * one.unit, kind="hand", turn=np.pi))
        return out


def _machine(world: BodiesWithHands, options: Options) -> tuple[PoseMachine, World]:
    hands = World([], kind="hand")
    machine = world.machine(options, hand_engine=lambda recipe: WorldEngine(hands))
    return machine, hands


def test_both_hands_with_the_side_of_their_wrist() -> None:
    world = BodiesWithHands([Somebody(200, unit=110), Somebody(460, unit=110)])
    machine, hands = _machine(world, Options(hands=True))
    for frame in range(20):
        hands.people = world.with_hands()
        result = world.step(machine)
        assert len(result.poses) == 2 and len(result.hands) == 4, frame
        for one in world.people:
            one.x += 2
    assert sorted(str(pose.side) for pose in result.hands) == ["left", "left", "right", "right"]
    assert sorted(pose.id for pose in result.hands) == [1, 2, 3, 4]
    for pose in result.hands:
        wrists = [body.keypoints[RIGHT_WRIST if pose.side == "right" else LEFT_WRIST, :2] for body in result.poses]
        assert min(np.hypot(*(pose.keypoints[0, :2] - wrist)) for wrist in wrists) < 12
    # One batch for bodies, one for hands.
    assert world.looks[-1] == 2 and hands.looks[-1] == 4
    assert result.steps_ms["hands"] > 0
    shown = result.of_hands()
    assert shown is not None and shown.skeleton.name == "hand" and len(shown.poses) == 4
    assert shown.poses[0].keypoints.shape == (21, 3)


def test_hands_have_their_models_thresholds_and_the_persons_smoothing() -> None:
    world = BodiesWithHands([Somebody(300, unit=110)])
    machine, hands = _machine(world, Options(hands=True, smoothing=0.0))
    hands.people = world.with_hands()
    for _ in range(3):
        result = world.step(machine)
    assert result.hands and all(hand.smoothed is None for hand in result.hands)
    recipe, shown = find("hand"), result.of_hands()
    assert shown is not None and recipe.hollow_threshold < recipe.joint_threshold
    assert (shown.joint_threshold, shown.hollow_threshold) == (recipe.joint_threshold, recipe.hollow_threshold)


def test_a_hand_is_smoothed_alike_where_another_one_is_looked_for_in_a_picture_that_stands_still() -> None:
    """Step by step through a film, hands trembled as if there were no smoothing as soon as one was out of sight."""
    played: list[np.ndarray] = []
    for curious in (False, True):
        world = BodiesWithHands([Somebody(300, unit=110)])
        world.gloves = "left"
        machine, hands = _machine(world, Options(hands=True))
        for frame in range(12):
            hands.people = world.with_hands()
            machine.curious = curious and frame > 5
            (hand,) = world.step(machine).hands
            world.people[0].x += 3 * (-1) ** frame
        assert hand.smoothed is not None and not np.allclose(hand.smoothed, hand.raw, atol=0.2)
        played.append(hand.smoothed)
    assert np.allclose(*played, atol=0.1)


def _one_hand(times: float) -> tuple[BodiesWithHands, PoseMachine]:
    """Somebody whose right hand is so many times as large as their arm says."""
    world = BodiesWithHands([Somebody(320, unit=80)])
    world.gloves = "left"
    machine, hands = _machine(world, Options(hands=True))
    (hand,) = world.with_hands()
    hand.unit *= times
    hands.people = [hand]
    return world, machine


@pytest.mark.parametrize("times", [0.7, 2.6])
def test_a_fist_and_a_hand_held_up_to_the_camera_are_found(times: float) -> None:
    world, machine = _one_hand(times)
    shown = [len(world.step(machine).hands) for _ in range(8)]
    assert shown[3:] == [1] * 5, "one of three sizes fits; then it is followed by its own joints"


def test_a_single_picture_is_looked_at_in_all_sizes() -> None:
    """A photo has no next frame in which another size would have its turn."""
    for times in (0.7, 2.6):
        world, machine = _one_hand(times)
        result = machine.find(world.image())
        assert [pose.side for pose in result.hands] == ["right"]
        assert result.steps_ms["hands"] > 0


def test_small_hands_in_a_large_picture_are_hands() -> None:
    """How many pixels they have counts, not which share of the picture they are."""
    world = BodiesWithHands([Somebody(800, y=900, unit=130)], size=(2560, 1920))
    machine, hands = _machine(world, Options(hands=True))
    hands.people = world.with_hands()
    assert max(hands.people[0].box[2:]) < 0.04 * 1920
    for _ in range(4):
        result = world.step(machine)
    assert len(result.hands) == 2


def test_the_same_hands_at_another_resolution() -> None:
    """A camera or stream may go on with frames of another size."""
    world = BodiesWithHands([Somebody(320, unit=80)])
    machine, hands = _machine(world, Options(hands=True))
    hands.people = world.with_hands()
    for _ in range(6):
        result = world.step(machine)
    ids = {pose.side: pose.id for pose in result.hands}
    assert len(ids) == 2
    (one,) = world.people
    world.size, one.x, one.y, one.unit = (1280, 960), 2 * one.x, 2 * one.y, 2 * one.unit
    hands.people, hands.looks[:] = world.with_hands(), []
    result = world.step(machine)
    assert {pose.side: pose.id for pose in result.hands} == ids
    assert hands.looks == [2], "followed on, and not looked for anew"


def test_one_hand_at_two_wrists_stays_whose_it_is() -> None:
    class Moody(WorldEngine):
        """In every other frame a little less sure of what it looks at together than of a single look."""

        def look(self, image: np.ndarray, crops: Sequence[Crop], joints: int) -> Looked:
            looked = super().look(image, crops, joints)
            if len(crops) > 1 and image[0, 0, 0] % 2:
                looked.joints[..., 2] *= 0.95
            return looked

    joints = _body(110.0)
    # Folded hands: one is seen.
    middle = (joints[RIGHT_WRIST, :2] + joints[LEFT_WRIST, :2]) / 2
    joints[RIGHT_WRIST, :2], joints[LEFT_WRIST, :2] = middle - 3, middle + 3
    hand = Somebody(float(middle[0]), float(middle[1]), unit=20, kind="hand", turn=np.pi)
    engine = Moody(World([hand], kind="hand"))
    wrists = WristHands(find("hand"), engine, BODY)
    body = Pose(1, (0.0, 0.0, 9.0, 9.0), joints[None], np.zeros((1, 15, 16, 16), np.float32), Crop(0, 0, 9, 128))
    told = []
    for frame in range(16):
        image = np.full((480, 640, 3), frame, np.uint8)
        told.append({(pose.id, pose.side) for pose in wrists(image, [body], 0.25, frame / 30, Options())})
    assert told[4] and all(each == told[4] for each in told[4:])


def test_the_hands_looked_at_do_not_change_with_the_boxes() -> None:
    people = [Somebody(180 + 220 * place, y=520, unit=100) for place in range(5)]
    world = BodiesWithHands(people, size=(1280, 960))
    machine, hands = _machine(world, Options(hands=True, people=5))
    for _ in range(6):
        hands.people = world.with_hands()
        before = {pose.id for pose in world.step(machine).hands}
    assert len(before) == 8, "of four people"
    for frame in range(8):
        for place, one in enumerate(world.people):
            one.unit = 100 + (frame + place) % 5
        hands.people = world.with_hands()
        assert {pose.id for pose in world.step(machine).hands} == before


def test_hands_tell_whose_they_are() -> None:
    """They have numbers of their own: of two people the second one's hands are 3 and 4."""
    world = BodiesWithHands([Somebody(250, y=520, unit=100), Somebody(850, y=520, unit=100)], size=(1280, 960))
    machine, hands = _machine(world, Options(hands=True))
    hands.people = world.with_hands()
    for _ in range(4):
        result = world.step(machine)
    assert len(result.hands) == 4 and all(pose.body is None for pose in result.poses)
    at = {pose.id: pose.box[0] + pose.box[2] / 2 for pose in result.poses}
    for hand in result.hands:
        assert hand.body == min(at, key=lambda number: abs(at[number] - hand.box[0]))


def test_a_hand_much_too_large_for_its_arm_is_somebody_elses() -> None:
    world = BodiesWithHands([Somebody(320, unit=60)])
    world.gloves = "left"
    machine, hands = _machine(world, Options(hands=True))
    (hand,) = world.with_hands()
    hand.unit *= 6
    hands.people = [hand]
    assert not any(world.step(machine).hands for _ in range(8))


def test_a_wrist_without_a_hand_shows_none() -> None:
    world = BodiesWithHands([Somebody(300, unit=110)])
    world.gloves = "left"
    machine, hands = _machine(world, Options(hands=True))
    for _ in range(10):
        hands.people = world.with_hands()
        result = world.step(machine)
        assert [pose.side for pose in result.hands] == ["right"]


def test_a_piece_of_a_hand_is_no_hand_of_its_own() -> None:
    def seen(x: float, y: float, size: float) -> Sight:
        box = (x, y, 0.7 * size, size)
        nothing = np.zeros((1, 21, 3), np.float32)
        return Sight(Track(box), Crop.around(box, 192), nothing, nothing, 0.9, box)

    hand = seen(100, 100, 200)
    assert nested(hand, seen(120, 100, 90)) and nested(seen(120, 100, 90), hand), "its fingers"
    assert not nested(hand, seen(120, 110, 180)), "as large: the other hand before it"
    assert not nested(hand, seen(220, 100, 90)), "beside it"
    # As the follower asks: of bodies, a child before somebody is a person.
    for skeleton, one in ((HAND, True), (BODY, False)):
        follower = Follower(skeleton, 192, 8, 1.6)
        assert follower._one_person(seen(120, 100, 90), hand, 0.2) is one


def test_two_wrists_at_one_hand_show_it_once() -> None:
    world = BodiesWithHands([Somebody(300, unit=110)])
    machine, hands = _machine(world, Options(hands=True))
    joints = world.people[0].joints()
    middle = (joints[RIGHT_WRIST] + joints[LEFT_WRIST]) / 2
    # Folded hands: one is seen, between the wrists, large enough for both to look at it.
    hands.people = [Somebody(float(middle[0]), float(middle[1]), unit=60, kind="hand")]
    for _ in range(5):
        result = world.step(machine)
        assert len(result.hands) <= 1


def test_hands_can_be_switched_on_and_off_and_the_hand_model_ignores_it() -> None:
    world = BodiesWithHands([Somebody(300, unit=110)])
    machine, hands = _machine(world, Options())
    hands.people = world.with_hands()
    result = world.step(machine)
    assert result.hands == () and result.of_hands() is None and hands.looks == []
    machine.options = Options(hands=True)
    assert len(world.step(machine).hands) == 2
    alone = World([Somebody(300, y=300, unit=60, kind="hand")], kind="hand")
    result = alone.step(alone.machine(Options(hands=True)))
    assert len(result.poses) == 1 and result.hands == ()


def test_hands_change_their_engine_with_the_bodies() -> None:
    """Who chooses the CPU to free a GPU means all of it; nobody's hands vanish while another engine is opened."""
    world = BodiesWithHands([Somebody(300, unit=110)])
    hands = World(world.with_hands(), kind="hand")
    first = WorldEngine(hands)
    machine = world.machine(Options(hands=True), hand_engine=lambda recipe: first)
    assert len(world.step(machine).hands) == 2
    asked: list[str] = []
    second = WorldEngine(hands)
    ready = False

    def another(recipe: Recipe) -> Engine | None:
        asked.append(recipe.name)
        return second if ready else None

    body = machine.engine
    assert machine.swap(WorldEngine(world), another) is body, "the bodies' engine is given back to be closed"
    for _ in range(2):
        assert len(world.step(machine).hands) == 2 and not first.closed
    ready = True
    result = world.step(machine)
    assert len(result.poses) == 1 and len(result.hands) == 2 and first.closed
    world.step(machine)
    assert asked == ["hand"] * 3, "until it is there, then no more"
    machine.options = Options()
    machine.swap(WorldEngine(world), another)
    assert second.closed, "hands that are switched off leave at once"


def test_bodies_go_on_where_the_hand_engine_cannot_be_made() -> None:
    world = BodiesWithHands([Somebody(300, unit=110)])
    asked: list[str] = []

    def broken(recipe: Recipe) -> Engine:
        asked.append(recipe.name)
        raise InputError("no weights at hand.onnx")

    told: list[str] = []
    machine = world.machine(Options(hands=True), hand_engine=broken, hands_failed=told.append)
    for _ in range(3):
        result = world.step(machine)
        assert len(result.poses) == 1 and result.hands == ()
    assert told == ["no hands: no weights at hand.onnx"] and asked == ["hand"], "told once, tried once"
    for hands in (False, True):
        machine.options = Options(hands=hands)
        world.step(machine)
    assert len(told) == 2, "switched off and on, it is tried again"
    silent = world.machine(Options(hands=True), hand_engine=broken)
    with pytest.raises(InputError, match="no weights"):
        world.step(silent)


def test_real_hands_held_up_to_webcams_are_found(data: Path) -> None:
    bodies = {sample.name for sample in load(data, BODY, "val") if sample.source == "webcam-pseudo"}
    pictures = [sample for sample in load(data, HAND, "val") if sample.name in bodies][::5]
    machine = PoseMachine("body", "cpu", options=Options(hands=True))
    found = 0
    for sample in pictures:
        machine.reset()
        image = sample.image()
        result = [machine(image) for _ in range(4)][-1]
        labelled = sample.joints[:, 2] > 0
        reach = 0.2 * float(np.ptp(sample.joints[labelled, :2], axis=0).max())
        away = [np.hypot(*(p.keypoints[:, :2] - sample.joints[:, :2]).T)[labelled] for p in result.hands]
        found += any((a <= reach).mean() > 0.5 for a in away)
    machine.close()
    # Half of them until arms were taken for no more than a hint of a hand's size.
    assert found / len(pictures) >= 0.6, f"{found} of {len(pictures)}"
