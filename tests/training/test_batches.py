from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY, RIGHT, Skeleton
from cpm_live.training import examples
from cpm_live.training.augment import Augmentation
from cpm_live.training.batches import Batcher
from cpm_live.training.distributed import Ranks
from cpm_live.training.examples import DRAWN, EMPTY, Batch, ExampleMaker
from cpm_live.training.hard import Hardness
from cpm_live.training.noise import NoiseClip
from cpm_live.training.plan import Plan
from cpm_live.training.setup import of_rank
from cpm_live.training.targets import draw_targets, map_losses, sum_losses
from tests.conftest import ROOT
from tests.training.common import figures, plan_of, trainer_of


def _equal(a: Batch, b: Batch) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in Batch.__slots__)


def _batcher(workers: int, seed: int = 3, **values: float) -> Batcher:
    plan = plan_of(batch=4, synthetic=0.2, negative=0.1, **values)
    return Batcher(figures(10), BODY, plan, np.random.default_rng(seed), workers)


def test_workers_make_the_same_batches_also_when_crops_grow() -> None:
    here, there = _batcher(0), _batcher(2)
    try:
        for size in (64, 64, 64, 96, 96, 64):
            assert _equal(here.draw(size), there.draw(size))
    finally:
        there.close()


def test_a_worker_that_is_ended_ends_the_training_with_a_line() -> None:
    """Not with a wait for ever, as Python from 3.12 on has it: the others leave its request to end to the trainer."""
    batcher, others = _batcher(2), multiprocessing.active_children()
    try:
        batcher.draw(64)
        workers = [child for child in multiprocessing.active_children() if child not in others]
        workers[0].kill()
        with pytest.raises(InputError, match=r"a process that made batches was ended.*--resume"):
            while True:
                batcher.draw(64)
    finally:
        batcher.close()
    assert not any(worker.is_alive() for worker in workers)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals for other processes")
def test_a_worker_that_is_only_starting_leaves_ctrl_c_to_the_trainer() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.training.starting"], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert ran.stdout == "[2] (1, 3, 64, 64)\n", f"status {ran.returncode}: {ran.stderr}"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals for other processes")
def test_a_worker_that_was_ended_when_nobody_needs_it_any_more_keeps_nothing_from_ending() -> None:
    """As by a system that ran out of memory in the last evaluation: all is written, and the training must end."""
    batcher, others = _batcher(2), multiprocessing.active_children()
    for _ in range(20):  # until both are at work
        batcher.draw(64)
    workers = [child for child in multiprocessing.active_children() if child not in others]
    # Hears nothing any more, as one that waits for a lock which died with the other: by chance it does.
    os.kill(workers[1].pid, signal.SIGSTOP)  # type: ignore[arg-type]
    workers[0].kill()
    pool = batcher._ahead._workers._pool  # type: ignore[union-attr]
    while not pool._broken:
        time.sleep(0.01)
    closing = threading.Thread(target=batcher.close, daemon=True)
    closing.start()
    closing.join(20)
    try:
        assert not closing.is_alive() and not any(worker.is_alive() for worker in workers)
    finally:
        for worker in workers:
            worker.kill()


def test_what_workers_have_ahead_is_saved_and_comes_next() -> None:
    first = _batcher(1)
    rng = first._rng
    try:
        for _ in range(3):
            first.draw(64)
        state, chances = first.state(), rng.bit_generator.state
        assert len(state["ahead"]) == 2 and len(state["ahead"][0]) == 4
        expected = [first.draw(64) for _ in range(4)]
    finally:
        first.close()
    second = _batcher(0, seed=9)
    second._rng.bit_generator.state = chances
    second.restore(state)
    assert all(_equal(second.draw(64), batch) for batch in expected)


def test_every_sample_comes_up_once_and_kinds_are_told() -> None:
    batcher = Batcher(figures(12), BODY, plan_of(batch=4), np.random.default_rng(0))
    drawn = np.concatenate([batcher.draw(64).samples for _ in range(3)])
    assert sorted(drawn.tolist()) == list(range(12))
    mixed = np.concatenate([_batcher(0).draw(64).samples for _ in range(1)])
    assert set(mixed.tolist()) <= {DRAWN, EMPTY, *range(10)}


