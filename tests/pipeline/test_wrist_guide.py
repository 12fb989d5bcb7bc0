"""Bodies help the finder to find hands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cpm_live.capture.open import SourceRequest, open_source
from cpm_live.core.errors import InputError
from cpm_live.core.findings import Found
from cpm_live.core.skeleton import BODY
from cpm_live.engines.base import Engine
from cpm_live.engines.recipe import Recipe, find
from cpm_live.pipeline.finder import Finder, open_finder
from cpm_live.pipeline.wrist_guide import Wristed, WristGuide, guided, open_guide
from tests.pipeline.test_finder import SpotEngine
from tests.pipeline.world import Somebody, World, WorldEngine


class Opener:
    """Opens the world's bodies, and remembers how often."""

    def __init__(self, world: World) -> None:
        self.world, self.opened = world, list[WorldEngine]()

    def __call__(self) -> WorldEngine:
        self.opened.append(WorldEngine(self.world, "body"))
        return self.opened[-1]


def found(one: Somebody) -> Found:
    x, y, w, h = one.box
    return Found("person", x + w / 2, y + h / 2, max(w, h), 0.9)


def test_hands_are_looked_for_beyond_the_wrists_of_the_largest_two() -> None:
    people = [Somebody(120, unit=40), Somebody(320, unit=50), Somebody(540, unit=45)]
    world = World(people)
    opener = Opener(world)
    guide = WristGuide(find("body"), opener)
    assert guide(world.image(), [], []) == [] and not opener.opened, "nobody there: no second network"
    hands = guide(world.image(), [found(one) for one in people], [])
    assert len(opener.opened) == 1 and world.looks == [2, 2], "two looks at two people"
    assert len(guide(world.image(), [found(one) for one in people], [])) == 4
    assert world.looks == [2, 2, 2], "one look at those who were seen the last time"
    assert [hand.side for hand in hands] == ["right", "left"] * 2
    for one, pair in ((people[1], hands[:2]), (people[2], hands[2:])):
        for hand in pair:
            wrist = one.joints()[BODY.index(f"{hand.side}_wrist"), :2]
            assert 0 < np.hypot(hand.x - wrist[0], hand.y - wrist[1]) < hand.size
    guide.close()
    assert opener.opened[0].closed


def test_a_find_that_is_nobody_has_no_hands() -> None:
    world = World([])
    assert WristGuide(find("body"), Opener(world))(world.image(), [Found("person", 300, 200, 150, 0.9)], []) == []


def test_who_was_asked_about_in_vain_rests_for_two_runs() -> None:
    chair, other = Found("person", 300, 200, 150, 0.9), Found("person", 500, 200, 150, 0.9)
    one = Somebody(120, unit=40)
    world = World([one])
    guide = WristGuide(find("body"), Opener(world))
    people = [found(one), chair]
    looks = [2, 1]  # Both, then closer at the one who is there.
    guide(world.image(), people, [])
    assert world.looks == looks
    for _ in range(2):
        assert len(guide(world.image(), people, [])) == 2
        looks += [1]
        assert world.looks == looks, "who is there is asked about each time, the chair is not"
    guide(world.image(), people, [])
    looks += [1, 1]
    assert world.looks == looks, "it may be somebody by now"
    guide(world.image(), [other], [])
    assert world.looks == [*looks, 1], "at another place it is another one"
    guide.reset()
    guide(world.image(), [other], [])
    assert world.looks == [*looks, 1, 1], "another source has begun"


