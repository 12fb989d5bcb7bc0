"""The plan's values: what makes no sense is refused before hours are spent on it."""

from __future__ import annotations

from typing import Any

import pytest

from cpm_live.core.errors import InputError
from cpm_live.training.plan import Plan


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"augment": {"stretch": -2}}, "stretch must be a number from 0 to 2"),
        ({"augment": {"rotation": -5}}, "rotation must be a number from 0 to 180"),
        ({"augment": {"shift": float("nan")}}, "shift must be a number"),
        ({"augment": {"cut": 1.5}}, "cut must be a number from 0 to 1"),
        ({"augment": {"zoom": [2, 1]}}, "zoom must be .low, high."),
        ({"augment": {"zoom": [0, 0]}}, "zoom must be .low, high."),
        ({"augment": {"zoom": [float("nan"), 2]}}, "zoom must be .low, high."),
        ({"absent": {"data": 3}}, "absent.data must be a list of joints"),
        ({"sizes": [[1.0, 64.7]]}, "sizes are"),
        ({"sizes": [[0.5, 64], [0.2, 96]]}, "shares growing"),
    ],
)
def test_values_that_make_no_sense(table: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Plan.from_table(table)


def test_what_is_told_of_a_plan_reads_back() -> None:
    plan = Plan.from_table({"batch": 4, "place": 0.01, "augment": {"cut": 0.4}, "absent": {"desk": ["left_hip"]}})
    assert Plan.from_table(plan.to_plain()) == plan
