from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from cpm_live.core.crop import input_to_cells
from cpm_live.core.decode import decode
from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY, HAND
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS
from cpm_live.training import dataset
from cpm_live.training.augment import Augmentation, augment, replace_backdrop
from cpm_live.training.batches import Batcher
from cpm_live.training.plan import Plan
from cpm_live.training.schedule import evaluations_due
from cpm_live.training.synthetic import draw_sample, empty_picture
from cpm_live.training.targets import draw_targets, map_losses, place_losses, stage_losses
from tests.training.common import backdrop, figures, trainer_of

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("stretch", [0.0, 0.4])
def test_augmented_joints_stay_on_their_pixels(stretch: float) -> None:
    """A coloured dot on each joint is still under the joint after crop, turn, zoom and mirror."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        image = np.zeros((200, 200, 3), np.uint8)
        joints = np.zeros((14, 3), np.float32)
        joints[:, :2], joints[:, 2] = rng.uniform(40, 160, (14, 2)), 2
        joints[:, :2] = np.round(joints[:, :2])
        cv2.circle(image, (int(joints[11, 0]), int(joints[11, 1])), 4, (255, 255, 255), -1)
        example = augment(image, joints, BODY, 192, Augmentation(occlusion=0, stretch=stretch), rng, backdrop)
        # A mirrored picture has its left wrist's dot at what is then the right wrist.
        bright = [
            float(example.image[int(np.clip(y, 0, 191)), int(np.clip(x, 0, 191))].max())
            for x, y in example.joints[[11, 6], :2]
        ]
        inside = example.joints[[11, 6], 2] > 0
        if inside.all():
            assert max(bright) > 120 and max(bright) > float(np.median(example.image)) + 40


@pytest.mark.parametrize(("stretch", "least", "most"), [(0.0, 0.0, 0.01), (0.3, 0.05, 0.7)])
def test_stretched_samples_have_other_proportions(stretch: float, least: float, most: float) -> None:
    """The corners of a square: how its longer diagonal compares with the shorter one, and its sides."""
    joints = np.zeros((14, 3), np.float32)
    joints[:4] = [(80, 80, 2), (120, 80, 2), (120, 120, 2), (80, 120, 2)]
    uneven = []
    for seed in range(20):
        settings = Augmentation(zoom=(2, 2), occlusion=0, stretch=stretch)
        rng = np.random.default_rng(seed)
        picture = np.zeros((200, 200, 3), np.uint8)
        found = augment(picture, joints, BODY, 192, settings, rng, backdrop).joints[:, :2]
        # A mirrored sample's joints have changed places; four of fourteen are labelled either way.
        corners = found[np.abs(found).sum(axis=1) > 0]
        assert len(corners) == 4
        apart = np.sort(np.linalg.norm(corners[:, None] - corners[None], axis=2)[np.triu_indices(4, 1)])
        uneven.append(max(apart[5] / apart[4], apart[3] / apart[0]) - 1)
    assert least <= np.max(uneven) <= most


def test_out_of_picture_and_unlabelled_joints_are_told_apart() -> None:
    joints = np.zeros((14, 3), np.float32)
    joints[:, :2], joints[:, 2] = 100, 2
    joints[0] = (100, 1000, 2)
    joints[1] = (0, 0, 0)
    joints[12, :2], joints[13, :2] = (90, 90), (110, 110)
    rng = np.random.default_rng(1)
    settings = Augmentation(zoom=(0.2, 0.2), shift=0, rotation=0, occlusion=0)
    example = augment(np.zeros((200, 200, 3), np.uint8), joints, BODY, 192, settings, rng, backdrop)
    kinds = set(example.joints[:, 2].tolist())
    assert 0.0 in kinds and -1.0 in kinds


def test_targets_masks_and_background() -> None:
    joints = np.zeros((2, 14, 3), np.float32)
    joints[0, :, :2], joints[0, :, 2] = RNG.uniform(20, 170, (14, 2)), 2
    joints[0, 3, 2] = -1
    joints[1, :, 2] = 1
    joints[1, 5, 2] = 0
    targets = draw_targets(joints, np.array([1.0, 0.5], np.float32), 24, 8, 1.2)
    assert targets.beliefs.shape == (2, 15, 24, 24) and targets.mask.shape == (2, 15)
    found = decode(targets.beliefs[0, 0].numpy())
    assert np.abs(found[:2] - input_to_cells(joints[0, 0, :2], 8)).max() < 0.02
    assert targets.beliefs[0, 3].max() == 0 and targets.mask[0, 3] == 1, "outside: an empty map is asked for"
    assert targets.mask[1, 5] == 0 and targets.mask[1, 14] == 0, "unlabelled: neither it nor the background counts"
    assert targets.mask[1, 4] == 0.5
    assert torch.allclose(targets.beliefs[0, 14], 1 - targets.beliefs[0, :14].max(dim=0).values)


def test_the_loss_ignores_what_is_masked_and_sums_stages() -> None:
    joints = np.zeros((1, 14, 3), np.float32)
    joints[0, :, :2], joints[0, :, 2] = 90, 2
    joints[0, 7, 2] = 0
    targets = draw_targets(joints, np.ones(1, np.float32), 24, 8, 1.2)
    beliefs = targets.beliefs[:, None].repeat(1, 3, 1, 1, 1)
    assert stage_losses(beliefs, targets).tolist() == [0, 0, 0]
    beliefs[:, 1, 7] += 5
    assert stage_losses(beliefs, targets).tolist() == [0, 0, 0]
    beliefs[:, 2, 8] += 1
    losses = stage_losses(beliefs, targets)
    assert losses[0] == losses[1] == 0 and losses[2] > 0


def test_the_place_of_a_peak_counts_apart_from_its_height() -> None:
    joints = np.zeros((1, 14, 3), np.float32)
    joints[0, :, :2], joints[0, :, 2] = 90, 2
    joints[0, 5, 2], joints[0, 6, 2] = -1, 0
    targets = draw_targets(joints, np.ones(1, np.float32), 24, 8, 1.2)
    truth = targets.beliefs[:, None]
    beliefs = truth.repeat(1, 5, 1, 1, 1)
    beliefs[:, 4, 5] = 0.6 * beliefs[:, 4, 0]  # a ghost
    beliefs[:, 1] += 0.3  # higher everywhere: the place is right
    beliefs[:, 2] = beliefs[:, 2].roll(6, dims=-1)  # as high, but elsewhere
    beliefs[:, 3] = 0.0
    lost = place_losses(beliefs[:, :, :14], truth[:, :, :14])[0]
    assert lost[0].abs().max() < 1e-5 and lost[1].abs().max() < 1e-4
    assert (lost[2, :5] > 8).all() and (lost[2, 7:] > 8).all(), "a peak in the wrong place costs most"
    assert (lost[3, :5] > 1).all() and (lost[3, :5] < lost[2, :5]).all(), "to say nothing costs less than to be wrong"
    assert lost[:4, 5].abs().max() < 1e-5 and lost[4, 5] > 0.3, "outside the picture no place is better than others"
    plain, placed = map_losses(beliefs, targets), map_losses(beliefs, targets, place=0.1)
    assert torch.allclose(placed[0, :, :14], plain[0, :, :14] + 0.1 * lost)
    assert torch.equal(placed[0, :, 14], plain[0, :, 14]), "the background has no peak"
    # Two equal peaks: neither L2 nor the place knows which; the gradient lifts the right one and lowers the other.
    torn = (0.5 * beliefs[:, [0]] + 0.5 * beliefs[:, [2]]).requires_grad_()
    place_losses(torn[:, :, :14], truth[:, :, :14]).sum().backward()
    peak = decode(truth[0, 0, 0].numpy())[:2].round().astype(int)
    assert torn.grad is not None
    assert torn.grad[0, 0, 0, peak[1], peak[0]] < 0 < torn.grad[0, 0, 0, peak[1], (peak[0] + 6) % 24]


def test_cut_bodies_end_at_the_chest_or_between_hips_and_knees() -> None:
    """Who sits before a webcam shows a chest, who stands the hips and no knees: all of it comes up."""
    (sample,) = figures(1)
    names = BODY.joints
    chest, hips, knees = ([names.index(f"{side}_{part}") for side in ("right", "left")]
                          for part in ("shoulder", "hip", "knee"))  # fmt: skip
    ends = []
    for seed in range(200):
        settings = Augmentation(cut=1.0, occlusion=0, rotation=0, zoom=(1.6, 1.8))
        joints = augment(
            sample.image(), sample.joints, BODY, 192, settings, np.random.default_rng(seed), backdrop
        ).joints  # fmt: skip
        ends.append([(joints[part, 2] > 0).all() for part in (chest, hips, knees)])
    seen = np.mean(ends, axis=0)
    assert seen[0] > 0.95 and 0.6 < seen[1] < 0.9 and seen[2] == 0, "above the hips or below, never the knees"


def test_plainbackdrops_are_replaced_and_others_left() -> None:
    rng = np.random.default_rng(0)
    picture = np.full((100, 100, 3), 250, np.uint8)
    picture[30:80, 30:70] = (90, 120, 180)
    changed = replace_backdrop(picture, np.full((50, 50, 3), 10, np.uint8), rng)
    assert changed[5, 5].max() < 40 and np.abs(changed[50, 50].astype(int) - (90, 120, 180)).max() < 5
    noisy = rng.integers(0, 255, (100, 100, 3), dtype=np.uint8)
    assert replace_backdrop(noisy, picture, rng) is noisy


@pytest.mark.parametrize(("kind", "skeleton"), [("body", BODY), ("hand", HAND)])
def test_drawn_samples_lie_in_the_picture(kind: str, skeleton: object) -> None:
    for seed in range(10):
        image, joints = draw_sample(kind, np.random.default_rng(seed), backdrop)
        assert image.shape == (224, 224, 3) and joints.shape == (len(skeleton), 3)  # type: ignore[arg-type]
        inside = ((joints[:, :2] > 0) & (joints[:, :2] < 224)).all(axis=1)
        assert inside.mean() > 0.7


def test_empty_pictures_lie_beside_the_person_or_are_scattered() -> None:
    image = np.full((100, 100, 3), 40, np.uint8)
    image[:, 60:] = 250
    joints = np.zeros((14, 3), np.float32)
    joints[:, 0], joints[:, 1], joints[:, 2] = 80, np.linspace(20, 80, 14), 2
    beside = 0
    for seed in range(30):
        picture = empty_picture(image, joints, 96, np.random.default_rng(seed))
        assert picture.shape == (96, 96, 3)
        beside += picture.max() <= 45
    assert beside >= 5
    plan = Plan(batch=8, negative=0.999)
    batch = Batcher(figures(4), BODY, plan, np.random.default_rng(0)).draw(96)
    assert (batch.joints[:, :, 2] == -1).all()
    targets = draw_targets(batch.joints, batch.weights, 12, 8, 1.2)
    assert targets.beliefs[:, :14].max() == 0 and targets.beliefs[:, 14].min() == 1 and targets.mask.min() == 1


def test_training_lowers_the_loss_and_writes_what_it_promises(tmp_path: Path) -> None:
    losses: list[float] = []
    trainer = trainer_of(tmp_path, 10)
    figures = trainer.run(lambda step: losses.append(sum(step.losses)))
    assert np.mean(losses[-4:]) < 0.6 * np.mean(losses[:4])
    assert figures["images"] == 6 and len(figures["per_stage"]) == 3
    assert {"state.pt", "ema.safetensors", "log.csv"} <= {p.name for p in tmp_path.iterdir()}
    header, *rows = (tmp_path / "log.csv").read_text().splitlines()
    assert "pck@0.2" in header and "loss_3" in header and "drawn@0.2" in header and len(rows) >= 8


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = trainer_of(tmp_path / "whole", 4)
    whole.run()
    steps = 0

    def stop() -> bool:
        nonlocal steps
        steps += 1
        return steps > 5

    trainer_of(tmp_path / "parts", 4).run(stop=stop)
    second = trainer_of(tmp_path / "parts", 4, seed=99)
    assert second.resume() and second.step == 5
    second.run()
    assert second.step == whole.step
    ours, theirs = second.machine.state_dict(), whole.machine.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_resumed_run_takes_the_settings_it_is_given(tmp_path: Path) -> None:
    trainer_of(tmp_path, 4).run(stop=lambda: True)
    second = trainer_of(tmp_path, 4, weight_decay=0.05)
    second.optimiser.param_groups[1]["scale"] = 0.5  # as another trunk_rate makes it for a pretrained trunk
    assert second.resume()
    assert {group["weight_decay"] for group in second.optimiser.param_groups} == {0.05}
    assert [group["scale"] for group in second.optimiser.param_groups] == [1.0, 0.5]


def test_a_resumed_run_that_evaluates_less_often_still_does(tmp_path: Path) -> None:
    steps = 0

    def stop() -> bool:
        nonlocal steps
        steps += 1
        return steps > 5

    first = trainer_of(tmp_path, 4, evaluate_every=0.5)
    first.run(stop=stop)
    second = trainer_of(tmp_path, 4, evaluate_every=2)
    assert second.resume() and first.evaluated > evaluations_due(second.epoch, 2)
    assert second.evaluated == evaluations_due(second.epoch, 2)


def test_large_photographs_are_not_sampled_with_gaps() -> None:
    """One pixel in ten is no picture of a fine pattern: its mean is."""
    image = np.zeros((1600, 1600, 3), np.uint8)
    image[::2, ::2] = 255
    joints = np.full((14, 3), 2, np.float32)
    joints[:, :2] = np.linspace((100, 100), (1500, 1500), 14)
    rng = np.random.default_rng(0)
    example = augment(image, joints, BODY, 96, Augmentation(zoom=(1.0, 1.0), shift=0, occlusion=0), rng, backdrop)
    middle = example.image[30:60, 30:60].astype(float)
    assert middle.mean(axis=2).std() < 25
    inside = example.joints[example.joints[:, 2] > 0]
    assert np.ptp(inside[:, :2], axis=0).max() > 80


def test_plans_know_which_sides_a_network_takes() -> None:
    plan = Plan(sizes=((0.5, 128), (1.0, 200)))
    plan.check_sizes(8)
    with pytest.raises(InputError, match="takes multiples of 32, not 200"):
        plan.check_sizes(PRESETS["lite"].step)
    assert PRESETS["vgg"].step == 8
    with pytest.raises(ValueError, match="multiple of 32, not 200"):
        build(replace(PRESETS["lite"], size=200))


def test_our_layout_and_a_plain_folder_load(data: Path, tmp_path: Path) -> None:
    val = dataset.load(data, HAND, "val")
    assert len(val) == 387 and {s.source for s in val} == {"webcam", "palm", "plain"}
    assert val[0].image().shape == (224, 224, 3)
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), backdrop())
    annotation = {"image_id": 1, "keypoints": [10, 10, 2] * 21, "bbox": [5, 5, 20, 20], "id": 1}
    coco = {"images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 64}], "annotations": [annotation]}
    (tmp_path / "annotations.json").write_text(json.dumps(coco))
    (one,) = dataset.load(tmp_path, HAND, "val")
    assert one.source == "data" and one.box == (5, 5, 20, 20)
    with pytest.raises(InputError, match="21 keypoints, the body skeleton has 14"):
        dataset.load(tmp_path, BODY, "val")
    (tmp_path / "images" / "a.png").unlink()
    with pytest.raises(InputError, match=r"1 pictures of .* are missing, a\.png first"):
        dataset.load(tmp_path, HAND, "val")
    (tmp_path / "annotations.json").write_text("[]")
    with pytest.raises(InputError, match="not a COCO keypoint file"):
        dataset.load(tmp_path, HAND, "val")
    with pytest.raises(InputError, match="no data in"):
        dataset.load(tmp_path / "none", HAND, "val")


def test_plans_name_unknown_keys() -> None:
    with pytest.raises(InputError, match=r"unknown key 'speed' in \[train\]"):
        Plan.from_table({"speed": 3})
    with pytest.raises(InputError, match=r"unknown key 'spin' in \[train.augment\]"):
        Plan.from_table({"augment": {"spin": 3}})
    for wrong, message in (
        ({"batch": 1.5}, "batch must be a whole number"),
        ({"seed": -1}, "seed must be a number from 0"),
        ({"trunk_rate": "foo"}, "trunk_rate must be a number"),
        ({"sizes": [[1, 100]]}, "multiples of 8"),
        ({"sizes": []}, "multiples of 8"),
        ({"sources": 1}, "sources must be a table"),
        ({"sources": {"lsp": "abc"}}, r"sources\.lsp must be a number"),
        ({"repeat": {"lsp": -1}}, r"repeat\.lsp must be a number"),
        ({"augment": 1}, "augment must be a table"),
        ({"augment": {"rotation": "foo"}}, "rotation must be a number"),
    ):
        with pytest.raises(InputError, match=message):
            Plan.from_table(wrong)
    plan = Plan.from_table({"sizes": [[0.5, 128], [1.0, 192]], "augment": {"zoom": [1, 2]}})
    assert [plan.size_at(done) for done in (0, 0.49, 0.5, 1.0)] == [128, 128, 192, 192]


def test_an_evaluation_leaves_the_centre_map_where_it_was(tmp_path: Path) -> None:
    """Passes that were recorded for a GPU read its memory: another one like it would not do."""
    trainer = trainer_of(tmp_path, 1, sizes=((1.0, 64),))
    trainer.run(stop=lambda: trainer.step >= 1)
    before = trainer.machine.centre_map
    trainer.evaluate()
    assert before is not None and trainer.machine.centre_map is before and trainer.machine.size == 64


def test_a_step_is_as_long_as_the_plan_allows_and_the_average_close_behind(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, 1, samples=figures(8), sizes=((1.0, 64),), clip=1e-4)
    trainer.optimiser.param_groups[1]["scale"] = 0.25  # as trunk_rate makes it for a pretrained trunk
    before = {name: value.clone() for name, value in trainer.ema.items()}
    trainer._step(0.0)
    rest, trunk = (group["lr"] for group in trainer.optimiser.param_groups)
    assert trunk == pytest.approx(0.25 * rest) and rest > 0
    gradients = [own.grad.flatten() for own in trainer.machine.parameters() if own.grad is not None]
    assert float(torch.cat(gradients).norm()) == pytest.approx(1e-4, rel=0.01)
    # At first the average hardly lags behind: else the random weights of the beginning would stay in it for long.
    for name, value in trainer.machine.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(trainer.ema[name], torch.lerp(before[name], value, 1 - 2 / 11))


def test_an_evaluation_uses_the_network_as_it_is_shipped(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, 1, samples=figures(8))
    trainer.machine.train()
    training: list[bool] = []
    trainer._with_ema(lambda infer: training.append(trainer.machine.training))
    assert training == [False]
