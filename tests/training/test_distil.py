from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cpm_live.core.crop import input_to_cells
from cpm_live.core.decode import decode
from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY, HAND
from cpm_live.network import checkpoint
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS, Preset
from cpm_live.training.device import Device
from cpm_live.training.distil import Teacher, teacher_targets
from cpm_live.training.loop import Trainer
from cpm_live.training.targets import stage_losses
from cpm_live.training.task import PoseTask
from tests.training.common import figures, plan_of, trainer_of


class _Oracle(nn.Module):
    """A teacher whose every belief map peaks at the centre it is given; stage t is t / T as sure."""

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        self.preset = preset

    def forward(self, images: Tensor, centres: Tensor) -> Tensor:
        assert images.shape[-1] == self.preset.size
        cells = self.preset.size // self.preset.stride
        at = torch.from_numpy(input_to_cells(centres.numpy(), self.preset.stride))
        axis = torch.arange(cells, dtype=torch.float32)
        x, y = (torch.exp(-(axis - at[:, i, None]).square() / (2 * 1.5**2)) for i in (0, 1))
        one = (y[:, :, None] * x[:, None, :])[:, None, None]
        sure = torch.arange(1, self.preset.stages + 1)[None, :, None, None, None] / self.preset.stages
        return (one * sure).expand(-1, -1, self.preset.maps, -1, -1)


@pytest.mark.parametrize(("size", "stride"), [(96, 8), (160, 8), (184, 4), (64, 8)])
def test_the_teachers_peaks_stay_where_they_are_whatever_its_size_and_stride(size: int, stride: int) -> None:
    preset = replace(PRESETS["tiny"], size=size, stride=stride)
    teacher = Teacher(_Oracle(preset), Device())  # type: ignore[arg-type]
    centres = np.array([[47.5, 47.5], [30.0, 61.0]], np.float32)
    maps = teacher.maps(torch.zeros(2, 3, 96, 96, dtype=torch.uint8), torch.from_numpy(centres), 12, True)
    assert maps.shape == (2, 3, 15, 12, 12)
    for found, centre in zip(decode(maps[:, -1, 0].numpy()), centres, strict=True):
        assert np.abs(found[:2] - input_to_cells(centre, 8)).max() < 0.15
    assert torch.allclose(maps[:, :, -1], 1 - maps[:, :, :-1].amax(dim=2))
    assert teacher.maps(torch.zeros(2, 3, 96, 96), torch.from_numpy(centres), 12, False).shape == (2, 3, 14, 12, 12)


@pytest.mark.parametrize(("size", "stride"), [(368, 8), (128, 8)])
def test_a_teacher_of_another_size_is_as_sure_as_it_is(size: int, stride: int) -> None:
    teacher = Teacher(_Oracle(replace(PRESETS["tiny"], size=size, stride=stride)), Device("cpu", "fp32"))  # type: ignore[arg-type]
    images, centres = torch.zeros(1, 3, 192, 192, dtype=torch.uint8), torch.tensor([[91.5, 107.5]])
    last = teacher.maps(images, centres, 24, background=False)[0, -1, 0]
    assert float(last.max()) > 0.85


def test_stages_learn_from_the_last_or_from_the_one_as_far_along() -> None:
    maps = torch.arange(6, dtype=torch.float32)[None, :, None, None, None].expand(2, 6, 15, 4, 4)
    last = teacher_targets(maps, 3, "last", torch.ones(2), True)
    assert last.beliefs.shape == (2, 15, 4, 4) and (last.beliefs == 5).all()
    matched = teacher_targets(maps, 4, "matched", torch.tensor([1.0, 0.5]), True)
    assert matched.beliefs[0, :, 0, 0, 0].tolist() == [0, 2, 3, 5]
    assert matched.mask[1].unique().tolist() == [0.5]
    assert stage_losses(matched.beliefs, matched).tolist() == [0, 0, 0, 0]


def test_the_teachers_share_is_taken_from_the_labels() -> None:
    class Echo(Teacher):
        """Agrees with a student who sees nothing."""

        def __init__(self) -> None: ...

        def maps(self, images: Tensor, centres: Tensor, cells: int, background: bool) -> Tensor:
            return torch.zeros(len(images), 1, 15, cells, cells)

    preset, samples = replace(PRESETS["tiny"], size=64), figures(8)

    def loss(share: float) -> float:
        plan = plan_of(teacher=share, sizes=((1.0, 64),))
        task = PoseTask(BODY, preset, plan, samples, [], np.random.default_rng(0), Echo())
        return float(task.draw(64).losses(torch.zeros(8, preset.stages, 15, 8, 8)).sum())

    assert loss(0.0) > 0 and loss(0.25) == pytest.approx(0.75 * loss(0.0), rel=1e-4)


def _save(path: Path, seed: int, skeleton: str = "body", **changes: object) -> Path:
    torch.manual_seed(seed)
    preset = replace(PRESETS["tiny"], **changes)  # type: ignore[arg-type]
    checkpoint.save(path, build(preset).state_dict(), checkpoint.Header(preset, skeleton))
    return path


@pytest.mark.parametrize("mapping", ["last", "matched"])
def test_a_student_learns_what_only_the_teacher_says(tmp_path: Path, mapping: str) -> None:
    """The labels of the legs are taken away: only the teacher, of another size, has an opinion on them."""
    teacher = Teacher(_Oracle(replace(PRESETS["tiny"], size=64)), Device())  # type: ignore[arg-type]
    legless = [replace(s, joints=np.where(np.arange(14)[:, None] < 6, 0, s.joints)) for s in figures(24)]

    def off(trainer: Trainer) -> float:
        """How far the legs' maps of the last stage are from the teacher's."""
        batch = trainer.task.draw(64)
        trainer.machine.train()
        with torch.no_grad():
            images, centres = torch.from_numpy(batch.images), torch.from_numpy(batch.centres)
            maps = trainer.machine(images, centres)[:, -1, :6]
            return float((maps - teacher.maps(images, centres, 8, True)[:, -1, :6]).square().mean())

    # The rate is large since these few steps are all in the schedule's beginning.
    settings = {"rate": 0.04, "sizes": ((1.0, 64),), "teacher_stages": mapping}
    alone = trainer_of(tmp_path / "alone", 8, samples=legless, **settings)
    taught = trainer_of(tmp_path / "taught", 8, samples=legless, teacher=teacher, **settings)
    alone.run()
    taught.run()
    assert off(taught) < 0.6 * off(alone)


def test_teachers_of_another_skeleton_are_refused(tmp_path: Path) -> None:
    path = _save(tmp_path / "hand.safetensors", 0, "hand", joints=21)
    with pytest.raises(InputError, match="knows the hand skeleton, the student learns body"):
        Teacher.load(path, BODY, Device())
    assert Teacher.load(path, HAND, Device()).maps(torch.zeros(1, 3, 64, 64), torch.zeros(1, 2), 8, True).shape[2] == 22


def test_the_papers_network_can_teach_the_tiny_one(tmp_path: Path) -> None:
    preset = replace(PRESETS["paper-flic"], joints=14, stages=2, size=64)
    torch.manual_seed(0)
    checkpoint.save(tmp_path / "paper.safetensors", build(preset).state_dict(), checkpoint.Header(preset, "body"))
    teacher = Teacher.load(tmp_path / "paper.safetensors", BODY, Device())
    trainer = trainer_of(tmp_path / "run", 0.1, teacher=teacher, batch=2)
    trainer.run()
    assert trainer.step == 2 and trainer.machine.preset != preset
