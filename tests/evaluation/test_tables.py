"""Figures as people read them."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from cpm_live.core.skeleton import BODY
from cpm_live.evaluation.tables import print_figures


@pytest.mark.parametrize(("metric", "threshold"), [("torso", "0.2"), ("box", "0.1")])
def test_stages_are_counted_from_one_and_joints_named_with_their_threshold(metric: str, threshold: str) -> None:
    first, last = {"0.1": 0.125, "0.2": 0.25}, {"0.1": 0.5, "0.2": 0.75}
    figures: dict[str, Any] = {
        "model": "m", "metric": metric, "main_threshold": threshold, "images": 3, "pck": last,
        "per_source": {}, "per_stage": [first, last],
        "per_joint": dict.fromkeys(BODY.joints, 0.625), "per_joint_and_source": {},
    }  # fmt: skip
    console = Console(file=(text := io.StringIO()), width=120)
    print_figures(console, figures, BODY, ("stage", "joint"))
    rows = [line.split() for line in text.getvalue().replace("│", " ").splitlines()]
    assert ["stage", "1", "12.5", "25.0"] in rows and ["stage", "2", "50.0", "75.0"] in rows
    assert ["per", "joint,", f"PCK@{threshold}"] in rows and ["left", "wrist", "62.5"] in rows
