"""Hands that touch and hands that move, made of labelled hands that do neither."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cpm_live.core.crop import PAD_VALUE
from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY, HAND
from cpm_live.training.augment import Augmentation, augment
from cpm_live.training.blur import coarsen
from cpm_live.training.examples import DRAWN, ExampleMaker
from cpm_live.training.plan import Plan
from cpm_live.training.touching import move, silhouette, touch
from tests.training.common import figures, plan_of

GREEN, RED = (40, 200, 40), (30, 30, 220)


def a_hand(x: float = 100, y: float = 150, length: float = 100) -> NDArray[np.float32]:
    """A hand (21, 3) that is held up, its wrist at x, y."""
    joints = np.zeros((21, 3), np.float32)
    joints[0] = x, y, 2
    for finger in range(5):
        across = (finger - 2) * 0.16 * length
        for part in range(4):
            up = (0.2 if finger == 0 else 0.45) * length + part * 0.17 * length
            joints[1 + 4 * finger + part] = x + across, y - up, 2
    return joints


def flat(colour: tuple[int, int, int], side: int = 200) -> NDArray[np.uint8]:
    return np.full((side, side, 3), colour, np.uint8)


def test_a_silhouette_holds_the_joints_and_some_arm_and_nothing_else() -> None:
    joints = a_hand()
    mask = silhouette(joints, HAND, (200, 200))
    assert mask is not None and mask.shape == (200, 200) and mask.dtype == np.float32
    at = joints[:, :2].astype(int)
    assert mask[at[:, 1], at[:, 0]].min() > 0.6
    assert mask[180, 100] > 0.9, "the forearm"
    assert mask[:, :30].max() == 0 and mask[:, 170:].max() == 0 and mask[:30].max() == 0
    assert 0.1 < mask.mean() < 0.35
    short = silhouette(joints, HAND, (200, 200), arm=0.1)
    assert short is not None and short[195, 100] == 0


def test_only_hands_with_all_their_labels_have_one() -> None:
    joints = a_hand()
    joints[7, 2] = 0
    assert silhouette(joints, HAND, (200, 200)) is None
    assert silhouette(np.ones((14, 3), np.float32), BODY, (200, 200)) is None
    picture = flat(GREEN)
    assert touch(picture, joints, HAND, flat(RED), a_hand(), np.random.default_rng(0)) is picture
    assert touch(picture, a_hand(), HAND, flat(RED), joints, np.random.default_rng(0)) is picture


def test_joints_that_are_out_of_the_picture_have_no_place() -> None:
    """A plan's ``absent`` says v = -1 of joints that nobody labelled; they lie at 0, 0."""
    absent = a_hand()
    absent[7] = 0, 0, -1
    picture = flat(GREEN)
    assert touch(picture, a_hand(), HAND, flat(RED), absent, np.random.default_rng(0)) is picture
    still = Augmentation(zoom=(3.0, 3.0), occlusion=0.0, touch=1.0)
    for joints, touched in ((absent, False), (a_hand(), True)):
        most = 0
        for seed in range(8):
            rng = np.random.default_rng(seed)
            image = augment(picture, joints, HAND, 128, still, rng, lambda: picture, lambda: (flat(RED), a_hand()))
            most = max(most, int((image.image[..., 2].astype(int) - image.image[..., 1]).max()))
        assert (most > 90) == touched


def test_another_hand_lies_over_or_under_the_one_that_is_meant() -> None:
    joints = a_hand(100, 130, 70)
    own = silhouette(joints, HAND, (200, 200))
    assert own is not None
    over = under = 0
    for seed in range(140):
        picture = flat(GREEN)
        out = touch(picture, joints, HAND, flat(RED), a_hand(), np.random.default_rng(seed))
        assert (picture == GREEN).all(), "the given picture is not written to"
        red = (out[..., 2] > 150) & (out[..., 1] < 90)
        hidden = float((red & (own > 0.9)).sum() / (own > 0.9).sum())
        assert hidden < 0.6, "most of it must be left to be recognised"
        shown = float(red.mean())
        over += hidden > 0.05
        under += hidden == 0 and shown > 0.02
    assert over > 14 and under > 7


