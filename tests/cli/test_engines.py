"""doctor, bench and models build, as somebody at a terminal meets them."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from cpm_live.capture.open import SourceRequest
from cpm_live.cli.bench import _print, _start_window
from cpm_live.cli.main import app
from cpm_live.core.errors import InputError
from cpm_live.engines import build, build_cache, nvidia, probe
from cpm_live.engines.base import EngineInfo
from cpm_live.engines.build import Progress
from cpm_live.engines.probe import Found
from cpm_live.engines.recipe import find
from cpm_live.network.presets import PRESETS
from cpm_live.pipeline import bench
from cpm_live.pipeline.bench import Timing, live_ages, time_model
from tests.gui.fakes import KnowingEngine

RUNNER = CliRunner()


@pytest.fixture
def with_tensorrt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As if there were a GPU and torch-tensorrt."""
    monkeypatch.setattr(nvidia, "find_gpu", lambda: nvidia.Gpu("NVIDIA Fake", "8.9", 24000, "13.0"))
    monkeypatch.setattr(probe, "tensorrt", lambda: Found("tensorrt", True, "as if"))
    monkeypatch.setattr(build_cache, "cache_dir", lambda: tmp_path)


def test_doctor_names_every_engine_and_what_would_add_it(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Found("tensorrt", False, "torch-tensorrt is not installed", 'pip install "cpm-live[tensorrt]"')
    monkeypatch.setattr(probe, "tensorrt", lambda: missing)
    said = RUNNER.invoke(app, ["doctor"]).output
    for kind in ("tensorrt", "cuda", "directml", "coreml", "cpu", "torch"):
        assert f"engine {kind}: " in said
    assert 'to add it: pip install "cpm-live[tensorrt]"' in said and "engine cpu: ready" in said


def test_doctor_tells_what_is_built(with_tensorrt: None) -> None:
    said = RUNNER.invoke(app, ["doctor"]).output
    assert "GPU: NVIDIA Fake, compute capability 8.9, 24000 MB, driver runs CUDA 13.0" in said
    assert "TensorRT engine of body: not built" in said and "cpm-live models build body" in said


def test_doctor_verify_compares_every_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cpm_live.engines.recipe.names", lambda: ["body"])
    done = RUNNER.invoke(app, ["doctor", "--verify"])
    # Three batch sizes on two engines of the body, and of the finder, which is no model that one chooses.
    assert done.exit_code == 0 and done.output.count("ok: beliefs differ by") == 12 and "finder" in done.output
    assert "skipped: " in done.output
    monkeypatch.setattr("cpm_live.engines.verify.LIMITS", {"fp32": 0.0, "fp16": 0.0, "bf16": 0.0})
    done = RUNNER.invoke(app, ["doctor", "--verify"])
    assert done.exit_code == 1 and "WRONG" in done.output


def test_build_without_tensorrt_is_one_line() -> None:
    if probe.tensorrt().ready:
        pytest.skip("this machine can build")
    done = RUNNER.invoke(app, ["models", "build", "body"])
    assert isinstance(done.exception, InputError) and "cannot be built here: " in str(done.exception)


@pytest.mark.parametrize(
    ("last", "status", "line"),
    [
        (Progress("cancelled", "building body for TensorRT was cancelled"), 130, "nothing half-built is left"),
        (Progress("failed", "TensorRT could not build body"), 1, "TensorRT could not build body"),
    ],
)
def test_build_that_ends_otherwise(
    with_tensorrt: None, monkeypatch: pytest.MonkeyPatch, last: Progress, status: int, line: str
) -> None:
    monkeypatch.setattr(build, "build_now", lambda recipe, batches, tell: last)
    done = RUNNER.invoke(app, ["models", "build", "body"])
    assert done.exit_code == status and line in done.output + str(done.exception)


def test_build_builds_what_is_missing(with_tensorrt: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[int]] = []

    def build_now(recipe: object, batches: list[int], tell: object) -> Progress:
        asked.append(list(batches))
        for batch in batches:
            entry = build_cache.Entry(b"plan", ("images",), ("o",), {"beliefs": 0.003, "joints": 0.05})
            build_cache.store(build_cache.key(recipe, batch), entry)  # type: ignore[arg-type]
        return Progress("built", "", 1.0)

    monkeypatch.setattr(build, "build_now", build_now)
    first = RUNNER.invoke(app, ["models", "build", "body", "--batch", "1"])
    assert "batch size 1: 0.0 MB, beliefs within 0.003 and joints within 0.05 px" in first.output
    RUNNER.invoke(app, ["models", "build", "body"])
    last = RUNNER.invoke(app, ["models", "build", "body"])
    assert asked == [[1], [2, 4]] and "built already" in last.output
    wrong = RUNNER.invoke(app, ["models", "build", "body", "--batch", "3"])
    assert isinstance(wrong.exception, InputError) and "batch sizes are 1, 2, 4" in str(wrong.exception)


def test_bench_keeps_its_interface() -> None:
    """Others read it; naive torch and larger batches are timed in the same run."""
    done = RUNNER.invoke(
        app,
        [
            "bench",
            "--json",
            "--no-window",
            "--model",
            "body",
            "--engine",
            "cpu",
            "--rounds",
            "5",
            "--batch",
            "2",
            "--threads",
            "1",
        ],
    )
    assert done.exit_code == 0, done.output
    figures = json.loads(done.output.strip().splitlines()[-1])
    assert {"device", "threads", "results", "age_ms", "startup_s", "peak_rss_mb"} <= set(figures)
    (row,) = figures["results"]
    assert (row["model"], row["engine"]) == ("body", "cpu")
    assert row["bare_ms"]["p50"] > 0 and row["bare_ms"]["p95"] >= row["bare_ms"]["p50"]
    assert (
        row["pipeline_fps"] > 0
        and row["ratio"] > 0
        and row["frame_ratio"] > 0
        and row["memory_mb"] > 0
        and row["batch_ms"]["2"] > 0
    )
    assert row["extra_person_ms"]["2"] == pytest.approx(row["batch_ms"]["2"] - row["bare_ms"]["p50"], abs=0.01)
    assert 0 <= row["finder_share"] < 1
    assert row["naive_torch_ms"] > 0 and row["times_naive"] > 0
    assert figures["age_ms"]["p95"] >= figures["age_ms"]["p50"] > 0


class Millisecond:
    """An engine of a millisecond."""

    preset = PRESETS["tiny"]

    def infer(self, images: np.ndarray, centres: np.ndarray) -> np.ndarray:
        time.sleep(0.001)
        return images

    def warm_up(self) -> None: ...

    def describe(self) -> EngineInfo:
        return EngineInfo("fake", "fake", "test", "fp32")


class Machine:
    """Its machine needs 1.25 ms for a frame, and 10 ms in every tenth one."""

    def __init__(self) -> None:
        self.engine, self.recipe, self.count = Millisecond(), find("body"), 0

    def __call__(self, frame: object) -> object:
        self.count += 1
        finding = 9.0 if self.count % 10 == 0 else 0.0
        time.sleep((1.25 + finding) / 1e3)
        return SimpleNamespace(steps_ms={"find": finding})


def test_the_finders_runs_are_in_the_frames_per_second() -> None:
    """Of medians alone they would not: it runs in every tenth frame."""
    timing = time_model(Machine(), [None], rounds=40)  # type: ignore[arg-type, list-item]
    assert timing.pipeline_fps < 0.8 * 1e3 / timing.pipeline_p50
    assert timing.ratio < 0.8 * timing.frame_ratio


def test_a_slow_network_gets_fewer_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "LONGEST_S", 0.0)
    machine = Machine()
    time_model(machine, [None], rounds=40)  # type: ignore[arg-type, list-item]
    assert machine.count == 1 + bench.TURN  # one to begin with, and a turn in any case


