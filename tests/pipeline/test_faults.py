"""Faults that no other test noticed: each was put into the code once, and is seen here."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from cpm_live import PoseMachine
from cpm_live.capture.open import SourceRequest
from cpm_live.core.crop import Crop
from cpm_live.core.findings import Found
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import BODY, HAND
from cpm_live.pipeline.closer import look_closer
from cpm_live.pipeline.hands_beside import HandsBeside
from cpm_live.pipeline.options import Options
from cpm_live.pipeline.show import on_the_picture
from tests.fakes import DotEngine
from tests.pipeline.test_closer import ShortSighted
from tests.pipeline.test_hands import BodiesWithHands, _machine
from tests.pipeline.test_live import Session
from tests.pipeline.world import FakeFinder, Somebody, World, WorldEngine


def test_a_lock_holds_for_each_single_picture() -> None:
    world = World([Somebody(160), Somebody(480)])
    machine = world.machine(Options(lock=(480.0, 260.0)))
    for picture in range(3):
        result = machine.find(world.image())
        assert result.locked is not None and len(result.poses) == 1, picture
        assert result.poses[0].box[0] > 320


def test_hands_of_one_picture_know_nothing_of_the_one_before() -> None:
    world = BodiesWithHands([Somebody(200, unit=110)])
    machine, hands = _machine(world, Options(hands=True, smoothing=1.0))
    for x in (200, 206):
        world.people[0].x = x
        hands.people = world.with_hands()
        result = machine.find(world.image())
        assert len(result.hands) == 2
        for pose in result.hands:
            assert np.abs(pose.keypoints[:, :2] - pose.raw[:, :2]).max() < 1e-3


def test_whoever_gives_a_picture_may_go_on_drawing_on_it() -> None:
    picture = np.zeros((240, 320, 3), np.uint8)
    picture[100:116, 152:168] = 255
    with PoseMachine("body", engine=DotEngine()) as machine:
        kept = machine(picture).frame.image
        picture[:] = 7  # the next one, in the same buffer
        assert kept.max() == 255 and not kept.flags.writeable


def test_a_machine_that_is_closed_closes_its_hands_engine_and_its_finder() -> None:
    world, made = World([Somebody(300, unit=110)]), []

    def opener(_: object) -> WorldEngine:
        made.append(WorldEngine(World([], kind="hand")))
        return made[-1]

    with world.machine(Options(hands=True), hand_engine=opener) as machine:
        world.step(machine)
        assert not made[0].closed
    assert made[0].closed and isinstance(machine.finder, FakeFinder) and machine.finder.closed


def test_a_hand_engine_whose_successor_cannot_be_made_is_closed() -> None:
    engine, said = WorldEngine(World([], kind="hand")), []
    beside = HandsBeside(lambda _: engine, said.append, BODY)
    assert beside() is not None

    def fails(_: object) -> None:
        raise RuntimeError("no memory")

    beside.swap(fails, wanted=True)
    assert beside() is None and engine.closed and said == ["no hands: no memory"] and beside.given_up


def test_a_recording_that_fails_is_over(tmp_path: Path) -> None:
    """Else the next one is refused, as that one were still being recorded."""
    session = Session().start()
    try:
        session.wait_for_pose()
        (tmp_path / "no folder").write_text("a file")
        session.live.start_recording(tmp_path / "no folder" / "a.mp4")
        deadline = time.monotonic() + 10
        while session.live.recording is not None:
            assert time.monotonic() < deadline
            session.live.results.take(0.05)
        session.live.start_recording(tmp_path / "b.mp4")
        kinds = [event.kind for event in session.live.take_events() if event.kind.startswith("recording")]
        assert kinds == ["recording", "recording-failed", "recording"]
    finally:
        session.live.stop()


def test_ages_and_steps_are_not_those_of_the_source_before() -> None:
    session = Session().start()
    try:
        session.wait_for_pose()
        assert session.live.stats().steps_ms
        session.live.drop_source()
        stats = session.live.stats()
        assert not stats.steps_ms and not stats.age_p50
    finally:
        session.live.stop()


def test_hands_are_put_on_the_picture_too() -> None:
    body = DotPose()
    result = Result(Frame(np.zeros((240, 320, 3), np.uint8), 0, 0), (), BODY, "body", 1, 0.4, hands=(body,))
    (hand,) = on_the_picture(result).hands
    assert tuple(hand.raw[3]) == (319, 0, np.float32(0.9)) and hand.keypoints[3, 0] == 319


def DotPose() -> Pose:
    stages = np.full((1, 21, 3), (50.0, 60.0, 0.9), np.float32)
    stages[0, 3, :2] = (320.4, -0.6)
    return Pose(1, (0, 0, 9, 9), stages, np.zeros((1, 22, 4, 4), np.float32), Crop(0, 0, 9, 32), smoothed=stages[0] + 0)


def test_a_picture_that_is_looked_at_again_is_as_old_as_the_wish() -> None:
    session = Session().start()
    try:
        result = session.wait_for_pose()
        session.live.pause(True)
        time.sleep(0.7)
        while session.live.results.take(0.1) is not None:
            pass
        session.live.look_again(result.frame)
        again = session.live.results.take(2)
        assert again is not None and again.frame.image is result.frame.image and again.age_ms < 500
    finally:
        session.live.stop()


def test_an_offer_that_came_to_nothing_is_nobody_who_is_left_out() -> None:
    world = World([Somebody(160)])
    world.ghosts = [Found("body", 480.0, 240.0, 150.0, 0.9), Found("body", 330.0, 240.0, 150.0, 0.9)]
    machine = world.machine(Options(people=2))
    assert [world.step(machine).left_out for _ in range(12)] == [0] * 12


def test_nobody_beyond_the_region_is_looked_for_closer() -> None:
    inside, outside = (300.0, 300.0, 90.0), (1500.0, 800.0, 90.0)
    finder, image = ShortSighted(inside, outside), np.zeros((1080, 1920, 3), np.uint8)
    found = look_closer(finder, image, "person", (100.0, 100.0, 600.0, 500.0), ())  # type: ignore[arg-type]
    assert [(one.x, one.y) for one in found] == [inside[:2]]


def test_a_finder_that_is_given_stays() -> None:
    world = World([Somebody(300)])
    machine, given = world.machine(), FakeFinder(world)
    assert machine.use_finder(given) is None  # type: ignore[arg-type]
    world.step(machine)
    assert machine.finder is given


def test_another_source_is_not_paused() -> None:
    session = Session().start()
    try:
        session.wait_for_pose()
        session.live.pause(True)
        session.live.set_source(SourceRequest("numbered"))
        assert not session.live.paused
        first = session.wait_for_pose().frame.index
        assert session.wait_for_pose().frame.index > first
    finally:
        session.live.stop()


def test_whoever_steps_through_a_film_by_hand_keeps_the_people_in_it() -> None:
    world = World([Somebody(160), Somebody(480)])
    machine = world.machine()
    for index in range(6):
        world.index = 300 * index  # ten seconds from one picture to the next
        result = world.step(machine)
        if index == 2:
            ids = [pose.id for pose in result.poses]
    assert len(ids) == 2 and [pose.id for pose in result.poses] == ids


def test_the_age_of_a_result_is_in_milliseconds() -> None:
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 0, 2_000_000)
    assert Result(frame, (), BODY, "body", 1, 0.4, finished_ns=7_500_000).age_ms == 5.5


def test_hands_have_stages_and_rings_of_their_own() -> None:
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 0, 0)
    result = Result(
        frame,
        (),
        BODY,
        "body",
        6,
        0.4,
        hollow_threshold=0.2,
        hand_skeleton=HAND,
        hand_stages=3,
        hand_thresholds=(0.3, 0.1),
    )
    hands = result.of_hands()
    assert hands is not None and (hands.stage_count, hands.joint_threshold, hands.hollow_threshold) == (3, 0.3, 0.1)
