"""Following while what is around it changes: budget, resolution, lock, the pace of frames."""

from __future__ import annotations

import numpy as np
import pytest

from cpm_live.core.findings import Found
from cpm_live.pipeline.options import Options
from cpm_live.pipeline.sides import tell_apart
from cpm_live.pipeline.tracks import Track
from tests.pipeline.world import Somebody, World, of


def test_whoever_was_hidden_does_not_throw_out_who_never_was() -> None:
    first, second, third = Somebody(120, unit=50), Somebody(320, unit=55), Somebody(520, unit=80)
    third.visible = False
    world = World([first, second, third])
    machine = world.machine(Options(people=2, finder_every=2))
    for _ in range(8):
        result = world.step(machine)
    ids = {of(result, one) for one in (first, second)}
    third.visible = True
    second.visible = False
    for _ in range(6):
        world.step(machine)
    second.visible = True
    for _ in range(12):
        result = world.step(machine)
        assert len(result.poses) <= 2, "never more than are allowed"
        assert of(result, first) in ids, "followed all along"


def test_the_same_people_at_another_resolution() -> None:
    """A camera or stream may go on with frames of another size."""
    one, other = Somebody(200), Somebody(450)
    world = World([one, other])
    machine = world.machine()
    for _ in range(6):
        result = world.step(machine)
    ids = [of(result, one), of(result, other)]
    machine.options = Options(lock=ids[1])
    world.step(machine)
    for factor in (2.0, 0.25):
        world.size = (round(world.size[0] * factor), round(world.size[1] * factor))
        for each in world.people:
            each.x, each.y, each.unit = each.x * factor, each.y * factor, each.unit * factor
        for _ in range(3):
            result = world.step(machine)
            assert result.locked == ids[1] and of(result, other) == ids[1]


def test_a_lock_that_was_set_before_a_single_picture_holds_for_it() -> None:
    world = World([Somebody(200), Somebody(450)])
    machine = world.machine()
    x, y, w, h = world.people[1].box
    machine.options = Options(lock=(x + w / 2, y + h / 2))
    result = machine.find(world.image())
    assert len(result.poses) == 1 and of(result, world.people[1]) == result.locked


def test_a_single_picture_leaves_nobody_behind() -> None:
    """Whoever is in a photo is not followed into the film that comes next."""
    world = World([Somebody(200)])
    machine = world.machine()
    first = machine.find(world.image()).poses[0].id
    world.people = [Somebody(500)]
    (pose,) = machine(world.image()).poses
    assert pose.id != first and abs(pose.box[0] + pose.box[2] / 2 - 500) < 60


def test_a_picture_without_anybody_tells_what_the_finder_saw() -> None:
    world = World([])
    machine = world.machine()
    for _ in range(2):
        result = machine.find(world.image())
        assert result.finder is not None, "though other places were searched after it"
        assert result.steps_ms["find"] >= 5.0
        assert result.frame.index == 0 and result.steps_ms["engine"] > 2.0
    assert [machine(world.image()).frame.index for _ in range(3)] == [0, 1, 2]


def test_nobody_is_left_out_while_locked() -> None:
    world = World([Somebody(200), Somebody(450)])
    machine = world.machine(Options(people=1))
    for _ in range(4):
        result = world.step(machine)
    assert result.left_out == 1
    machine.options = Options(people=1, lock=result.poses[0].id)
    world.step(machine)
    world.people = [one for one in world.people if of(result, one)]
    assert world.step(machine).left_out == 0


def test_slow_machines_forget_after_as_many_seconds() -> None:
    """Two frames a second: gone for three seconds are six frames."""
    world = World([Somebody(300)])
    machine = world.machine()
    for _ in range(3):
        world.index += 14
        result = world.step(machine)
    world.people[0].visible = False
    for frame in range(9):
        world.index += 14
        world.step(machine)
        assert bool(machine.follower.lost) == (frame < 6), frame
    assert result.poses


