"""Runs that are stopped, killed, stretched: what is resumed goes on as if nothing had been."""

from __future__ import annotations

import csv
import errno
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY
from cpm_live.network import checkpoint
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS
from cpm_live.training import loop, state
from cpm_live.training.schedule import Budget, Leg, evaluations_due, rate_share
from tests.training.common import ENVIRONMENT, figures, train_command, trainer_of, write_coco, write_recipe


def _curve(run: Path) -> list[dict[str, str]]:
    with (run / "log.csv").open() as handle:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(handle)]


def _rows(run: Path) -> int:
    try:
        return len(_curve(run))
    except FileNotFoundError:
        return 0


def _start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _wait_for_rows(process: subprocess.Popen[str], run: Path, rows: int) -> None:
    deadline = time.monotonic() + 200
    while _rows(run) < rows and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.poll() is None, f"it ended too early: {process.communicate()}"


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.timeout(900)
def test_sigterm_and_kill_leave_the_curve_of_an_uninterrupted_run(tmp_path: Path) -> None:
    samples = figures(12)
    write_coco(tmp_path / "data", samples, "body_train.json")
    write_coco(tmp_path / "data", samples[:4], "body_val.json")
    recipe = write_recipe(
        tmp_path / "tiny.toml", train="batch=4\nsizes=[[0.4, 64], [1.0, 96]]\nhard=0.3\nclip_noise=4\n"
    )

    def command(run: str, *options: str) -> list[str]:
        return train_command(
            recipe, tmp_path / "data", tmp_path / run, "--epochs", "7", "--workers", "1", *options
        )  # fmt: skip

    whole = subprocess.run(command("whole"), env=ENVIRONMENT, capture_output=True, text=True, timeout=200)
    assert whole.returncode == 0, whole.stderr
    parts = tmp_path / "parts"
    first = _start(command("parts"))
    _wait_for_rows(first, parts, 2)
    first.send_signal(signal.SIGTERM)
    out, _ = first.communicate(timeout=150)
    assert first.returncode == 0 and "go on with --resume" in out
    again = subprocess.run(command("parts"), env=ENVIRONMENT, capture_output=True, text=True, timeout=150)
    assert again.returncode == 2 and "go on with --resume" in again.stderr
    second = _start(command("parts", "--resume"))
    _wait_for_rows(second, parts, _rows(parts) + 2)
    workers = _children(second.pid)
    second.kill()
    assert second.wait(30) == -signal.SIGKILL
    deadline = time.monotonic() + 20
    while any(map(_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(_alive, workers)), "workers outlive a killed trainer"
    third = subprocess.run(
        command("parts", "--resume"), env=ENVIRONMENT, capture_output=True, text=True, timeout=200
    )  # fmt: skip
    assert third.returncode == 0 and "resumed at epoch" in third.stdout, third.stderr
    assert len(_curve(parts)) >= 8
    assert _curve(parts) == _curve(tmp_path / "whole")
    kept = [(state.read(run / "state.pt"))["ema"] for run in (parts, tmp_path / "whole")]
    assert all(torch.equal(kept[0][name], kept[1][name]) for name in kept[0])


def test_a_state_is_all_that_a_resumed_run_needs(tmp_path: Path) -> None:
    """A machine without the trunk's ImageNet weights, as a lent one may be: the state has other ones by now."""
    recipe = write_recipe(tmp_path / "lite.toml")
    recipe.write_text(recipe.read_text().replace("preset='tiny'", "preset='lite'"))
    preset = PRESETS["lite"].with_joints(len(BODY))
    start = tmp_path / "start.safetensors"
    checkpoint.save(start, build(preset).state_dict(), checkpoint.Header(preset, "body", {}, {}))
    write_coco(tmp_path / "data", figures(4))

    def train(*options: str) -> subprocess.CompletedProcess[str]:
        command = train_command(recipe, tmp_path / "data", tmp_path / "run", *options)
        return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=100)

    absent = ("--trunk", str(tmp_path / "nowhere.pth"))
    assert "no weights at" in train("--epochs", "1", *absent).stderr
    begun = train("--epochs", "1", "--init", str(start))
    assert begun.returncode == 0, begun.stderr
    resumed = train("--epochs", "2", "--resume", *absent)
    assert resumed.returncode == 0 and "resumed at epoch 1" in resumed.stdout, resumed.stderr