def test_the_other_hand_is_cut_out_of_its_picture_whichever_way_it_is_turned() -> None:
    matte = silhouette(a_hand(), HAND, (200, 200), arm=3)
    assert matte is not None
    image = flat((220, 30, 30))
    image[matte > 0] = RED
    reds = []
    for seed in range(40):
        out = touch(flat(GREEN), a_hand(100, 130, 70), HAND, image, a_hand(), np.random.default_rng(seed)).astype(int)
        assert ((out[..., 0] > 150) & (out[..., 2] < 120)).mean() < 0.01, "what stood behind it is left there"
        reds.append(((out[..., 2] > 150) & (out[..., 1] < 90)).mean())
    assert np.mean(reds) > 0.025


def test_a_hand_seen_from_its_end_has_fingers_as_thick_as_ever() -> None:
    joints = a_hand(100, 170, 120)
    joints[0, 1] = joints[[5, 9, 13, 17], 1].mean()
    mask = silhouette(joints, HAND, (200, 200), arm=0.1)
    assert mask is not None
    tip = joints[8, :2].astype(int)
    assert (mask[tip[1], tip[0] - 2 : tip[0] + 3] > 0.8).all()


def test_some_are_the_same_persons() -> None:
    likes = 0
    for seed in range(40):
        out = touch(flat(GREEN), a_hand(), HAND, flat(RED), a_hand(), np.random.default_rng(seed))
        likes += bool(np.abs(out.astype(int) - GREEN).max() <= 1)
    assert 12 < likes < 36


def test_nobodys_colour_is_not_taken_for_black() -> None:
    """The one that is meant may lie outside of the picture."""
    for seed in range(40):
        joints = a_hand(-45, 150, 80)
        out = touch(flat(GREEN), joints, HAND, flat(RED), a_hand(), np.random.default_rng(seed))
        assert out[..., 1:].max(axis=2).min() > 90, "neither black nor any other colour than green, red and mixtures"


def test_what_moves_is_blurred_and_what_is_behind_it_is_not() -> None:
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 255, (200, 200, 3), np.uint8)
    joints = a_hand(100, 130, 60)
    out = move(picture, joints, HAND, 20, np.random.default_rng(1))
    assert (out[:20] == picture[:20]).all() and (out[:, :25] == picture[:, :25]).all()
    palm = (slice(95, 125), slice(90, 110))
    assert out[palm].std() < 0.5 * picture[palm].std()
    still = flat(GREEN)
    assert np.abs(move(still, joints, HAND, 20, np.random.default_rng(1)).astype(int) - still).max() <= 3
    joints[3, 2] = 0
    out = move(picture, joints, HAND, 20, np.random.default_rng(1))
    assert out[:20].std() < 0.6 * picture[:20].std(), "all of it where the hand's place is not known"


def test_the_keys_of_a_plan_do_what_they_say() -> None:
    picture, joints = flat(GREEN), a_hand()
    still = {"zoom": (3.0, 3.0), "shift": 0.0, "rotation": 0.0, "occlusion": 0.0}

    def made(seed: int, **settings: float) -> NDArray[np.uint8]:
        rng = np.random.default_rng(seed)
        other, another = (lambda: flat((200, 10, 10))), (lambda: (flat(RED), a_hand()))
        return augment(picture, joints, HAND, 128, Augmentation(**still, **settings), rng, other, another).image  # type: ignore[arg-type]

    def share(image: NDArray[np.uint8], channel: int) -> float:
        rest = [c for c in range(3) if c != channel]
        values = image.astype(int)
        return float((values[..., channel] > values[..., rest].max(axis=2) + 60).mean())

    assert max(share(made(seed), 0) for seed in range(8)) == 0 and share(made(1, surround=1.0), 0) > 0.2
    assert max(share(made(seed), 2) for seed in range(8)) == 0
    assert max(share(made(seed, touch=1.0), 2) for seed in range(8)) > 0.03
    assert np.abs(made(0)[:4].astype(int) - PAD_VALUE).max() < 90, "grey around it otherwise"
    centres = [
        augment(
            picture, joints, HAND, 128, Augmentation(**still, astray=astray), np.random.default_rng(seed),
            lambda: picture,
        ).centre
        for astray in (0.0, 0.1) for seed in range(60)
    ]  # fmt: skip
    assert np.std(centres[:60], axis=0).max() < 0.01
    assert np.std(centres[60:], axis=0) == pytest.approx([12.8, 12.8], rel=0.3)


