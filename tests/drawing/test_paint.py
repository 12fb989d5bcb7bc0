from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import cv2
import numpy as np
import pytest

from cpm_live.core.crop import Crop
from cpm_live.core.findings import Findings, Found
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import BODY, HAND, LEFT
from cpm_live.drawing import figures
from cpm_live.drawing.colours import glow, glow_table, heat
from cpm_live.drawing.paint import glow_strength, paint, painted, write_notes
from cpm_live.drawing.people import PEOPLE
from cpm_live.drawing.stages import paint_stages
from cpm_live.drawing.view import (
    ALL_JOINTS,
    BACKGROUND,
    CENTRE,
    FINDER_PEOPLE,
    FULL,
    HIDDEN,
    HOLLOW,
    NO_MAP,
    View,
    hand_view,
    joint_marks,
    shown_map,
    stage_index,
)  # fmt: skip

LEFT_WRIST = BODY.index("left_wrist")


def _result(score: float = 0.9) -> Result:
    """A figure whose belief for the left wrist sits elsewhere at stage 1 than at stage 2."""
    joints = figures.body_joints(figures.BodyPose((0.6, 1.4)), (160, 120), 50)
    crop = Crop(160, 120, 240, 192)
    stages = np.zeros((2, 14, 3), np.float32)
    stages[:, :, :2], stages[:, :, 2] = joints, score
    stages[0, LEFT_WRIST, :2] = (60, 60)
    beliefs = np.zeros((2, 15, 24, 24), np.float32)
    v, u = np.mgrid[:24, :24]
    for stage in range(2):
        for joint in range(14):
            x, y = crop.to_input(stages[stage, joint, :2]) / 8 - 0.4375
            beliefs[stage, joint] = np.exp(-((u - x) ** 2 + (v - y) ** 2) / 2)
    beliefs[:, 14] = 1 - beliefs[:, :14].max(axis=1)
    pose = Pose(1, (80.0, 40.0, 160.0, 160.0), stages, beliefs, crop)
    frame = Frame(np.full((240, 320, 3), 70, np.uint8), 0, 0)
    return Result(frame, (pose,), BODY, "body", 2, 0.25, MappingProxyType({}))


def _at(picture: np.ndarray, x: float, y: float) -> np.ndarray:
    return picture[round(y), round(x)].astype(int)


def test_skeleton_lies_on_the_joints_in_its_colours() -> None:
    result = _result()
    drawn = paint(result, View(joint=NO_MAP))
    wrist = result.poses[0].keypoints[LEFT_WRIST, :2]
    assert np.abs(_at(drawn, *wrist) - LEFT[::-1]).max() < 30
    assert (result.frame.image == 70).all()
    assert (_at(drawn, 5, 5) == 70).all()


def test_the_chosen_stage_is_shown() -> None:
    result = _result()
    first, last = (paint(result, View(stage=stage, joint=NO_MAP)) for stage in (0, None))
    assert (_at(first, 60, 60) != 70).any() and (_at(last, 60, 60) == 70).all()
    assert stage_index(result, View(stage=9)) == 1


def test_films_have_what_the_finder_found_and_say_which_stage_they_show() -> None:
    found = Found("person", 200.0, 110.0, 61.0, 0.8)
    beliefs = np.zeros((2, 3, 24, 24), np.float32)
    findings = Findings((found,), beliefs, Crop(160, 120, 320, 192), 1.0)
    result = replace(_result(), finder=findings)
    view = View(joint=FINDER_PEOPLE, skeleton=False, glow=0.0)
    bare = paint(result, replace(view, joint=NO_MAP))
    assert (bare == 70).all()
    drawn, mirrored = paint(result, view), paint(result, replace(view, mirror=True))
    for x in (200, 170, 231):
        assert (_at(drawn, x, 110) > 150).all() and (_at(mirrored, 319 - x, 110) > 150).all()
    assert (drawn[144:160, 170:240] > 150).any(), "what it is and how sure"
    corner = np.s_[-30:, :130]
    assert (drawn[corner] == 70).all()
    for chosen in (view, View(joint=NO_MAP, mirror=True)):
        early = paint(result, replace(chosen, stage=0))
        assert (early[corner] > 150).any(), "an early stage says so"


def test_frames_one_pixel_wide_are_painted_too() -> None:
    result = replace(_result(), frame=Frame(np.zeros((4, 1, 3), np.uint8), 0, 0))
    assert paint(result, View(stage=0, mirror=True, boxes=True)).shape == (4, 1, 3)