def test_another_length_stretches_the_rest_of_the_schedule() -> None:
    leg = Leg(Budget(epochs=10))
    assert leg.progress(4, 0) == pytest.approx(0.4)
    assert leg.continued(Budget(epochs=10), 4, 0) is leg
    longer = leg.continued(Budget(epochs=34), 4, 0)
    assert longer.progress(4, 0) == pytest.approx(0.4), "neither the rate nor the crop size jumps"
    assert longer.progress(19, 0) == pytest.approx(0.7) and longer.progress(34, 0) == 1
    again = leg.continued(Budget(epochs=20), 10, 0)
    assert again.progress(10, 0) == pytest.approx(0.5), "a finished run starts over half way"
    assert again.progress(15, 0) == pytest.approx(0.75) and again.progress(20, 0) == 1
    assert leg.continued(Budget(epochs=3), 4, 0).progress(4, 0) == 1, "less than it has had: nothing is left"
    other = leg.continued(Budget(minutes=60), 4, 1800)
    assert other.progress(5, 1800) == pytest.approx(0.4) and other.progress(9, 2700) == pytest.approx(0.7)
    assert Leg.from_plain(longer.to_plain()) == longer


def test_a_run_can_be_made_longer_and_says_when_nothing_is_left(tmp_path: Path) -> None:
    trainer_of(tmp_path, 2).run()
    longer = trainer_of(tmp_path, 4)
    assert longer.resume() and longer.epoch == pytest.approx(2) and longer.done == pytest.approx(0.5)
    longer.run()
    assert longer.epoch == pytest.approx(4) and [row["epoch"] for row in longer.history][-1] == 4
    nothing = trainer_of(tmp_path, 1)
    assert nothing.resume() and nothing.done == 1
    nothing.run()
    assert nothing.step == longer.step and len(nothing.history) == len(longer.history)
    assert nothing.history[-1]["loss_1"] == longer.history[-1]["loss_1"]


def test_schedule_and_early_evaluations() -> None:
    assert rate_share(0, 0) == pytest.approx(0.01) and rate_share(0, 99) == pytest.approx(1)
    assert rate_share(1, 500) == pytest.approx(0.02)
    assert [evaluations_due(e, 1.0) for e in (0, 0.25, 0.49, 0.5, 0.99, 1, 2.5)] == [0, 1, 1, 2, 2, 3, 4]
    assert evaluations_due(4.0, 2.0) == 4


def _foreign(path: Path, **changes: Any) -> None:
    state.write(path, {**state.read(path), **changes})


def test_what_cannot_be_resumed_says_why(tmp_path: Path) -> None:
    trainer_of(tmp_path, 0.5).run()
    with pytest.raises(InputError, match="made with 24 samples, now there are 30"):
        trainer_of(tmp_path, 1, samples=figures(30)).resume()
    whole = (tmp_path / "state.pt").read_bytes()
    (tmp_path / "state.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cannot read .*state\.pt"):
        trainer_of(tmp_path, 1).resume()
    torch.save({"machine": {}}, tmp_path / "state.pt")
    with pytest.raises(InputError, match="another version of cpm-live"):
        trainer_of(tmp_path, 1).resume()
    (tmp_path / "state.pt").write_bytes(whole)
    _foreign(tmp_path / "state.pt", ranks=[{}, {}])
    with pytest.raises(InputError, match="written by 2 processes, now there are 1"):
        trainer_of(tmp_path, 1).resume()


def test_a_full_disk_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours of work are in what was written before."""
    trainer = trainer_of(tmp_path, 0.5)
    trainer.run()
    before = (tmp_path / "state.pt").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(state.os, "fsync", full)
    with pytest.raises(InputError, match=r"cannot write into .*No space left on device; make room, .*--resume"):
        trainer.save()
    assert (tmp_path / "state.pt").read_bytes() == before


def test_a_log_that_a_spreadsheet_shows_does_not_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Windows lets nobody write it then. Its rows come with the next evaluation."""
    written, calls = loop.write_csv, []

    def open_elsewhere(path: Path, rows: list[dict[str, object]]) -> None:
        calls.append(len(rows))
        if len(calls) == 1:
            raise PermissionError(errno.EACCES, "Permission denied")
        written(path, rows)

    monkeypatch.setattr(loop, "write_csv", open_elsewhere)
    trainer_of(tmp_path, 2).run()
    assert len(calls) > 1 and "log.csv stays as it was" in caplog.text
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 1 + calls[-1]


def test_a_run_is_not_resumed_with_its_joints_exchanged(tmp_path: Path) -> None:
    """The maps would be as many, and their names wrong from then on."""
    trainer_of(tmp_path, 0.5).run()
    saved = state.read(tmp_path / "state.pt")
    state.write(tmp_path / "state.pt", saved | {"joints": saved["joints"][::-1]})
    with pytest.raises(InputError, match="has learned other joints, or in another order: head_top, neck"):
        trainer_of(tmp_path, 1).resume()