def test_hard_samples_come_up_more_often_but_not_without_end() -> None:
    memory = Hardness(6)
    numbers = np.arange(6)
    assert memory.chances(numbers, np.ones(6)) == pytest.approx(np.full(6, 1 / 6))
    memory.note(numbers[:5], np.array([1, 1, 1, 2, 100], np.float32))
    memory.note(np.array([DRAWN, 0]), np.array([50, np.nan], np.float32))
    chances = memory.chances(numbers, np.ones(6))
    assert chances.sum() == pytest.approx(1)
    assert chances[3] == pytest.approx(2 * chances[0]), "twice the loss, twice the chance"
    assert chances[4] == pytest.approx(3 * chances[0]), "mislabelled ones are capped"
    assert chances[5] == pytest.approx(chances[0]), "unseen: as the median"
    memory.note(numbers[:1], np.array([11], np.float32))
    assert memory.losses[0] == pytest.approx(0.7 * 1 + 0.3 * 11)


def test_mining_draws_the_hard_share() -> None:
    batcher = Batcher(figures(10), BODY, plan_of(batch=10, hard=0.5), np.random.default_rng(0))
    losses = np.ones(10, np.float32)
    losses[[2, 7]] = 3
    batcher.hardness.note(np.arange(10), losses)
    drawn = np.concatenate([batcher._shuffled() for _ in range(300)])
    share = np.bincount(drawn, minlength=10) / len(drawn)
    assert share[2] == pytest.approx(0.5 * 0.1 + 0.5 * 3 / 14, abs=0.02)
    assert share[0] == pytest.approx(0.5 * 0.1 + 0.5 * 1 / 14, abs=0.02)


def test_the_task_remembers_losses_and_resumes_them(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, 1, hard=0.5)
    trainer.run()
    losses = trainer.task.state()["batches"]["losses"]
    assert len(losses) == 24 and not np.isnan(losses).any() and min(losses) > 0
    again = trainer_of(tmp_path, 2, hard=0.5)
    assert again.resume() and again.task.state()["batches"]["losses"] == losses


def test_clipping_turns_down_outliers_only() -> None:
    clip = NoiseClip(3.0)
    usual = torch.rand(8, 2, 14, generator=torch.Generator().manual_seed(0)) + 0.5
    labelled = torch.ones(8, 14, dtype=torch.bool)
    for _ in range(50):
        assert (clip(usual, labelled) == 1).all(), "nothing is clipped while it warms up"
    odd = usual.clone()
    odd[3, 1, 5] = 300.0
    factors = clip(odd, labelled)
    assert (factors == 1).sum() == factors.numel() - 1
    assert float(factors[3, 1, 5]) * 300 == pytest.approx(3.0, rel=0.1), "counts as one at three medians"
    other = NoiseClip(3.0)
    other.restore(clip.state())
    assert torch.equal(other(odd, labelled), clip(odd, labelled))


def test_the_median_is_that_of_maps_with_a_peak() -> None:
    """Empty maps lose next to nothing: with them every joint that is missed would be an outlier."""
    joints = np.zeros((2, 14, 3), np.float32)
    joints[0] = [40, 40, 2]
    joints[1, :, 2] = -1
    targets = draw_targets(joints, np.ones(2, np.float32), 12, 8, 1.2)
    clip = NoiseClip(2.0)
    losses = torch.full((2, 1, 15), 1e-5)
    losses[0] = 0.01
    for _ in range(60):
        total = sum_losses(losses, targets, clip)
    assert clip.state()[1] == pytest.approx(0.01)
    assert float(total) == pytest.approx(float(sum_losses(losses, targets)))


