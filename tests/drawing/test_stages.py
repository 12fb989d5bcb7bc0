"""All stages in one picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from cpm_live.core.crop import Crop
from cpm_live.core.findings import Findings
from cpm_live.core.frame import Frame
from cpm_live.core.skeleton import BODY
from cpm_live.drawing import stages
from cpm_live.drawing.paint import paint, painted
from cpm_live.drawing.stages import columns, paint_stages
from cpm_live.drawing.view import FINDER_HANDS, FINDER_PEOPLE, View
from tests.drawing.test_paint import LEFT_WRIST, _result


@pytest.mark.parametrize(
    ("count", "aspect", "across"),
    [(6, 4 / 3, 3), (6, 16 / 9, 3), (6, 9 / 16, 6), (3, 4 / 3, 2), (3, 9 / 16, 3), (2, 4 / 3, 2), (4, 4 / 3, 2)],
)  # fmt: skip
def test_so_many_in_a_row_that_it_looks_like_a_screen(count: int, aspect: float, across: int) -> None:
    assert columns(count, aspect) == across


def test_each_stage_has_its_own_skeleton_and_glow() -> None:
    result = replace(_result(), stage_count=2)
    whole = paint_stages(result, View(joint=LEFT_WRIST, stage=0))
    assert whole.shape == (240, 642, 3)
    for stage, tile in enumerate((whole[:, :320], whole[:, 322:])):
        alone = painted(result, View(joint=LEFT_WRIST, stage=stage))
        assert np.array_equal(tile[:200], alone[:200]), stage
        assert not np.array_equal(tile[200:], alone[200:]), "what it is stands below"
    assert not np.array_equal(whole[:200, :320], whole[:200, 322:])


def test_the_last_stage_is_raw_as_the_others_are() -> None:
    result = replace(_result(), stage_count=2)
    (pose,) = result.poses
    smoothed = pose.raw + np.array([20, 10, 0], np.float32)
    moved = replace(result, poses=(replace(pose, smoothed=smoothed),))
    assert not np.array_equal(paint(moved, View()), paint(result, View()))
    assert np.array_equal(paint_stages(moved, View()), paint_stages(result, View()))
    hand = replace(result, poses=(), hand_skeleton=BODY, hand_stages=2)
    still, trembling = (replace(hand, hands=one.poses) for one in (result, moved))
    assert np.array_equal(paint_stages(trembling, View()), paint_stages(still, View())), "hands beside bodies, too"


def test_with_the_last_stage_hands_are_at_their_last() -> None:
    """A body model of one's own may have fewer stages than the hand model."""
    result = _result()
    (pose,) = result.poses
    own = np.stack([pose.stages[0] + np.float32(12 * stage) * np.array([1, 0, 0], np.float32) for stage in range(4)])
    hand = replace(pose, stages=own, beliefs=np.zeros((4, 15, 24, 24), np.float32), body=1)
    result = replace(result, hands=(hand,), hand_skeleton=BODY, hand_stages=4)
    first, last = (paint_stages(result, View())[:200, x : x + 320] for x in (0, 322))
    assert np.array_equal(first, painted(result, View(stage=0))[:200])
    assert np.array_equal(last, painted(result, View())[:200])


def test_a_film_is_no_wider_than_asked_and_says_so_legibly() -> None:
    result = _result()
    small = paint_stages(result, View(), widest=202)
    assert small.shape == (75, 202, 3)
    assert paint_stages(result, View(), widest=5000).shape == (240, 642, 3), "never enlarged"
    bare = painted(replace(result, poses=()), View())
    assert bare.max() == 70 and paint_stages(replace(result, poses=()), View(), widest=202).max() > 200, "letters"