def test_pointing_at_nobody_leaves_the_others_alone() -> None:
    """While somebody is looked for where a person pointed, the finder's other offers are not heard: no proof that
    nobody is there."""
    people = [
        Somebody(150, unit=60, kind="hand", side="left", score=0.75),
        Somebody(450, unit=60, kind="hand", side="right", score=0.75),
    ]
    world = World(people, kind="hand")
    machine = world.machine()
    for _ in range(20):
        before = world.step(machine)
    assert len(before.poses) == 2
    machine.options = Options(lock=(300.0, 40.0))
    for _ in range(60):
        after = world.step(machine)
    assert {pose.id for pose in after.poses} == {pose.id for pose in before.poses}


def test_a_lock_on_a_picture_is_not_moved_by_the_size_of_the_last_one() -> None:
    world = World([Somebody(160, 130, 30)], size=(320, 240))
    machine = world.machine()
    machine.find(world.image())
    world.size, world.people = (640, 480), [Somebody(150), Somebody(480)]
    machine.options = Options(lock=(480.0, 260.0))
    result = machine.find(world.image())
    assert result.locked is not None and of(result, world.people[1]) == result.locked


def test_what_is_shown_changes_neither_boxes_nor_smoothing() -> None:
    boxes, joints = [], []
    for shown in (None, 0.95):
        world = World([Somebody(300, score=0.8)])
        machine = world.machine(Options(joint_threshold=shown))
        for _ in range(10):
            world.people[0].x += 3
            pose = world.step(machine).poses[0]
        boxes.append(pose.box)
        joints.append(pose.keypoints)
    assert boxes[0] == pytest.approx(boxes[1]) and joints[0] == pytest.approx(joints[1])
    assert np.abs(joints[1][:, :2] - pose.raw[:, :2]).max() > 0.1, "it is smoothed"


RED, BLUE = (40, 40, 220), (220, 60, 40)


@pytest.mark.parametrize("options", [Options(), Options(people=1)])
def test_a_passer_by_does_not_take_the_one_that_is_followed(options: Options) -> None:
    """Locked, or with one person allowed, nobody else is followed whose number the passer-by could have."""
    behind, front = Somebody(320, shirt=RED, unit=62), Somebody(-60, shirt=BLUE)
    world = World([behind, front])
    machine = world.machine(options)
    for _ in range(6):
        result = world.step(machine)
    number = of(result, behind)
    if options.people is None:
        machine.options = Options(lock=number)
    while front.x < 700:
        front.x += 5
        result = world.step(machine)
        assert len(result.poses) <= 1
        if of(result, behind) == number and options.people is None:
            assert result.left_out == 0
    for _ in range(12):
        result = world.step(machine)
    assert number is not None and of(result, behind) == number and len(result.poses) == 1


def test_other_light_is_not_somebody_else() -> None:
    one, other = Somebody(200, shirt=RED), Somebody(450, shirt=BLUE)
    world = World([one, other])
    machine = world.machine()
    number = of(world.step(machine), one)
    machine.options = Options(lock=number)
    for _ in range(6):
        world.step(machine)
    one.shirt = (90, 200, 90)
    for _ in range(120):
        assert of(world.step(machine), one) == number, "nobody else wears what they wore"
    assert not machine.follower.doubtful, "by now it is what they wear"


def test_nobody_at_the_regions_edge_comes_and_goes() -> None:
    one = Somebody(330)
    world = World([one])
    machine = world.machine(Options(region=(320.0, 0.0, 320.0, 480.0)))
    seen = []
    for step in range(60):
        one.x = 330 + 25 * np.sin(step / 3)
        seen.append(of(world.step(machine), one))
    assert set(seen) == {seen[0]} and seen[0] is not None
    one.x = 150
    assert all(of(world.step(machine), one) is None for _ in range(20)), "who leaves it is left"
    one.x = 305
    assert all(of(world.step(machine), one) is None for _ in range(20)), "who is new has to be inside"