@pytest.mark.parametrize("away", [1e5, 1e6, 1e8, 1e9, 1e30])
def test_a_limb_goes_to_its_joint_however_far_that_is(away: float) -> None:
    """OpenCV's numbers overflow soon: the limb went elsewhere, or there was an error."""
    result = _result()
    pose = result.poses[0]

    def drawn(at: float) -> np.ndarray:
        joints = pose.keypoints.copy()
        joints[LEFT_WRIST, :2] = joints[BODY.index("left_elbow"), :2] + (0.8 * at, -0.6 * at)
        return paint(replace(result, poses=(replace(pose, smoothed=joints),)), View(joint=NO_MAP))

    assert np.abs(drawn(away).astype(int) - drawn(500)).mean() < 0.1
    around = replace(pose, box=(10.0, -away, 2 * away, 2 * away))
    boxed = paint(replace(result, poses=(around,)), View(joint=NO_MAP, boxes=True))
    assert (_at(boxed, 10, 200) > 200).all()


def test_hidden_and_unbelieved_joints_are_not_drawn() -> None:
    result = _result()
    wrist = result.poses[0].keypoints[LEFT_WRIST, :2]
    hidden = paint(result, View(joint=NO_MAP, hidden=frozenset({LEFT_WRIST})))
    assert (_at(hidden, *wrist) == 70).all()
    assert (paint(_result(score=0.1), View(joint=NO_MAP)) == 70).all()


def test_glow_sits_on_the_joint() -> None:
    result = _result()
    drawn = paint(result, View(joint=LEFT_WRIST, skeleton=False))
    changed = np.abs(drawn.astype(int) - 70).sum(axis=2).astype(float)
    changed[-30:] = 0.0  # whose map it is
    v, u = np.mgrid[:240, :320]
    centre = np.array([(u * changed).sum(), (v * changed).sum()]) / changed.sum()
    assert np.hypot(*(centre - result.poses[0].keypoints[LEFT_WRIST, :2])) < 3


def test_mirror_exchanges_left_and_right() -> None:
    result = _result()
    view = View(joint=ALL_JOINTS)
    assert (painted(result, View(joint=ALL_JOINTS, mirror=True)) == painted(result, view)[:, ::-1]).all()
    boxed = paint(result, View(joint=NO_MAP, skeleton=False, boxes=True, mirror=True))
    assert (boxed[40:200, 319 - 240] > 150).any()


