"""Hands that are followed at a wrong size, and the looks that put them right."""

from __future__ import annotations

import numpy as np
import pytest

from cpm_live.core.crop import Crop
from cpm_live.core.findings import Found
from cpm_live.engines.recipe import find
from cpm_live.pipeline.machine import PoseMachine
from tests.pipeline.world import Somebody, World, WorldEngine


class Sizes(WorldEngine):
    """Sees, of those in one place, whom the crop is the right size for."""

    def _in(self, crop: Crop) -> Somebody | None:
        def off(one: Somebody) -> float:
            x, y, w, h = one.box
            if np.hypot(x + w / 2 - crop.x, y + h / 2 - crop.y) > 0.4 * crop.side:
                return np.inf
            return float(abs(np.log(find("hand").margin * max(w, h) / crop.side)))

        best = min(self.world.people, key=off)
        return best if off(best) < np.inf else None


def offer(one: Somebody, score: float = 0.8) -> Found:
    """What a finder says that sees this one."""
    x, y, w, h = one.box
    return Found("hand", x + w / 2, y + h / 2, max(w, h), score)


def followed(world: World, *seen: Found, frames: int = 10) -> PoseMachine:
    """A machine that has followed what the finder sees for a while. The finder sees nothing but these."""
    machine = world.machine()
    machine.engine = Sizes(world)  # type: ignore[assignment]
    world.ghosts = list(seen)
    for _ in range(frames):
        world.step(machine)
    return machine


def sizes(world: World, machine: PoseMachine, frames: int = 20) -> list[list[tuple[int, float]]]:
    """Number and size of each hand, frame by frame."""
    return [[(pose.id, max(pose.box[2:])) for pose in world.step(machine).poses] for _ in range(frames)]


def hand(unit: float, score: float, x: float = 300) -> Somebody:
    """One that the fake finder does not see by itself."""
    return Somebody(x, y=300, unit=unit, kind="hand ", score=score)


@pytest.mark.parametrize("wrong", [24.0, 105.0])
def test_fingers_or_a_forearm_that_are_followed_become_the_hand(wrong: float) -> None:
    piece, whole = hand(wrong, 0.72), hand(56, 0.9)
    world = World([piece, whole], kind="hand")
    machine = followed(world, offer(piece))
    [(number, size)] = sizes(world, machine, 1)[0]
    assert size == pytest.approx(max(piece.box[2:]), rel=0.05)
    world.ghosts = [offer(whole)]
    [(still, size)] = sizes(world, machine)[-1]
    assert size == pytest.approx(max(whole.box[2:]), rel=0.05)
    assert still == number, "it is the hand that was followed"


@pytest.mark.parametrize(("score", "sure"), [(0.7, 0.8), (0.95, 0.4)])
def test_an_opinion_that_is_no_surer_or_hardly_offered_changes_nothing(score: float, sure: float) -> None:
    whole, piece = hand(56, 0.85), hand(24, score)
    world = World([whole, piece], kind="hand")
    machine = followed(world, offer(whole))
    world.ghosts = [offer(piece, sure)]
    for frame in sizes(world, machine):
        [(_, size)] = frame
        assert size == pytest.approx(max(whole.box[2:]), rel=0.05)


def test_a_hand_does_not_become_the_surer_one_beside_it_that_is_followed_too() -> None:
    small, large = hand(30, 0.88, 262), hand(60, 0.97, 304)
    small.y -= 28
    world = World([small, large], kind="hand")
    machine = followed(world, offer(small), offer(large))
    before = sorted(sizes(world, machine, 1)[0])
    assert len(before) == 2
    for frame in sizes(world, machine):
        assert [number for number, _ in sorted(frame)] == [number for number, _ in before]
        assert min(size for _, size in frame) == pytest.approx(max(small.box[2:]), rel=0.05)


@pytest.mark.parametrize(("away", "more"), [(0.6, 0), (1.5, 1)])
def test_another_offer_of_a_hand_that_is_followed_is_not_one_more(away: float, more: int) -> None:
    """A quick hand's wrist and the finder do not say the same place: with both hands followed a third one was told."""
    left, right = hand(56, 0.9, x=150), hand(56, 0.9, x=450)
    world = World([left, right], kind="hand")
    machine = followed(world, offer(left), offer(right))
    size = max(right.box[2:])
    seen = offer(right)
    world.ghosts = [offer(left), seen, Found("hand", seen.x + away * size, seen.y, size, 0.8)]
    results = [world.step(machine) for _ in range(12)]
    assert all(len(result.poses) == 2 for result in results)
    assert results[-1].left_out == more


def test_offers_that_were_looked_at_in_vain_are_nobody_who_is_left_out() -> None:
    """Nor when the place that was free is taken, by another one, in that very frame."""
    left, right = hand(56, 0.9, x=150), hand(56, 0.9, x=450)
    world = World([left, right], kind="hand")
    machine = followed(world, offer(left))
    nothing = [Found("hand", x, 120, 56, 0.9) for x in (100, 560)]
    world.ghosts = [offer(left), offer(right), *nothing]
    results = [world.step(machine) for _ in range(20)]
    taken = next(result for result in results if len(result.poses) == 2)
    assert taken.left_out == 0