def test_a_lock_that_was_given_up_can_be_asked_for_again() -> None:
    world = World([Somebody(150)])
    machine = world.machine(Options(lock=(470.0, 220.0)))
    for _ in range(60):
        result = world.step(machine)
    assert result.locked is None
    world.people.append(Somebody(470))
    machine.options = Options(lock=(470.0, 220.0))
    for _ in range(30):
        result = world.step(machine)
    assert result.locked is not None and of(result, world.people[1]) == result.locked


def test_two_hands_of_one_side_are_told_apart() -> None:
    def told(of_track: str, said: str | None) -> tuple[Track, Found]:
        track = Track((0.0, 0.0, 50.0, 50.0))
        track.side_votes = 4.0 if of_track == "right" else -4.0
        return track, Found("hand", 25, 25, 50, 0.8, said)  # type: ignore[arg-type]

    for said in ("right", None, "left"):
        pair = [told("left", "left"), told("left", said)]
        tell_apart(pair)
        assert pair[1][0].side == (said or "left") and pair[0][0].side == "left"
    alone = [told("left", "right"), told("left", None)]
    tell_apart(alone)
    assert alone[0][0].side == "left", "one that nothing confirms tells nothing: a vote is a vote"


def test_where_an_arm_says_so_a_hand_needs_less() -> None:
    def shown(vouched: bool) -> int:
        hand = Somebody(300, y=300, unit=70, kind="hand", score=0.6)
        world = World([], kind="hand", ghosts=[Found("hand", 300, 300, 150, 0.3, vouched=vouched)])
        machine = world.machine(Options(find_threshold=0.64))
        world.people = [hand]
        hand.kind = "hand "  # The finder does not see it by itself.
        machine.engine.kind = "hand "  # type: ignore[attr-defined]
        return max(len(world.step(machine).poses) for _ in range(6))

    assert (shown(True), shown(False)) == (1, 0)


def test_a_hand_that_an_arm_tells_of_is_soon_looked_for_again() -> None:
    def runs(vouched: bool) -> int:
        world = World([Somebody(200, y=300, unit=60, kind="hand")], kind="hand")
        world.ghosts = [Found("hand", 500, 300, 100, 0.8, vouched=vouched)]
        machine = world.machine()
        for _ in range(24):
            world.step(machine)
        return world.finder_runs

    assert runs(True) >= 7 and runs(False) <= 5


def test_hands_that_touched_get_their_sides_back() -> None:
    hands = [Somebody(x, y=300, unit=55, kind="hand", side="left") for x in (150, 480)]
    world = World(hands, kind="hand")
    machine = world.machine(Options(finder_every=5))
    for _ in range(12):
        result = world.step(machine)
    assert [pose.side for pose in result.poses] == ["left", "left"]
    hands[1].side = "right"
    for _ in range(4):
        result = world.step(machine)
    assert sorted(str(pose.side) for pose in result.poses) == ["left", "right"], "at the finder's next run"


@pytest.mark.parametrize("lock", [False, True])
def test_who_goes_elsewhere_in_a_film_that_stands_still_sees_who_is_there(lock: bool) -> None:
    """The one picture that is shown there is the only one in which they can be found; back in time no time passes."""
    there, elsewhere = Somebody(150, shirt=(200, 60, 60)), Somebody(480, unit=70, shirt=(60, 60, 200), visible=False)
    world = World([there, elsewhere])
    machine = world.machine(Options(people=1))
    for _ in range(8):
        result = world.step(machine)
    number = of(result, there)
    machine.options = Options(people=1, lock=number if lock else None)
    world.step(machine)
    machine.curious = True
    for _ in range(2):
        there.visible, elsewhere.visible = False, True
        world.index = 0
        result = world.step(machine)
        assert len(result.poses) == (0 if lock else 1), "the lock is nobody else's"
        assert lock or of(result, elsewhere) is not None
        there.visible, elsewhere.visible = True, False
        world.index = 1
        assert of(world.step(machine), there) == number
