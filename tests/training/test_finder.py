"""The finder's training: pictures brought together, scenes, targets, and a network that learns from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from cpm_live.core import finder_maps
from cpm_live.core.crop import PAD_VALUE
from cpm_live.core.skeleton import BODY
from cpm_live.evaluation import finding
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS
from cpm_live.training import finder_data, scenes
from cpm_live.training.dataset import Sample
from cpm_live.training.finder_data import HAND_KIND, PERSON, Labelled, Picture
from cpm_live.training.finder_targets import draw_targets
from cpm_live.training.finder_task import FinderTask, stage_losses
from cpm_live.training.loop import Budget, Trainer
from cpm_live.training.scenes import Scene, SceneMaker, Settings, Thing
from cpm_live.training.task import Drawn
from tests.training.common import figures, plan_of, write_coco


def _pictures() -> list[Picture]:
    bodies = [replace(s, name=f"body/{s.name}") for s in figures(6)]
    hands = [replace(s, name=f"hand/{s.name}", source="plain") for s in figures(6, "hand")]
    return finder_data.combine(bodies, hands)


def _block(source: str, things: list[Labelled], known: list[bool], colour: int = 200) -> Picture:
    return Picture(_sample(np.full((100, 100, 3), colour, np.uint8), source), things, known)


def _sample(image: np.ndarray, source: str) -> Sample:
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    return Sample("block.jpg", jpeg, np.zeros((14, 3), np.float32), (0, 0, *image.shape[1::-1]), source)


def test_bodies_and_hands_of_one_picture_are_brought_together_with_sides() -> None:
    body, hand = figures(1)[0], figures(1, "hand")[0]
    joints = body.joints.copy()
    # The left wrist where the hand's is, the right one far away.
    joints[BODY.index("left_wrist"), :2] = hand.joints[0, :2] + 2
    joints[BODY.index("right_wrist"), :2] = hand.joints[0, :2] + 500
    # The forearm comes from the other side of the wrist than the hand.
    joints[BODY.index("left_elbow"), :2] = 2 * hand.joints[0, :2] - hand.joints[:, :2].mean(axis=0)
    joints[BODY.index("right_elbow"), :2] = hand.joints[0, :2] + 400
    (picture,) = finder_data.combine([replace(body, joints=joints)], [hand])
    # The labelled hand, then the other one, guessed at its wrist; none is guessed where one is labelled.
    assert [(thing.kind, thing.side) for thing in picture.things] == [(PERSON, 0), (HAND_KIND, 1), (HAND_KIND, -1)]
    assert picture.things[1].side == 1 and picture.known == [True, True]
    joints[BODY.index("right_wrist"), :2] = hand.joints[0, :2] + 1
    (picture,) = finder_data.combine([replace(body, joints=joints)], [hand])
    assert picture.things[1].side == 0, "two wrists at one hand tell nothing"
    alone, arm = finder_data.combine([], [replace(hand, source="linto"), replace(hand, source="plain", name="p.jpg")])
    assert alone.known == [False, True] and arm.known == [True, True]


def test_hands_of_several_people_in_one_picture_keep_their_sides() -> None:
    body, hand = figures(1)[0], figures(1, "hand")[0]

    def person(right: float, left: float) -> Sample:
        joints = body.joints.copy()
        for side, away in (("right", right), ("left", left)):
            joints[BODY.index(f"{side}_wrist"), :2] = hand.joints[0, :2] + away
            # The forearm comes from the other side of the wrist than the hand.
            joints[BODY.index(f"{side}_elbow"), :2] = away + 2 * hand.joints[0, :2] - hand.joints[:, :2].mean(axis=0)
        return replace(body, joints=joints)

    near, far = person(right=2, left=400), person(right=800, left=1200)
    for people in ([near, far], [far, near]):
        (picture,) = finder_data.combine(people, [hand])
        assert next(thing.side for thing in picture.things if thing.kind == HAND_KIND) == -1
        # The labelled hand and the three that are guessed at the other wrists, whoever was read last.
        assert sorted(t.side for t in picture.things if t.kind == HAND_KIND) == [-1, -1, 1, 1]
    beside = person(right=900, left=4)
    (picture,) = finder_data.combine([near, beside], [hand])
    assert next(t for t in picture.things if t.kind == HAND_KIND).side == 0, "two people's wrists at one hand"


def test_who_has_no_labelled_joint_counts_with_their_box_or_is_unknown() -> None:
    body = figures(1)[0]
    crowd = replace(body, joints=np.zeros_like(body.joints), box=(10.0, 20.0, 30.0, 40.0))
    (picture,) = finder_data.combine([body, crowd], [])
    assert [thing.kind for thing in picture.things].count(PERSON) == 2 and picture.known[PERSON]
    assert picture.things[1].points.min(axis=0) == pytest.approx([10, 20])
    assert np.ptp(picture.things[1].points, axis=0) == pytest.approx([30, 40])
    nowhere = replace(crowd, box=(0.0, 0.0, 0.0, 0.0))
    (picture,) = finder_data.combine([body, nowhere], [])
    assert len(picture.things) == len(finder_data.combine([body], [])[0].things) and not picture.known[PERSON]
    assert finder_data.combine([nowhere], []) == [], "nothing is known of it"


def test_hands_are_guessed_beyond_visible_wrists() -> None:
    joints = np.zeros((14, 3), np.float32)
    for name, x, y in (
        ("left_shoulder", 100, 0),
        ("right_hip", 40, 80),
        ("left_elbow", 120, 50),
        ("left_wrist", 120, 90),
    ):
        joints[BODY.index(name)] = (x, y, 2)
    (hand,) = finder_data.hands_at_wrists(joints)
    assert hand.side == 1 and np.ptp(hand.points, axis=0) == pytest.approx([30, 30])
    assert hand.points.mean(axis=0) == pytest.approx([120, 103.5])
    joints[BODY.index("left_elbow"), 2] = 0
    assert finder_data.hands_at_wrists(joints) == [], "without a forearm there is no direction"


def test_hands_before_plain_walls_are_pasted_without_the_wall() -> None:
    image = np.full((100, 100, 3), 250, np.uint8)
    image[30:70, 30:70] = (60, 90, 160)
    corners = np.array([[30, 30], [70, 30], [70, 70], [30, 70]], np.float32)
    hand = Picture(_sample(image, "palm"), [Labelled(HAND_KIND, corners)], [True, True])
    maker, rng = SceneMaker([hand], Settings(empty=0.0, hand_size=(0.3, 0.31))), np.random.default_rng(2)
    share = []
    for _ in range(30):
        canvas = scenes._Canvas(100, rng)
        canvas.image[:] = 10
        maker._paste_somebody(canvas, rng)
        share.append(float((canvas.image.min(axis=2) > 200).mean()))
    assert np.mean(np.array(share) < 0.01) > 0.4, "most come without their white"
    assert max(share) > 0.05, "some keep it"


def test_rooms_are_cut_out_of_wide_frames_too() -> None:
    person = Labelled(PERSON, np.array([[600.0, 20.0], [620.0, 100.0], [630.0, 60.0]], np.float32))
    frame = _sample(np.full((120, 640, 3), 90, np.uint8), "webcam")
    picture = Picture(frame, [person], [True, False])
    maker, rng = SceneMaker([picture], Settings()), np.random.default_rng(0)
    rooms = [maker._room(rng) for _ in range(30)]
    assert all(room is not None and 48 <= room.shape[0] <= 120 for room in rooms)


def test_whole_frames_alone_are_enough_and_may_lie_in_a_folder(tmp_path: Path) -> None:
    samples = [replace(sample, source="webcam") for sample in figures(4)]
    write_coco(tmp_path, samples, "body_val.json")
    write_coco(tmp_path, [replace(s, name=f"h{s.name}") for s in figures(2, "hand")], "hand_val.json")
    pictures = finder_data.load(tmp_path, "val")
    assert len(pictures) == 6 and all(picture.image().ndim == 3 for picture in pictures)
    frames = [picture for picture in pictures if picture.whole]
    assert len(frames) == 4
    maker, rng = SceneMaker(frames, Settings(empty=0.0)), np.random.default_rng(0)
    assert any(maker.make(128, rng).things for _ in range(20))


def test_scenes_label_what_can_be_seen() -> None:
    maker, rng = SceneMaker(_pictures(), Settings(empty=0.0)), np.random.default_rng(0)
    made = [maker.make(128, rng) for _ in range(40)]
    kinds = [thing.kind for scene in made for thing in scene.things]
    assert kinds.count(PERSON) > 10 and kinds.count(HAND_KIND) > 10
    for scene in made:
        assert scene.image.shape == (128, 128, 3) and scene.image.dtype == np.uint8
        for thing in scene.things:
            assert 0 <= thing.x < 128 and 0 <= thing.y < 128 and thing.size >= 0.03 * 128


def test_who_is_covered_is_not_asked_for() -> None:
    points = np.array([[20, 20], [80, 20], [80, 80], [20, 80], [50, 50]], np.float32)
    person = _block("lsp", [Labelled(PERSON, points)], [True, True])
    canvas = scenes._Canvas(100, np.random.default_rng(0))
    canvas.paste(person.image(), person, 1.0, np.zeros(2), whole=True, mirror=False)
    canvas.cover(np.zeros((100, 100, 3), np.uint8), 0, 0)
    assert canvas.finish().things == ()
    canvas = scenes._Canvas(100, np.random.default_rng(0))
    canvas.paste(person.image(), person, 1.0, np.zeros(2), whole=True, mirror=False)
    canvas.cover(np.zeros((30, 30, 3), np.uint8), 0, 0)
    (thing,) = canvas.finish().things
    assert (thing.x, thing.y, thing.size) == pytest.approx((50, 50, 60))
    low = _block("lsp", [Labelled(PERSON, points * (0.25, 0.25) + (0, 75))], [True, True])
    for x, y, seen in ((0, 70, 0), (70, 0, 1)):
        canvas = scenes._Canvas(100, np.random.default_rng(0))
        canvas.paste(low.image(), low, 1.0, np.zeros(2), whole=True, mirror=False)
        canvas.cover(np.zeros((30, 30, 3), np.uint8), x, y)
        assert len(canvas.finish().things) == seen, "below and at the left"


def test_a_mirrored_hand_changes_sides() -> None:
    points = np.array([[10, 10], [40, 10], [40, 40], [10, 40]], np.float32)
    hand = _block("plain", [Labelled(HAND_KIND, points, side=1)], [False, True])
    canvas = scenes._Canvas(100, np.random.default_rng(0))
    canvas.paste(hand.image(), hand, 1.0, np.zeros(2), whole=True, mirror=True)
    scene = canvas.finish()
    (thing,) = scene.things
    assert thing.side == -1 and thing.x == pytest.approx(74)
    assert scene.ignore[PERSON] == ((0.0, 0.0, 100.0, 100.0),), "nobody said that there is no person"


def test_targets_peak_where_things_are_and_stay_silent_where_nothing_is_known() -> None:
    image = np.zeros((128, 128, 3), np.uint8)
    things = (Thing(PERSON, 63.5, 63.5, 100.0, 0), Thing(HAND_KIND, 27.5, 99.5, 16.0, -1))
    scene = Scene(image, things, (((0.0, 0.0, 32.0, 32.0),), ()))
    targets = draw_targets([scene], 128, 8)
    beliefs, mask = targets.beliefs[0], targets.belief_mask[0]
    assert beliefs[HAND_KIND, 12, 3] == pytest.approx(1.0) and beliefs[PERSON].max() > 0.7
    assert beliefs[2, 12, 3] == pytest.approx(0.0, abs=1e-6)
    assert mask[PERSON, :4, :4].max() == 0 and mask[2, :4, :4].max() == 0 and mask[HAND_KIND].min() == 1
    values, near = targets.values[0], targets.value_mask[0]
    assert finder_maps.map_to_size(float(values[0, 7, 7])) * 128 == pytest.approx(100, rel=1e-4)
    assert finder_maps.map_to_size(float(values[1, 12, 3])) * 128 == pytest.approx(16, rel=1e-4)
    assert values[2, 12, 3] == -1 and near[2].sum() == near[1].sum() > 0
    perfect = torch.from_numpy(np.concatenate([targets.beliefs, targets.values], axis=1))[:, None]
    assert stage_losses(perfect, targets, 10.0).item() == pytest.approx(0.0)
    assert stage_losses(perfect + 0.1, targets, 10.0).item() > 0.005


def test_a_tiny_finder_learns_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    torch.manual_seed(1)
    torch.set_num_threads(1)
    pictures = _pictures()

    def trainer(budget: float) -> Trainer:
        torch.manual_seed(1)
        machine = build(replace(PRESETS["tiny"], joints=2, extra=3, size=64, centre_map=False))
        plan = plan_of(sizes=((1.0, 64),))
        return Trainer(
            machine, lambda rng: FinderTask(machine.preset, plan, pictures, [], rng), plan, tmp_path, Budget(budget)
        )

    losses: list[float] = []
    first = trainer(20)
    first.run(lambda step: losses.append(sum(step.losses)))
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    assert (tmp_path / "ema.safetensors").exists()
    again = trainer(24)
    assert again.resume() and again.epoch == first.epoch


@pytest.mark.parametrize("scale", [0.25, 0.4, 0.8])
def test_labels_lie_where_the_picture_shows_it(scale: float) -> None:
    """To a tenth of a pixel, whoever makes it smaller, and in which way."""
    image = np.zeros((480, 640, 3), np.uint8)
    image[200:240, 300:340] = 255
    corners = np.array([[300, 200], [339, 239]], np.float32)
    picture = Picture(_sample(image, "webcam-pseudo"), [Labelled(PERSON, corners)], [True, True])

    def off(shown: np.ndarray, points: np.ndarray) -> np.ndarray:
        light = np.where(shown[..., 0] == PAD_VALUE, 0, shown[..., 0]).astype(np.float64)
        v, u = np.mgrid[: shown.shape[0], : shown.shape[1]]
        return np.array([(light * u).sum(), (light * v).sum()]) / light.sum() - points.mean(axis=0)

    canvas = scenes._Canvas(512, np.random.default_rng(1))
    canvas.paste(picture.image(), picture, scale, np.array([3.3, -1.6]), whole=True, mirror=True)
    assert np.abs(off(canvas.image, canvas._things[0][1])).max() < 0.1
    (case,) = finding.whole_frames([picture], 256)
    truth = np.array([[case.truths[0].x, case.truths[0].y]])
    assert np.abs(off(case.image, truth)).max() < 0.1


def test_a_damaged_picture_does_not_end_a_training_of_the_finder(caplog: pytest.LogCaptureFixture) -> None:
    pictures = _pictures()
    pictures[1].sample = replace(pictures[1].sample, jpeg=pictures[1].sample.jpeg[:100])
    maker, rng = SceneMaker(pictures, Settings()), np.random.default_rng(3)
    assert all(maker.make(128, rng).image.shape == (128, 128, 3) for _ in range(25))
    assert caplog.text.count("left out: cannot decode") == 1
    preset = replace(PRESETS["finder"], size=128)
    task = FinderTask(preset, plan_of(batch=2), pictures, pictures, np.random.default_rng(3))
    assert task.epoch_size == len(pictures)


def test_whom_the_bars_at_the_sides_hide_is_not_to_be_found() -> None:
    frame = np.full((256, 256, 3), 200, np.uint8)
    seen, hidden = (Labelled(PERSON, np.array([[x, y] for x in (left, left + 30) for y in (90, 150)], np.float32))
                    for left in (120, 5))  # fmt: skip
    picture = Picture(_sample(frame, "webcam-pseudo"), [seen, hidden], [True, True])
    for seed in range(40):
        canvas = scenes._Canvas(256, np.random.default_rng(seed))
        canvas.paste(frame, picture, 1.0, np.zeros(2), whole=True, mirror=False)
        canvas.letterbox()
        if (canvas.image[128, :20] == PAD_VALUE).all():
            break
    else:
        pytest.fail("no seed with bars at the sides")
    left = canvas._window[0]
    assert left > 0 and all(thing.x > left for thing in canvas.finish().things)


def test_workers_make_the_same_scenes_and_what_they_have_ahead_is_saved() -> None:
    pictures, plan = _pictures(), plan_of(batch=3, sizes=((0.5, 64), (1.0, 96)))
    preset = replace(PRESETS["finder"], size=96)

    def task(workers: int) -> FinderTask:
        return FinderTask(preset, plan, pictures, [], np.random.default_rng(5), workers)

    def known(drawn: Drawn) -> tuple[np.ndarray, list[float]]:
        cells = drawn.images.shape[-1] // preset.stride
        return drawn.images, drawn.losses(torch.full((3, 2, 6, cells, cells), 0.3)).tolist()

    here, there = task(0), task(2)
    first = [(known(here.draw(size)), known(there.draw(size))) for size in (64, 64, 96)]
    for (ours, loss), (theirs, other) in first:
        assert np.array_equal(ours, theirs) and loss == other
    saved = there.state()
    there.close()
    assert len(saved) == 4 and not here.state()
    again = task(0)
    again.restore(saved)
    for _ in range(4):
        assert np.array_equal(again.draw(96).images, here.draw(96).images)
