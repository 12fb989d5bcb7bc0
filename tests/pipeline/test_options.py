from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cpm_live.core.errors import InputError
from cpm_live.engines.recipe import find
from cpm_live.pipeline.find_schedule import Schedule
from cpm_live.pipeline.options import Options


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"people": 9}, "people is 9; use 1 to 8"),
        ({"people": 0}, "people is 0"),
        ({"smoothing": 1.5}, "smoothing is 1.5"),
        ({"region": (0.0, 0.0, 5.0, 100.0)}, "region is too small"),
        ({"finder_every": 0}, "finder_every is 0"),
        ({"find_threshold": -0.1}, "find_threshold is -0.1"),
    ],
)
def test_values_outside_their_range_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Options(**wrong)  # type: ignore[arg-type]


def test_thresholds_are_the_recipes_unless_said_otherwise() -> None:
    recipe = find("body")
    usual = Options().thresholds(recipe)
    assert (usual.joint, usual.find, usual.finder) == (
        recipe.joint_threshold, recipe.find_threshold, recipe.finder_threshold,
    )  # fmt: skip
    assert usual.hollow < usual.joint and usual.keep < usual.find
    ours = Options(joint_threshold=0.1, find_threshold=0.2).thresholds(recipe)
    assert ours.joint == 0.1 and ours.hollow <= 0.1 and ours.sure == recipe.joint_threshold
    assert ours.follow == recipe.follow_threshold, "what is shown changes nothing else"
    assert ours.find == 0.2 and ours.keep <= 0.2, "who is followed never needs more than who is found"
    odd = replace(recipe, keep_threshold=0.9)
    assert Options().thresholds(odd).keep == odd.find_threshold


def test_budgets() -> None:
    assert Options().budget("body") == 4 and Options().budget("hand") == 2
    assert Options(people=7).budget("hand") == 7


def test_the_finder_is_due_in_frames_and_on_slow_machines_in_time() -> None:
    schedule = Schedule()
    assert [n for n in range(30) if schedule.due(n / 30, 1, False, 10)] == [0, 10, 20]
    schedule.reset()
    assert [n for n in range(8) if schedule.due(n / 5, 1, False, 10)] == [0, 2, 4, 6]
    schedule.reset()
    assert all(schedule.due(n / 30, 0, False, 10) for n in range(5))
    assert [n for n in range(9) if schedule.due((5 + n) / 30, 1, True, 10)] == [2, 5, 8]


def test_numpys_values_are_as_good() -> None:
    options = Options(people=np.int64(2), region=np.array([0, 0, 64, 64]), lock=np.array([3.0, 4.0]))  # type: ignore[arg-type]
    assert options == Options(people=2, region=(0.0, 0.0, 64.0, 64.0), lock=(3.0, 4.0))
    assert Options(lock=np.int64(5)).lock == 5  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"finder_every": float("inf")},
        {"finder_every": float("nan")},
        {"hands": "no"},
        {"region": (0, 0, None, 20)},
        {"region": ["a", 1, 2, 3]},
        {"lock": ("a", 1)},
    ],
)
def test_values_of_other_kinds_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Options(**wrong)  # type: ignore[arg-type]