def test_what_is_large_is_painted_as_small_as_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of a film in 4K took half a minute."""
    sizes = []
    monkeypatch.setattr(
        stages, "painted", lambda result, view: sizes.append(result.frame.width) or painted(result, view)
    )
    whole = paint_stages(_result(), View(joint=LEFT_WRIST), widest=322)
    assert whole.shape == (120, 322, 3) and sizes == [160, 160]
    large = paint_stages(_result(), View(joint=LEFT_WRIST))
    for stage in range(2):
        there, shown = (
            half.astype(int) for half in (large[:, 322 * stage :][:, :320], whole[:, 162 * stage :][:, :160])
        )
        there = there.reshape(120, 2, 160, 2, 3).mean(axis=(1, 3))
        assert np.abs(there - shown)[:100].mean() < 3, "it is the same picture"


def _letters(height: int, width: int) -> tuple[int, int, NDArray[np.intp], NDArray[np.intp]]:
    """Height and width of one of six pictures, and where in the first one something is written."""
    result = replace(_result(), stage_count=6, frame=Frame(np.zeros((height, width, 3), np.uint8), 0, 0))
    (pose,) = result.poses
    nothing = replace(pose, beliefs=np.zeros((6, 15, 24, 24), np.float32), stages=np.zeros((6, 14, 3), np.float32))
    whole = paint_stages(replace(result, poses=(nothing,)), View(joint=LEFT_WRIST, glow=0.75))
    across = columns(6, width / height)
    high, wide = (whole.shape[0] + 2) * across // 6 - 2, (whole.shape[1] + 2) // across - 2
    return high, wide, *np.nonzero(whole[:high, :wide].max(axis=2) > 200)


@pytest.mark.parametrize("size", [(480, 640), (2160, 3840), (960, 540), (286, 220)])
def test_what_is_written_is_legible_on_a_slide(size: tuple[int, int]) -> None:
    high, wide, ys, xs = _letters(*size)
    across = columns(6, size[1] / size[0])
    screen = max(high * 6 // across, wide * across * 9 / 16)
    assert ys.size and (np.ptp(ys) + 1) / screen > 0.022
    assert xs.max() < wide - 3


@pytest.mark.parametrize("size", [(24, 32), (167, 78), (1, 1), (60, 1000)])
def test_what_is_written_does_not_cover_a_small_picture(size: tuple[int, int]) -> None:
    high, wide, ys, xs = _letters(*size)
    assert ys.size and xs.max() < wide - 3 and np.ptp(ys) < 0.6 * high
    assert wide / high == pytest.approx(size[1] / size[0], rel=0.02)


def test_of_a_photograph_of_a_telephone_it_is_no_larger_than_files_hold() -> None:
    image = np.zeros((6000, 7999, 3), np.uint8)
    result = _result()
    result = replace(result, stage_count=2, frame=Frame(image, 0, 0), poses=())
    assert paint_stages(result, View()).shape == (6000, 16000, 3), "as large as it is where it can be"
    result = replace(result, stage_count=6)
    assert 15990 < paint_stages(result, View()).shape[1] <= 16000
    result = replace(result, frame=Frame(np.zeros((17000, 300, 3), np.uint8), 0, 0))
    assert paint_stages(result, View()).shape[0] == 16000, "nor higher"


def test_with_the_finders_map_the_stages_are_the_finders() -> None:
    beliefs = np.zeros((3, 3, 16, 16), np.float32)
    for stage in range(3):
        beliefs[stage, 0, 6, 4 + 4 * stage] = 1.0
    crop = Crop(159.5, 119.5, 320, 128)
    result = replace(_result(), finder=Findings((), beliefs, crop, 0.3))
    whole = paint_stages(result, View(joint=FINDER_PEOPLE, stage=1))
    assert whole.shape == (482, 642, 3) and whole[242:, 322:].max() == 0, "three, two in a row"
    tiles = [whole[:200, :320], whole[:200, 322:], whole[242:442, :320]]
    brightest = [int(np.argmax(tile.astype(int).sum(axis=(0, 2)))) for tile in tiles]
    assert brightest[0] < brightest[1] < brightest[2]
    nothing = replace(result, finder=Findings((), np.zeros((3, 3, 16, 16), np.float32), crop, 0.3))
    people, hands = (paint_stages(nothing, View(joint=joint)) for joint in (FINDER_PEOPLE, FINDER_HANDS))
    assert not np.array_equal(people, hands), "which of its maps stands there"
    skeleton = painted(result, View(joint=FINDER_PEOPLE, stage=0))[:200]
    assert not np.array_equal(tiles[0], skeleton), "which is not the finder's"


def test_without_a_model_it_is_the_picture() -> None:
    result = replace(_result(), poses=(), stage_count=0)
    assert np.array_equal(paint_stages(result, View()), result.frame.image)
    assert np.array_equal(paint(result, View()), result.frame.image)


def test_a_single_stage_is_the_picture_and_says_what_glows() -> None:
    result = _result()
    (pose,) = result.poses
    alone = replace(pose, stages=pose.stages[1:], beliefs=pose.beliefs[1:])
    result, view = replace(result, poses=(alone,), stage_count=1), View(joint=LEFT_WRIST)
    assert np.array_equal(paint_stages(result, view), paint(result, view))
    assert not np.array_equal(paint(result, view), painted(result, view)), "the name of the joint"