def test_benchs_table_is_readable_in_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    timing = Timing(
        "hand", "tensorrt", 10.26, 11.43, 49.97, 12.86, 0.71, 0.8, {2: 17.2, 4: 33.65}, 0.11, 44.2, 114, 900
    )
    figures = {"device": "NVIDIA H200, Intel(R) Xeon(R) Processor", "threads": 2, "age_ms": {"p50": 14.6, "p95": 30},
               "results": [timing.to_json(), timing.to_json()], "startup_s": None}  # fmt: skip
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _print(figures)
    said = re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out)
    assert "…" not in said and max(len(line) for line in said.splitlines()) <= 80
    for value in ("10.26", "33.65", "50.0", "0.71", "0.80", "11", "44.2", "4.3", "114", "900"):
        assert value in said


def test_bench_leaves_out_what_is_not_there_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = [Found("tensorrt", True, "as if"), Found("cpu", True, "ONNX Runtime")]
    monkeypatch.setattr(probe, "find_engines", lambda: ready)
    done = RUNNER.invoke(app, ["bench", "--json", "--no-window", "--no-naive", "--model", "body", "--rounds", "5"])
    assert [row["engine"] for row in json.loads(done.stdout.strip().splitlines()[-1])["results"]] == ["cpu"]
    assert "left out: " in done.stderr


def test_the_window_that_is_timed_loads_nothing_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('code of the folder ran')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    timed = _start_window("body")
    assert timed["startup_s"] is not None and timed["startup_s"] > 0


def test_a_slow_networks_first_live_result_is_waited_for() -> None:
    asked = SourceRequest("demo", live=True)
    low, high = live_ages(find("body"), "cpu", asked, 0.01, opener=lambda recipe, kind: KnowingEngine(14, delay=0.5))
    assert 0 < low <= high