def test_little_is_left_of_what_is_far_away() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (100, 100, 3), np.uint8)
    left = [coarsen(noise, least, np.random.default_rng(seed)).std() for least in (0.1, 0.9) for seed in range(20)]
    assert min(left[:20]) < 0.5 * min(left[20:])


def test_a_plan_says_how_long_smears_are_who_moves_and_how_little_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, list[float]] = {}

    def tell(name: str, place: int) -> None:
        def instead(picture: NDArray[np.uint8], *others: float) -> NDArray[np.uint8]:
            told.setdefault(name, []).append(others[place])
            return picture

        monkeypatch.setattr(f"cpm_live.training.augment.{name}", instead)

    def made(**settings: float) -> dict[str, list[float]]:
        told.clear()
        for seed in range(40):
            rng = np.random.default_rng(seed)
            augment(flat(GREEN), a_hand(), HAND, 100, Augmentation(**settings), rng, lambda: flat(RED))  # type: ignore[arg-type]
        return dict(told)

    tell("smear", 0)
    tell("move", 2)
    tell("coarsen", 0)
    usual = made(smear=1.0, low_resolution=1.0)
    assert usual.keys() == {"smear", "coarsen"} and 10 <= max(usual["smear"]) <= 12 and set(usual["coarsen"]) == {0.3}
    ours = made(smear=1.0, longest=0.5, moving=1.0, low_resolution=1.0, coarsest=0.1)
    assert ours.keys() == {"move", "coarsen"} and 40 < max(ours["move"]) <= 50 and set(ours["coarsen"]) == {0.1}
    some = made(smear=1.0, moving=0.5)
    assert len(some["move"]) > 8 and len(some["smear"]) > 8


@pytest.mark.parametrize(
    ("name", "ends", "beyond"), [("longest", (0.03, 1.0), (0, 1.1)), ("coarsest", (0, 0.9), (-0.1, 1.0))]
)
def test_a_plan_asks_for_no_range_that_cannot_be_drawn_from(
    name: str, ends: tuple[float, float], beyond: tuple[float, float]
) -> None:
    for value in ends:
        plan = Plan.from_table({"augment": {name: value, "smear": 1.0, "low_resolution": 1.0}})
        rng = np.random.default_rng(1)
        made = augment(flat(GREEN), a_hand(), HAND, 64, plan.augment, rng, lambda: flat(RED))
        assert made.image.shape == (64, 64, 3)
    for value in beyond:
        with pytest.raises(
            InputError, match=rf"\[train\.augment\] {name} must be a number from {ends[0]:g} to {ends[1]:g}"
        ):
            Plan.from_table({"augment": {name: value}})


def test_the_other_hand_is_one_of_the_set(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def instead(
        picture: object, joints: object, skeleton: object, image: object, theirs: object, rng: object
    ) -> object:
        seen.append((image, theirs))
        return picture

    monkeypatch.setattr("cpm_live.training.augment.touch", instead)
    samples = figures(4, "hand")
    plan = plan_of(augment=Augmentation(touch=1.0))
    ExampleMaker(samples, [0, 1, 3], HAND, plan).make(
        [(number, seed) for number in (0, 3, DRAWN) for seed in range(8)], 64
    )
    of = [
        [n for n, s in enumerate(samples) if s.joints is theirs and (s.image() == image).all()]
        for image, theirs in seen
    ]
    assert len(of) == 24 and {tuple(one) for one in of} == {(0,), (1,), (3,)}