def test_a_batch_that_overflowed_spoils_no_memory() -> None:
    clip, peaked = NoiseClip(3.0), torch.ones(2, 3, dtype=torch.bool)
    clip(torch.ones(2, 1, 3), peaked)
    before = clip.state()
    clip(torch.full((2, 1, 3), float("nan")), peaked)
    assert clip.state() == before
    hard = Hardness(2)
    hard.note(np.array([0, 1]), np.array([np.inf, 2.0], np.float32))
    assert np.isnan(hard.losses[0]) and hard.losses[1] == 2.0


def test_no_figures_are_drawn_for_skeletons_that_nobody_has_drawn() -> None:
    names = ("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist")
    animal = Skeleton("animal", names, ((0, 1),), (1, 0, 3, 2, 5, 4), (RIGHT,) * 6, (RIGHT,), (0.05,) * 6)
    samples = [replace(sample, joints=sample.joints[:6]) for sample in figures(10)]
    plan = plan_of(batch=16, synthetic=0.5, negative=0.1, augment=Augmentation(cut=1.0))
    batcher = Batcher(samples, animal, plan, np.random.default_rng(1))
    batch = batcher.draw(96)
    assert batch.joints.shape == (16, 6, 3) and DRAWN not in batch.samples
    assert batcher.epoch_size == 11


def test_pictures_without_anybody_avoid_everybody_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people in one picture: a place beside the one is not where the other one is."""
    one, other, elsewhere = figures(3)
    samples = [replace(one, name="two.png"), replace(other, name="two.png"), elsewhere]
    avoided: list[int] = []

    def empty(image: np.ndarray, joints: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
        avoided.append(len(joints))
        return np.zeros((size, size, 3), np.uint8)

    monkeypatch.setattr(examples, "empty_picture", empty)
    ExampleMaker(samples, [0, 1, 2], BODY, plan_of()).make([(EMPTY, seed) for seed in range(20)], 96)
    assert set(avoided) == {14, 28}


def test_processes_share_whole_pictures() -> None:
    """Each must know of everybody in its pictures: an empty place of one person's must not show the other."""
    one, other, elsewhere, more = figures(4)
    samples = [replace(one, name="two.png"), elsewhere, replace(other, name="two.png"), more]
    shares = [of_rank(samples, Ranks(rank, 2)) for rank in (0, 1)]
    assert [[sample.name for sample in share] for share in shares] == [
        ["two.png", "two.png", more.name],
        [elsewhere.name],
    ]
    assert of_rank(samples, Ranks()) == samples