def test_the_mirror_takes_one_pass_of_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy copies a reversed view pixel by pixel: of a picture in 4K that takes as long as encoding it."""
    flip, flipped = cv2.flip, list[tuple[int, ...]]()

    def note(picture: np.ndarray, axis: int) -> np.ndarray:
        flipped.append(picture.shape)
        return np.asarray(flip(picture, axis))

    monkeypatch.setattr(cv2, "flip", note)
    assert paint(_result(), View(mirror=True)).flags.c_contiguous
    assert flipped == [(240, 320, 3)]


def test_boxes_of_hands_are_mirrored_too() -> None:
    result = _result()
    hand = replace(result.poses[0], box=(20.0, 40.0, 60.0, 50.0))
    result = replace(result, poses=(), hands=(hand,))
    view = View(joint=NO_MAP, skeleton=False, boxes=True)
    for mirror, x in ((False, 20), (True, 319 - 20)):
        column = paint(result, replace(view, mirror=mirror))[50:80, x - 1 : x + 2]
        assert (column > 150).any(), mirror


@pytest.mark.parametrize(("joint", "peak"), [(ALL_JOINTS, 1.0), (LEFT_WRIST, 0.85), (BACKGROUND, 1.0)])
def test_maps_to_show(joint: int, peak: float) -> None:
    belief = shown_map(_result().poses[0], 1, joint)
    assert belief is not None and belief.shape == (24, 24) and belief.max() == pytest.approx(peak, abs=0.1)
    assert shown_map(_result().poses[0], 1, NO_MAP) is None


def test_colours() -> None:
    table = glow_table()
    assert table.shape == (256, 4) and table[0, 3] == 0
    assert (table[:, :3] <= table[:, 3:]).all(), "premultiplied colours never exceed their alpha"
    assert glow(np.ones((2, 2))).shape == (2, 2, 4) and heat(np.zeros((2, 2))).shape == (2, 2, 3)


def test_more_belief_is_brighter_on_any_screen_and_to_any_eye() -> None:
    table = glow_table(1.0)[64:]
    lightness = cv2.cvtColor(np.ascontiguousarray(table[None, :, :3]), cv2.COLOR_BGR2LAB)[0, :, 0].astype(int)
    assert (np.diff(lightness) >= -1).all() and lightness[-1] - lightness[0] > 90


_EYES = {
    "usual": np.eye(3),
    "without red cones": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998],
    ],
    "without green cones": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881],
    ],
}  # fmt: skip
"""What is left of linear RGB (Machado, Oliveira, Fernandes, IEEE Transactions on Visualization 15, 2009, table 1)."""


@pytest.mark.parametrize("eye", _EYES)
def test_people_are_told_apart_by_any_eye(eye: str) -> None:
    colours = np.array(PEOPLE) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4) @ np.transpose(
        _EYES[eye]
    )
    linear = np.clip(linear, 0, 1)
    seen = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055).astype(np.float32)
    lab = cv2.cvtColor(seen[None], cv2.COLOR_RGB2LAB)[0]
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    assert apart[~np.eye(len(PEOPLE), dtype=bool)].min() > 25


def test_lines_are_as_wide_to_the_eye_whatever_the_film() -> None:
    """A film is looked at whole: what is drawn is the same share of a small picture and of a large one."""
    shares = []
    for times in (2, 6):
        result = _result()
        pose, size = result.poses[0], (240 * times, 320 * times)
        stages = pose.stages.copy()
        stages[..., :2] = (stages[..., :2] + 0.5) * times - 0.5
        large = replace(pose, stages=stages, box=tuple(v * times for v in pose.box))
        frame = Frame(np.zeros((*size, 3), np.uint8), 0, 0)
        painted = paint(replace(result, frame=frame, poses=(large,)), View(joint=NO_MAP, boxes=True))
        shares.append((painted.max(axis=2) > 0).mean())
    assert shares[1] == pytest.approx(shares[0], rel=0.25)


def test_unsure_joints_are_hollow_and_unseen_ones_hidden() -> None:
    result = replace(_result(), hollow_threshold=0.2, joint_threshold=0.4)
    pose = result.poses[0]
    x, y = pose.keypoints[LEFT_WRIST, :2]
    looks = {}
    for score in (0.9, 0.3, 0.1):
        pose.stages[-1, LEFT_WRIST, 2] = score
        marks = joint_marks(pose, 1, View(), result)
        drawn = paint(result, View(joint=NO_MAP)).astype(int)
        looks[score] = int(marks[LEFT_WRIST]), bool((_at(drawn, x, y) != 70).any())
        around = drawn[round(y) - 8 : round(y) + 9, round(x) - 8 : round(x) + 9]
        assert (np.abs(around - 70).max() > 20) == (score > 0.2)
    assert looks == {0.9: (FULL, True), 0.3: (HOLLOW, looks[0.3][1]), 0.1: (HIDDEN, False)}
    # A ring: less of the joint's colour than the dot.
    pose.stages[-1, LEFT_WRIST, 2] = 0.9
    full = paint(result, View(joint=NO_MAP)).astype(int)
    pose.stages[-1, LEFT_WRIST, 2] = 0.3
    ring = paint(result, View(joint=NO_MAP)).astype(int)
    blue = [int((np.abs(picture - LEFT[::-1]).max(axis=2) < 25).sum()) for picture in (full, ring)]
    assert blue[1] < blue[0]
    assert (joint_marks(pose, 1, View(hidden=frozenset(range(14))), result) == HIDDEN).all()


def test_the_smoothed_joints_are_drawn_at_the_last_stage_only() -> None:
    result = _result()
    smoothed = result.poses[0].keypoints.copy()
    smoothed[:, 0] += 40
    pose = replace(result.poses[0], smoothed=smoothed)
    assert (pose.keypoints == smoothed).all() and (pose.raw == pose.stages[-1]).all()
    assert (pose.points(1) == smoothed).all() and (pose.points(0) == pose.stages[0]).all()
    moved = replace(result, poses=(pose,))
    drawn = paint(moved, View(joint=NO_MAP))
    assert (_at(drawn, *smoothed[LEFT_WRIST, :2]) != 70).any()
    assert (paint(moved, View(stage=0, joint=NO_MAP)) == paint(result, View(stage=0, joint=NO_MAP))).all()


def test_the_hands_beside_bodies_are_drawn_too() -> None:
    result = _result()
    joints = figures.hand_joints(figures.HandPose(), (60, 60), 12)
    stages = np.concatenate([joints, np.full((21, 1), 0.9, np.float32)], axis=1)[None]
    hand = Pose(1, (40.0, 30.0, 40.0, 40.0), stages, np.ones((1, 22, 8, 8), np.float32), Crop(60, 50, 60, 64), "left")
    both = replace(result, hands=(hand,), hand_skeleton=HAND, hand_stages=1)
    only = both.of_hands()
    assert only is not None and only.skeleton is HAND and only.poses == (hand,) and only.hands == ()
    # The body's chosen stage, joint and hidden joints are not the hand's.
    view = View(stage=1, joint=LEFT_WRIST, hidden=frozenset(range(14)))
    drawn = paint(both, view)
    assert (_at(drawn, *joints[8]) != _at(paint(result, view), *joints[8])).any()
    assert (paint(replace(both, hands=()), view) == paint(result, view)).all()
    # Where one of the body's joints glows, no map of the hand's does, which covers it.
    assert hand_view(view).joint == NO_MAP and hand_view(View(joint=BACKGROUND)).joint == BACKGROUND
    assert replace(hand, body=7).label == "7 left" and hand.label == "1 left", "whose hand it is"


def test_the_centre_map_shows_whom_the_network_was_told() -> None:
    pose = _result().poses[0]
    assert shown_map(pose, 1, CENTRE) is None
    belief = shown_map(replace(pose, centre_sigma=21 / 368), 1, CENTRE)
    assert belief is not None and belief.shape == (24, 24) and belief.max() > 0.8
    assert belief[11, 11] == belief[12, 12] == belief.max() and belief[0, 0] < 1e-6


def test_a_scale_tells_which_colour_is_which_belief() -> None:
    result = _result()
    view = View(joint=ALL_JOINTS, skeleton=False)
    scale = np.argwhere((paint(result, view) != painted(result, view)).any(axis=2))
    (top, left), (bottom, right) = scale.min(axis=0), scale.max(axis=0)
    assert top > 220 and bottom < 240 and left > 240 and right < 320
    bar = paint(result, view)[(top + bottom) // 2, left:right].astype(int)
    # From the picture's grey to the yellow of plasma.
    grey, yellow = (np.abs(bar - np.array(colour)).sum(axis=1).argmin() for colour in ((110, 110, 110), (48, 214, 207)))
    assert 0 < grey < yellow < right - left
    stages = paint_stages(result, view)
    half = stages.shape[1] // 2
    marks = [(stages[-30:, part] > 200).all(axis=2).sum() for part in (slice(half - 60, half), slice(-60, None))]
    assert marks[0] == 0 < marks[1]  # once for all of them


def test_a_scale_stands_only_where_something_glows() -> None:
    result = _result()
    nobody = replace(result, poses=())
    for shown, view in (
        (result, View(joint=NO_MAP)),
        (result, View(joint=ALL_JOINTS, glow=0.0)),
        (nobody, View(joint=ALL_JOINTS)),
    ):
        assert glow_strength(shown, view) == 0 and np.array_equal(paint(shown, view), painted(shown, view))
    assert glow_strength(result, View(joint=BACKGROUND)) == View().glow


def test_a_picture_of_one_pixel_has_no_room_for_a_scale() -> None:
    canvas = np.full((1, 1, 3), 70, np.uint8)
    write_notes(canvas, [], scale=0.75)
    assert (canvas == 70).all()


@pytest.mark.parametrize(("width", "beside"), [(640, True), (200, False)])
def test_a_scale_covers_no_note(width: int, beside: bool) -> None:
    empty = np.full((240, width, 3), 70, np.uint8)
    noted, scaled = empty.copy(), empty.copy()
    notes = ["stage 1 of 6", "belief of left wrist"]
    write_notes(noted, notes)
    write_notes(scaled, notes, scale=0.75)
    of_notes, of_scale = (noted != empty).any(axis=2), (scaled != noted).any(axis=2)
    assert of_scale.any() and not (of_notes & of_scale).any()
    rows = np.flatnonzero(of_scale.any(axis=1))
    assert rows[0] > 220 if beside else rows[-1] < np.flatnonzero(of_notes.any(axis=1))[0]
