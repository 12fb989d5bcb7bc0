"""Devices, precisions and several processes. Without a GPU, mixed precision is exercised on the CPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from cpm_live.core.errors import InputError
from cpm_live.training.device import Device, choose
from cpm_live.training.distributed import Ranks
from tests.training.common import ENVIRONMENT, figures, train_command, trainer_of, write_coco, write_recipe


def test_choosing() -> None:
    if not torch.cuda.is_available():
        assert choose("cpu", "fp32") == Device("cpu", "fp32") and choose("cpu", "bf16") == Device("cpu", "bf16")
        assert choose() == choose("cpu", "auto") and choose().precision in ("fp32", "bf16")
        with pytest.raises(InputError, match="no CUDA device"):
            choose("cuda")
    with pytest.raises(InputError, match="--device is one of auto, cpu, cuda"):
        choose("gpu")
    with pytest.raises(InputError, match="--precision one of"):
        choose("cpu", "int8")


@pytest.mark.parametrize(("able", "precision"), [(True, "bf16"), (False, "fp32")])
def test_a_cpu_computes_in_bf16_where_it_can(able: bool, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": able})
    assert choose("cpu") == Device("cpu", precision)
    assert choose("cpu", "fp32") == Device("cpu", "fp32")


@pytest.mark.parametrize(("precision", "size"), [("bf16", 64), ("fp16", 32)])
def test_mixed_precision_learns_and_resumes(tmp_path: Path, precision: str, size: int) -> None:
    """In fp16 processors without its instructions take sixty times as long: crops of 32 px, then."""
    device = Device("cpu", precision)
    losses: list[float] = []
    trainer = trainer_of(tmp_path, 4, device=device, sizes=((1.0, size),))
    trainer.run(lambda step: losses.append(sum(step.losses)))
    assert np.isfinite(losses).all() and np.mean(losses[-4:]) < 0.9 * np.mean(losses[:4])
    assert all(value.dtype == torch.float32 for value in trainer.machine.parameters()), "weights stay whole"
    again = trainer_of(tmp_path, 5, device=device, sizes=((1.0, size),))
    assert again.resume() and again.scaler.state_dict() == trainer.scaler.state_dict()
    assert trainer.scaler.is_enabled() == (precision == "fp16")


@pytest.mark.gpu
def test_a_gpu_trains_as_the_cpu_does(tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU")
    rows = []
    for name, device in (("cpu", Device()), ("cuda", choose("cuda", "fp32")), ("mixed", choose("cuda"))):
        losses: list[float] = []
        trainer_of(tmp_path / name, 3, device=device).run(lambda step, to=losses: to.append(sum(step.losses)))
        rows.append(losses)
    assert rows[1][:3] == pytest.approx(rows[0][:3], rel=1e-3)
    assert rows[2][:3] == pytest.approx(rows[0][:3], rel=5e-2) and rows[2][-2] < rows[2][0]


@pytest.mark.gpu
def test_recorded_passes_learn_as_those_one_by_one(tmp_path: Path) -> None:
    """Also when the crops grow on the way, and after what an evaluation does to the weights."""
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU")
    curves, means = [], []
    for graphs in (False, True):
        losses: list[float] = []
        trainer = trainer_of(
            tmp_path / str(graphs), 6, device=choose("cuda", "fp32", graphs=graphs), sizes=((0.5, 64), (1.0, 96)),
            evaluate_every=2.0,
        )  # fmt: skip
        trainer.run(lambda step, to=losses: to.append(sum(step.losses)))
        curves.append(losses)
        means.append({name: value for name, value in trainer.machine.named_buffers() if "running" in name})
    assert curves[1] == pytest.approx(curves[0], rel=2e-2) and curves[1][-2] < curves[1][0]
    for name, value in means[0].items():
        torch.testing.assert_close(means[1][name], value, rtol=2e-2, atol=2e-2)


def test_one_process_needs_no_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    ranks = Ranks.from_environment()
    assert ranks == Ranks(0, 1, 0) and ranks.leads and ranks.agree([1.0, 2.0], "cpu") == [1, 2]
    assert ranks.gather("x") == ["x"]
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert Ranks.from_environment() == Ranks(3, 4, 1)


_BOTH_AGREE = """
import sys
from pathlib import Path
import torch
from cpm_live.training.distributed import Ranks
from tests.training.common import figures, trainer_of

ranks = Ranks.from_environment()
ranks.begin("cpu")
samples = figures(24)[ranks.rank :: ranks.count]
trainer = trainer_of(Path(sys.argv[1]), 2, samples=samples, ranks=ranks)
before = trainer.machine.first[1].weight.detach().clone()
trainer.run()
weights = torch.cat([p.detach().flatten() for p in trainer.machine.parameters()])
everybody = ranks.gather((weights, trainer.step, trainer.epoch, trainer.rng.bit_generator.state["state"]))
assert torch.equal(everybody[0][0], everybody[1][0]), "weights differ"
assert everybody[0][1:3] == everybody[1][1:3] == (3, 2.0), everybody[0][1:3]
assert everybody[0][3] != everybody[1][3], "both draw the same examples"
assert not torch.equal(before, trainer.machine.first[1].weight)
ranks.meet()
ranks.end()
ranks.leave()
"""


def _torchrun(count: int, *command: str) -> subprocess.CompletedProcess[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    return subprocess.run([*launcher, *command], env=ENVIRONMENT, capture_output=True, text=True, timeout=280)


@pytest.mark.timeout(900)
def test_two_processes_train_one_network(tmp_path: Path) -> None:
    script = tmp_path / "both.py"
    script.write_text(_BOTH_AGREE)
    done = _torchrun(2, str(script), str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.timeout(900)
def test_torchrun_trains_and_resumes_the_command(tmp_path: Path) -> None:
    write_coco(tmp_path / "data", figures(12), "body_train.json")
    write_coco(tmp_path / "data", figures(4), "body_val.json")
    recipe = write_recipe(tmp_path / "tiny.toml")
    run = tmp_path / "run"

    def command(*options: str) -> list[str]:
        return ["-m", *train_command(recipe, tmp_path / "data", run, *options)[2:]]

    done = _torchrun(2, *command("--epochs", "2"))
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("weights: ") == 1, "only one process tells and writes"
    assert {"state.pt", "ema.safetensors", "log.csv", "pictures"} <= {path.name for path in run.iterdir()}
    again = _torchrun(2, *command("--epochs", "3", "--resume"))
    assert again.returncode == 0 and "resumed at epoch 2.00" in again.stdout, again.stderr[-2000:]
    assert "epoch 3.33" in again.stdout or "epoch 3.00" in again.stdout
