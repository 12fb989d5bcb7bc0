"""What the charts are drawn from."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from cpm_live.core.frame import Frame
from cpm_live.core.pose import Result, Steps
from cpm_live.gui.history import STEPS, History
from cpm_live.pipeline import stats
from cpm_live.pipeline.machine import PoseMachine
from tests.fakes import DotEngine


def results(times: list[float]) -> list[Result]:
    """Of somebody who stands there, finished at these seconds."""
    image = np.zeros((240, 320, 3), np.uint8)
    image[100:116, 150:166] = 255
    machine = PoseMachine("body", engine=DotEngine())
    made = [machine(Frame(image, index, int(at * 1e9), at)) for index, at in enumerate(times)]
    return [replace(result, finished_ns=int(at * 1e9)) for result, at in zip(made, times, strict=True)]


def test_no_line_is_drawn_through_a_pause() -> None:
    history = History()
    for result in results([0.1, 0.2, 0.3, 4.3, 4.4]):
        history.add(result)
        history.look_at(result.poses[0].id)
    times, beliefs, steps = history.times(), history.beliefs(), history.steps()
    assert times == pytest.approx([-4.3, -4.2, -4.1, -4.1, -0.1, 0.0])
    for values in (beliefs, steps):
        assert np.isnan(values[3]).all() and np.isfinite(np.delete(values, 3, axis=0)[:, 0]).all()


def test_the_chart_says_where_the_milliseconds_go(qtbot: QtBot) -> None:
    """Hands may take most of them, and the finder does in the frames it runs in; what did not run is not named."""
    from cpm_live.gui.charts import Charts

    history = History()
    charts = Charts(history)
    qtbot.addWidget(charts)
    charts.resize(300, 400)
    charts.show()
    both, named = ("find", "hands"), []
    for index, result in enumerate(results([0.1, 0.2, 0.3, 0.4])):
        steps = dict(result.steps_ms) | {"engine": 5.0, "find": 8.0 * (index == 3), "hands": 21.0 * (index >= 2)}
        history.add(replace(result, steps_ms=Steps(steps)))
        charts.refresh()
        text = charts._step_title.text()
        named.append([f"{word}&nbsp;" in text for word in ("engine", "hands", "finder")])
        curves = {name: curve.isVisible() for name, curve in zip(STEPS, charts._step_curves, strict=True)}
        assert curves["engine"] and [curves[name] for name in both] == [index == 3, index >= 2]
    assert named == [[True, False, False]] * 2 + [[True, True, False], [True, True, True]]
    assert "finder&nbsp;8.0" in text and "hands&nbsp;21" in text
    assert charts.minimumSizeHint().width() <= 300


def test_what_is_older_than_the_chart_is_forgotten() -> None:
    history = History(window=2.0)
    for result in results([0.1, 0.7, 1.3, 1.9, 2.5, 3.1]):
        history.add(result)
    assert history.times() == pytest.approx([-1.8, -1.2, -0.6, 0])


def test_a_result_that_is_shown_otherwise_is_no_new_sample() -> None:
    history, (result,) = History(), results([0.5])
    history.add(result)
    history.add(replace(result, joint_threshold=0.9))
    assert len(history.times()) == 1


def test_another_stage_or_person_has_a_history_of_its_own() -> None:
    """Chosen on a picture that stands still, too: the chart says what the list beside it says."""
    history = History()
    for index, result in enumerate(results([0.1, 0.2, 0.3])):
        own = result.poses[0]
        stages = own.stages.copy()
        stages[..., 2] = 0.1 * np.arange(1, len(stages) + 1)[:, None]
        other = replace(own, id=own.id + 1, stages=stages * 0.5)
        poses = (replace(own, stages=stages), other) if index else (replace(own, stages=stages),)
        history.add(replace(result, poses=poses))
    assert np.isnan(history.beliefs()).all(), "nobody is looked at yet"
    history.look_at(own.id)
    assert history.beliefs(0) == pytest.approx(0.1) and history.beliefs(1) == pytest.approx(0.2)
    assert history.beliefs() == pytest.approx(0.1 * len(own.stages)) == history.beliefs(99)
    before = history.version
    history.look_at(other.id)
    assert history.version > before, "there is something new to draw"
    assert np.isnan(history.beliefs(0)[0]).all() and history.beliefs(0)[1:] == pytest.approx(0.05)


def test_rates_fall_when_nothing_comes_and_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(stats.time, "perf_counter", lambda: now)
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


def test_the_age_that_is_told_is_that_of_19_in_20() -> None:
    meter = stats.Meter()
    for age in range(101):
        meter.add(SimpleNamespace(age_ms=float(age), steps_ms={}))  # type: ignore[arg-type]
    assert meter.ages() == (50.0, 95.0)