def test_without_a_body_network_the_finder_goes_on_alone(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> Engine:
        raise InputError("no weights")

    one, hand = Somebody(320), Found("hand", 100, 100, 40, 0.8)
    guide = WristGuide(find("body"), fails)
    for _ in range(3):
        assert guide(World([one]).image(), [found(one)], [hand]) == [hand]
    assert caplog.text.count("no weights") == 1


def test_wrists_are_looked_for_on_the_cpu_where_the_gpu_has_no_room(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = Somebody(320)
    world, kinds = World([one]), []

    def opener(_recipe: Recipe, kind: str, _threads: int) -> Engine:
        kinds.append(kind)
        if kind == "cuda":
            raise InputError("not enough GPU memory for the CUDA engine")
        return WorldEngine(world)

    monkeypatch.setattr("cpm_live.pipeline.wrist_guide.open_engine", opener)
    guide = open_guide(0, "cuda")
    guide.warm_up()
    assert kinds == ["cuda", "cpu"] and "wrists are looked for on the CPU: not enough GPU memory" in caplog.text
    assert len(guide(world.image(), [found(one)], [])) == 2


def body(wrist_belief: float = 0.9) -> Wristed:
    at = Somebody(320).joints()
    joints = np.column_stack([at, np.full(len(at), 0.9)]).astype(np.float32)
    joints[[BODY.index("right_wrist"), BODY.index("left_wrist")], 2] = wrist_belief
    hands = tuple(
        Found("hand", *(float(v) for v in joints[BODY.index(f"{side}_wrist"), :2]), 30.0, wrist_belief, side)  # type: ignore[arg-type]
        for side in ("right", "left")
    )
    return Wristed(joints, hands)


def test_a_hand_that_both_know_stays_where_the_finder_has_it_and_gets_its_side() -> None:
    one = body()
    left = one.hands[1]
    hand = Found("hand", left.x + 8, left.y, 34.0, 0.5)
    hands = guided([hand], [one], BODY)
    assert hands == [replace(hand, side="left", vouched=True), one.hands[0]]
    told = replace(hand, side="right", vouched=True)
    assert guided([told], [one], BODY)[0] == told, "what the finder says of itself counts"


def test_where_they_do_not_agree_both_places_are_offered() -> None:
    one = body()
    left = one.hands[1]
    large = Found("hand", left.x + 8, left.y, 2.2 * left.size, 0.5)
    assert guided([large], [one], BODY) == [replace(large, side="left", vouched=True), *one.hands]


def test_between_both_wrists_nobody_can_tell_the_side() -> None:
    one = body()
    together = (one.hands[0], replace(one.hands[1], x=one.hands[0].x + 10, y=one.hands[0].y))
    hand = Found("hand", one.hands[0].x + 5, one.hands[0].y, 34.0, 0.5)
    assert guided([hand], [replace(one, hands=together)], BODY)[0].side is None


def test_faces_and_elbows_are_no_hands_where_both_hands_are_elsewhere() -> None:
    one = body()
    face = Found("hand", *(float(v) for v in one.joints[BODY.index("head_top"), :2]), 30.0, 0.6)
    assert guided([face], [one], BODY) == list(one.hands)
    unsure = body(wrist_belief=0.25)
    assert guided([face], [unsure], BODY)[0] == face, "a hand whose wrist is not sure may well be at the face"
    elsewhere = replace(face, x=60.0, y=60.0)
    assert guided([elsewhere], [one], BODY)[0] == elsewhere, "somebody else's"


def test_the_finder_passes_on_what_the_guide_knows(tmp_path: Path) -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    frame[108:132, 488:512] = 255
    world = World([Somebody(320)])
    finder = Finder(SpotEngine(), find("finder"), WristGuide(find("body"), Opener(world)))
    assert [f.kind for f in finder(frame, "person").found] == ["person", "hand"] and not world.looks
    kinds = [f.kind for f in finder(frame, "hand").found]
    assert kinds.count("person") == 1 and kinds.count("hand") >= 1 and world.looks
    finder.close()


@pytest.mark.data
def test_on_real_frames_wrists_are_hands(clips: Path) -> None:
    """Most hands of the reference are offered, with the shipped weights."""
    reference = json.loads((clips / "reference.json").read_text())["clips"]["thanks"]["frames"]
    source = open_source(SourceRequest(str(clips / "thanks.mkv"), live=False))
    finder, offered = open_finder(1), []
    while (frame := source.read()) is not None:
        for hand in reference.get(str(frame.index), {"hands": []})["hands"]:
            at = np.asarray(hand["keypoints"])[:, :2]
            middle, size = (at.min(axis=0) + at.max(axis=0)) / 2, float(np.ptp(at, axis=0).max())
            hands = [f for f in finder(frame.image, "hand").found if f.kind == "hand"]
            offered.append(any(np.hypot(f.x - middle[0], f.y - middle[1]) < size for f in hands))
    source.close()
    finder.close()
    assert len(offered) >= 5 and np.mean(offered) > 0.6
