"""Following in a world whose people are known: who is who, who is nobody, who is left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from cpm_live.core.crop import Crop
from cpm_live.core.findings import Found
from cpm_live.engines.base import Looked
from cpm_live.pipeline.options import Options
from tests.pipeline.world import FPS, Somebody, World, WorldEngine, of

RED, BLUE = (40, 40, 200), (200, 60, 40)


def test_everybody_is_found_and_keeps_their_number() -> None:
    world = World([Somebody(120), Somebody(320), Somebody(520)])
    machine = world.machine()
    for frame in range(40):
        result = world.step(machine)
        assert len(result.poses) == 3, frame
        for one in world.people:
            one.x += 1.5
    assert {pose.id for pose in result.poses} == {1, 2, 3}
    for one in world.people:
        one.x -= 1.5
        assert of(result, one) is not None


def test_all_people_of_a_frame_are_one_batch_and_a_new_one_costs_one_more_look() -> None:
    world = World([Somebody(120), Somebody(320), Somebody(520)])
    machine = world.machine()
    world.step(machine)
    assert world.looks == [3, 3]  # found, and confirmed from closer
    world.looks.clear()
    for _ in range(20):
        world.step(machine)
    assert world.looks == [3] * 20


def test_the_finder_runs_now_and_then_and_at_once_when_nobody_is_there() -> None:
    world = World([Somebody(320)])
    machine = world.machine(Options(finder_every=10))
    results = [world.step(machine) for _ in range(41)]
    assert world.finder_runs == 5
    assert [r.frame.index for r in results if r.finder is not None] == [1, 11, 21, 31, 41]
    assert sum(r.steps_ms["find"] > 0 for r in results) == 5
    world.people.clear()
    before = world.finder_runs
    for _ in range(30):
        world.step(machine)
    assert world.finder_runs - before > 20


def test_picked_up_and_lost_within_half_a_second() -> None:
    world = World([Somebody(200)])
    machine = world.machine()
    for _ in range(15):
        world.step(machine)
    late = Somebody(450)
    world.people.append(late)
    waited = next(n for n in range(60) if of(world.step(machine), late) is not None)
    assert waited / FPS <= 0.5
    late.visible = False
    gone = next(n for n in range(60) if len(world.step(machine).poses) == 1)
    assert gone / FPS <= 0.5
    assert not any(len(world.step(machine).poses) != 1 for _ in range(60))


@pytest.mark.parametrize("hidden", [5, 30])
def test_a_short_absence_does_not_change_the_number(hidden: int) -> None:
    one = Somebody(300)
    world = World([one])
    machine = world.machine()
    for _ in range(15):
        result = world.step(machine)
        one.x += 2
    number = of(result, Somebody(one.x - 2))
    one.visible = False
    for _ in range(hidden):
        assert world.step(machine).poses == ()
        one.x += 2
    one.visible = True
    assert of(world.step(machine), one) == number == 1


def test_somebody_else_later_has_another_number() -> None:
    one = Somebody(150, shirt=RED)
    world = World([one])
    machine = world.machine()
    for _ in range(10):
        world.step(machine)
    world.people = []
    for _ in range(30):
        world.step(machine)
    world.people = [Somebody(480, shirt=BLUE)]
    assert of(world.step(machine), world.people[0]) == 2


@pytest.mark.parametrize("speed", [2.0, 5.0])
@pytest.mark.parametrize("turn", [False, True])
def test_numbers_are_not_swapped_when_two_people_cross(speed: float, turn: bool) -> None:
    behind, front = Somebody(120, shirt=RED), Somebody(520, shirt=BLUE)
    world = World([behind, front])
    machine = world.machine()
    result = world.step(machine)
    before = of(result, behind), of(result, front)
    for _ in range(int(400 / speed)):
        met = abs(behind.x - front.x) < 10
        if met and turn:
            speed = -speed
            behind.x, front.x = behind.x - 12 * np.sign(-speed), front.x + 12 * np.sign(-speed)
        behind.x += speed
        front.x -= speed
        result = world.step(machine)
        assert len(result.poses) <= 2
    for _ in range(10):
        result = world.step(machine)
    assert (of(result, behind), of(result, front)) == before and None not in before


def test_where_nobody_is_nothing_is_shown_and_no_number_is_used() -> None:
    world = World([], ghosts=[Found("person", 200, 200, 180, 0.95), Found("person", 420, 240, 90, 0.6)])
    machine = world.machine()
    for _ in range(30):
        assert world.step(machine).poses == ()
    world.people.append(Somebody(320))
    assert of(world.step(machine), world.people[0]) == 1


def test_two_finds_of_one_person_are_one() -> None:
    world = World([Somebody(300)])
    x, y, w, h = world.people[0].box
    world.ghosts = [Found("person", x + w * 0.2, y + h * 0.3, h * 0.8, 0.8)]
    machine = world.machine()
    for _ in range(30):
        assert len(world.step(machine).poses) == 1


def test_tracks_that_end_on_one_person_become_one_and_the_older_stays() -> None:
    first, second = Somebody(200, shirt=RED), Somebody(420, shirt=BLUE)
    world = World([first, second])
    machine = world.machine()
    for _ in range(5):
        world.step(machine)
    # The second one stands behind the first for good.
    for _ in range(40):
        second.x -= 5.5
        world.people = [second, first]
        result = world.step(machine)
    assert len(result.poses) == 1 and of(result, first) == 1


def test_beyond_the_budget_the_largest_are_kept_and_the_others_counted() -> None:
    world = World([Somebody(100, unit=50), Somebody(300, unit=75), Somebody(520, unit=65)])
    machine = world.machine(Options(people=2))
    result = world.step(machine)
    assert len(result.poses) == 2 and result.left_out == 1
    assert of(result, world.people[0]) is None
    ids = [pose.id for pose in result.poses]
    # A larger one who comes later does not push out who is followed.
    world.people.append(Somebody(420, y=300, unit=110))
    for _ in range(25):
        result = world.step(machine)
        assert [pose.id for pose in result.poses] == ids
    machine.options = Options(people=1)
    result = world.step(machine)
    assert len(result.poses) == 1 and of(result, world.people[1]) is not None
    machine.options = Options(people=4)
    for _ in range(15):
        result = world.step(machine)
    assert len(result.poses) == 4 and result.left_out == 0


def test_a_region_keeps_others_out() -> None:
    world = World([Somebody(150), Somebody(480)])
    machine = world.machine()
    world.step(machine)
    machine.options = Options(region=(320.0, 0.0, 320.0, 480.0))
    for _ in range(15):
        result = world.step(machine)
    assert of(result, world.people[0]) is None and of(result, world.people[1]) in (1, 2)
    assert world.regions[-1] == (320.0, 0.0, 320.0, 480.0)
    machine.options = Options()
    for _ in range(15):
        result = world.step(machine)
    assert len(result.poses) == 2


def test_locked_on_one_person_until_released() -> None:
    world = World([Somebody(150), Somebody(480)])
    machine = world.machine()
    result = world.step(machine)
    number = of(result, world.people[1])
    machine.options = Options(lock=(480.0, 230.0))
    for _ in range(30):
        result = world.step(machine)
        assert [pose.id for pose in result.poses] == [number] and result.locked == number
    world.looks.clear()
    world.step(machine)
    assert world.looks == [1]
    machine.options = Options()
    for _ in range(15):
        result = world.step(machine)
    assert len(result.poses) == 2 and result.locked is None


def test_a_lock_by_number_survives_an_occlusion_and_ends_with_the_person() -> None:
    world = World([Somebody(150), Somebody(480)])
    machine = world.machine()
    number = of(world.step(machine), world.people[0])
    machine.options = Options(lock=number)
    for _ in range(5):
        world.step(machine)
    world.people[0].visible = False
    for _ in range(20):
        result = world.step(machine)
        assert result.poses == () and result.locked == number
    world.people[0].visible = True
    result = world.step(machine)
    assert of(result, world.people[0]) == number
    world.people.pop(0)
    for _ in range(150):
        result = world.step(machine)
    assert result.locked is None and len(result.poses) == 1


def test_pointing_at_somebody_nobody_has_found_yet() -> None:
    world = World([Somebody(300)])
    machine = world.machine(finder=False)
    world.people[0].visible = False
    world.step(machine)
    world.people[0].visible = True
    machine.options = Options(lock=(300.0, 240.0))
    results = [world.step(machine) for _ in range(5)]
    assert results[-1].locked == results[-1].poses[0].id


def test_without_a_finder_people_are_searched_for() -> None:
    world = World([Somebody(200, unit=80)])
    machine = world.machine(finder=False)
    results = [world.step(machine) for _ in range(40)]
    assert of(results[-1], world.people[0]) == 1 and world.finder_runs == 0
    assert all(result.finder is None for result in results)


def test_joints_outside_the_frame_are_not_shown() -> None:
    world = World([Somebody(300, y=330, unit=120)])
    machine = world.machine()
    for _ in range(5):
        result = world.step(machine)
    pose = result.poses[0]
    below = world.people[0].joints()[:, 1] > 490
    assert below.any() and (pose.keypoints[below, 2] == 0).all()
    assert (pose.keypoints[~below, 2] > 0).all()
    assert pose.box[1] + pose.box[3] <= 490


def test_a_hands_side_is_a_vote() -> None:
    hand = Somebody(300, y=300, unit=70, side="right", kind="hand")
    world = World([hand], kind="hand")
    machine = world.machine(Options(finder_every=2))
    for _ in range(12):
        result = world.step(machine)
        assert result.poses[0].side == "right"
    hand.side = "left"
    for _ in range(4):
        assert world.step(machine).poses[0].side == "right"
    for _ in range(40):
        result = world.step(machine)
    assert result.poses[0].side == "left" and result.poses[0].id == 1


def test_a_face_that_was_taken_for_a_hand_is_given_up_when_the_finder_does_not_see_one() -> None:
    face = Somebody(300, y=200, unit=60, kind="hand", score=0.55)
    world = World([face], kind="hand")
    machine = world.machine(Options(finder_every=10, find_threshold=0.5, keep_threshold=0.4))
    assert len(world.step(machine).poses) == 1
    finder = machine.finder
    assert finder is not None
    face.kind = "hand "  # the finder does not see it any more, the hand network goes on
    machine.engine.kind = "hand "  # type: ignore[attr-defined]
    counts = [len(world.step(machine).poses) for _ in range(40)]
    assert counts[:8] == [1] * 8 and counts[-15:] == [0] * 15
    # A hand that the network is sure of needs no finder.
    sure = Somebody(300, y=200, unit=60, kind="hand")
    world = World([sure], kind="hand")
    machine = world.machine(Options(finder_every=10, find_threshold=0.5, keep_threshold=0.4))
    world.step(machine)
    sure.kind = machine.engine.kind = "hand "  # type: ignore[attr-defined]
    assert all(len(world.step(machine).poses) == 1 for _ in range(40))


def test_two_hands_are_the_usual_budget() -> None:
    world = World([Somebody(x, y=300, unit=60, kind="hand") for x in (120, 320, 520)], kind="hand")
    result = world.step(world.machine())
    assert len(result.poses) == 2 and result.left_out == 1


def test_a_frame_long_after_the_last_does_not_lose_anybody() -> None:
    """Who steps through a file by hand, or feeds pictures slowly, keeps the numbers."""
    world = World([Somebody(300)])
    machine = world.machine()
    for _ in range(5):
        world.step(machine)
    world.index += 3000
    assert of(world.step(machine), world.people[0]) == 1


def test_reset_forgets_and_numbers_go_on() -> None:
    world = World([Somebody(300)])
    machine = world.machine()
    world.step(machine)
    machine.reset()
    assert of(world.step(machine), world.people[0]) == 2
    assert machine.finder is not None and machine.finder.resets == 1  # type: ignore[attr-defined]
    machine.close()
    assert machine.finder.closed  # type: ignore[attr-defined]


def test_pointing_at_somebody_works_when_the_budget_is_full() -> None:
    world = World([Somebody(150, unit=70), Somebody(480, unit=50)])
    machine = world.machine(Options(people=1))
    result = world.step(machine)
    assert of(result, world.people[0]) is not None and len(result.poses) == 1
    machine.options = Options(people=1, lock=(480.0, 230.0))
    for _ in range(15):
        result = world.step(machine)
    assert len(result.poses) == 1 and of(result, world.people[1]) is not None
    assert result.locked == result.poses[0].id


def test_legs_alone_are_nobody_new() -> None:
    """The edge of a door is like a leg."""

    class Legs(WorldEngine):
        def look(self, image: NDArray[np.uint8], crops: Sequence[Crop], joints: int) -> Looked:
            looked = super().look(image, crops, joints)
            looked.joints[..., 6:, 2] = 0.2
            return looked

    world = World([Somebody(320)])
    machine = world.machine()
    machine.engine = Legs(world)
    assert all(not world.step(machine).poses for _ in range(8))
    machine.engine = WorldEngine(world)
    assert len(world.step(machine).poses) == 1


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_what_is_shown_does_not_change_who_is_found(threshold: float) -> None:
    world = World([Somebody(300)])
    usual = world.machine()
    places = [world.step(usual).poses[0].crop for _ in range(6)]
    world = World([Somebody(300)])
    machine = world.machine(Options(joint_threshold=threshold))
    for place in places:
        poses = world.step(machine).poses
        assert len(poses) == 1 and poses[0].crop == place


def test_pointing_at_somebody_who_was_lost_just_now_locks_when_they_are_back() -> None:
    world = World([Somebody(200), Somebody(480)])
    machine = world.machine()
    for _ in range(5):
        result = world.step(machine)
    number = of(result, world.people[0])
    world.people[0].visible = False
    for _ in range(4):
        world.step(machine)
    machine.options = Options(lock=(200.0, 240.0))
    world.step(machine)
    world.people[0].visible = True
    for _ in range(12):
        result = world.step(machine)
    assert result.locked == number and [pose.id for pose in result.poses] == [number]
