"""What the charts are drawn from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cpm_live.core.frame import Frame
from cpm_live.core.pose import Result
from cpm_live.drawing.view import View
from cpm_live.gui.history import History
from cpm_live.pipeline import stats
from cpm_live.pipeline.machine import PoseMachine
from tests.fakes import DotEngine


def _results(times: list[float]) -> list[Result]:
    image = np.zeros((240, 320, 3), np.uint8)
    image[100:116, 150:166] = 255
    machine = PoseMachine("body", engine=DotEngine())
    results = [machine(Frame(image, index, int(at * 1e9), at)) for index, at in enumerate(times)]
    return [replace(result, finished_ns=int(at * 1e9)) for result, at in zip(results, times, strict=True)]


def test_no_line_is_drawn_through_a_pause() -> None:
    history = History()
    for result in _results([0.1, 0.2, 0.3, 4.3, 4.4]):
        history.add(result, View())
    times, beliefs, steps = history.times(), history.beliefs(), history.steps()
    assert times == pytest.approx([-4.3, -4.2, -4.1, -4.1, -0.1, 0.0])
    for values in (beliefs, steps):
        assert np.isnan(values[3]).all() and np.isfinite(np.delete(values, 3, axis=0)[:, 0]).all()


def test_rates_fall_when_nothing_comes_and_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(stats.time, "monotonic", lambda: now)
    rate = stats.Rate()
    for _ in range(20):
        now += 0.04
        rate.tick()
    assert rate.value() == pytest.approx(25)
    now += 0.06
    assert rate.value() == pytest.approx(25), "the next one may be on its way"
    seen = []
    for _ in range(15):
        now += 0.1
        seen.append(rate.value())
    assert seen == sorted(seen, reverse=True) and seen[-1] < 10
    rate.tick()
    rate.clear()
    assert rate.value() == 0