def test_people_without_labelled_joints_are_avoided_by_their_box(monkeypatch: pytest.MonkeyPatch) -> None:
    """COCO's crowds and people too small to label are in the picture all the same."""
    one, other = figures(2)
    blank = replace(other, name=one.name, joints=other.joints * 0, box=(10.0, 20.0, 30.0, 40.0))
    seen: list[np.ndarray] = []

    def empty(image: np.ndarray, joints: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
        seen.append(joints[joints[:, 2] > 0, :2])
        return np.zeros((size, size, 3), np.uint8)

    monkeypatch.setattr(examples, "empty_picture", empty)
    ExampleMaker([one, blank], [0], BODY, plan_of()).make([(EMPTY, 1)], 96)
    assert [10.0, 20.0] in seen[0].tolist() and [40.0, 60.0] in seen[0].tolist()


@pytest.mark.parametrize(("batch", "workers"), [(3, 1), (8, 2), (16, 1)])
def test_a_run_goes_on_with_another_batch(tmp_path: Path, batch: int, workers: int) -> None:
    """Batches that were chosen ahead are cut anew, and wait where there is less room for them than there was."""
    first = trainer_of(tmp_path, 1, workers=workers, batch=8)
    first.run(stop=lambda: first.step >= 1)
    ahead = [job for jobs in first.task.state()["batches"]["ahead"] for job in jobs]
    again = trainer_of(tmp_path, 2, workers=1, batch=batch)
    assert again.resume()
    resumed = again.task.state()["batches"]["ahead"]
    assert all(len(jobs) == batch for jobs in resumed)
    assert [job for jobs in resumed for job in jobs][: len(ahead)] == ahead
    again.run(stop=lambda: again.step >= first.step + 3)


def test_clipped_losses_leave_the_background_and_unlabelled_maps_alone() -> None:
    joints = np.zeros((2, 14, 3), np.float32)
    joints[..., :2], joints[..., 2] = 40, 2
    joints[1, 0, 2] = 0
    targets = draw_targets(joints, np.ones(2, np.float32), 12, 8, 1.2)
    beliefs = torch.zeros(2, 3, 15, 12, 12)
    clip = NoiseClip(2.0)
    clip.restore([100.0, 1e-3, 1e-3, 1e-3])
    per_map = map_losses(beliefs, targets)
    plain, clipped = sum_losses(per_map, targets), sum_losses(per_map, targets, clip)
    background = (per_map[:, :, -1] * targets.mask[:, None, -1]).sum(0) / targets.mask.sum()
    assert (clipped < plain).all() and (clipped > background).all()


def test_data_that_leaves_nothing_is_one_line() -> None:
    with pytest.raises(InputError, match="no usable training sample"):
        Batcher(figures(3), BODY, Plan(sources={"drawn": 0.0}), np.random.default_rng(0))
    with pytest.raises(InputError, match="no usable training sample"):
        Batcher(figures(3), BODY, Plan(repeat={"drawn": 0.0}), np.random.default_rng(0))


def test_sources_that_are_trusted_less_are_not_taken_for_harder(tmp_path: Path) -> None:
    samples = [replace(sample, source="crowd" if n % 2 else "drawn") for n, sample in enumerate(figures(24))]
    trainer = trainer_of(tmp_path, 2, samples=samples, hard=0.5, sources={"crowd": 0.1})
    trainer.run()
    losses = trainer.task._batches.hardness.losses  # type: ignore[attr-defined]
    assert np.nanmean(losses[1::2]) < 0.3 * np.nanmean(losses[::2])


def test_a_damaged_picture_does_not_end_a_training(caplog: pytest.LogCaptureFixture) -> None:
    """Its turn is the next one's, whoever makes the batch, so that the run can be resumed."""
    samples = figures(6)
    samples[2] = replace(samples[2], jpeg=samples[2].jpeg[:100])
    maker = ExampleMaker(samples, [0, 2, 3, 5], BODY, plan_of(batch=4))
    for last in (1, 2):
        made = maker.make([(2, 7), (EMPTY, last)], 64)
        assert _equal(made, replace(maker.make([(3, 7), (EMPTY, last)], 64), samples=made.samples))
    assert caplog.text.count("left out: cannot decode f2.jpg") == 1
    none = ExampleMaker([samples[2]], [0], BODY, plan_of(batch=4))
    with pytest.raises(InputError, match=r"1 pictures cannot be read, too many to go on: cannot decode f2\.jpg"):
        none.make([(0, 7)], 64)


def test_wrong_labels_are_no_accident() -> None:
    """Pictures made smaller after they had been labelled: the few that are left would be learned by heart."""
    samples = [replace(sample, size=(50, 60)) for sample in figures(2)]
    with pytest.raises(InputError, match="its labels are for 50x60"):
        ExampleMaker(samples, [0, 1], BODY, plan_of(batch=4)).make([(0, 7)], 64)
    many = [replace(sample, jpeg=sample.jpeg[:100]) for sample in figures(5)] + figures(30)
    maker = ExampleMaker(many, list(range(35)), BODY, plan_of(batch=4))
    with pytest.raises(InputError, match="4 pictures cannot be read, too many to go on"):
        maker.make([(0, 7)], 64)


def test_samples_with_too_few_labels_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    samples = figures(4)
    for sample in samples[:3]:
        sample.joints[2:, 2] = 0
    assert Batcher(samples, BODY, plan_of(batch=1), np.random.default_rng(1)).epoch_size == 1
    assert "3 of 4 samples have fewer than 3" in caplog.text
    pair = Skeleton("pair", ("a", "b"), (), (0, 1), (RIGHT,) * 2, (), (0.1,) * 2)
    two = [replace(sample, joints=sample.joints[:2]) for sample in samples]
    assert Batcher(two, pair, plan_of(batch=1), np.random.default_rng(1)).epoch_size == 4
