"""Faults in what is drawn that no other test noticed: each was put into the code once, and is seen here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cpm_live.core.crop import Crop
from cpm_live.core.findings import Findings, Found
from cpm_live.core.pose import Pose
from cpm_live.core.skeleton import BODY, HAND, LEFT, RIGHT
from cpm_live.drawing import figures
from cpm_live.drawing.finder import early_stage
from cpm_live.drawing.paint import LOCKED, paint, painted
from cpm_live.drawing.people import PEOPLE, person_colour
from cpm_live.drawing.view import ALL_JOINTS, FINDER_HANDS, FINDER_PEOPLE, NO_MAP, View, shown_map
from tests.drawing.test_paint import LEFT_WRIST, _at, _result


def test_limbs_are_blue_left_and_orange_right() -> None:
    drawn = paint(_result(), View(joint=NO_MAP))
    joints = _result().poses[0].keypoints[:, :2]
    for a, b, colour in (("left_elbow", "left_wrist", LEFT), ("right_knee", "right_ankle", RIGHT)):
        middle = (joints[BODY.index(a)] + joints[BODY.index(b)]) / 2
        assert np.abs(_at(drawn, *middle) - colour[::-1]).max() < 30, a


def test_who_is_locked_on_has_a_box_whatever_is_asked_for() -> None:
    result = replace(_result(), locked=1)
    drawn = paint(result, View(joint=NO_MAP, skeleton=False)).astype(int)
    x, y = 80, 150
    assert np.abs(drawn[y, x - 1 : x + 2] - LOCKED[::-1]).max(axis=1).min() < 60


def test_several_people_have_boxes_and_limbs_in_their_own_colours() -> None:
    pose = _result().poses[0]
    both = replace(_result(), poses=(replace(pose, id=1), replace(pose, id=9, box=(20.0, 60.0, 30.0, 100.0))))
    drawn = paint(both, View(joint=NO_MAP, skeleton=False, boxes=True)).astype(int)
    assert person_colour(both, both.poses[0]) == PEOPLE[0]
    assert np.abs(drawn[150, 79:82] - PEOPLE[0][::-1]).max(axis=1).min() < 60
    assert np.abs(drawn[150, 19:22] - PEOPLE[1][::-1]).max(axis=1).min() < 60


def test_a_hidden_joint_of_a_body_does_not_hide_a_hands() -> None:
    joints = figures.hand_joints(figures.HandPose(), (60, 60), 12)
    stages = np.concatenate([joints, np.full((21, 1), 0.9, np.float32)], axis=1)[None]
    hand = Pose(1, (40.0, 30.0, 40.0, 40.0), stages, np.ones((1, 22, 8, 8), np.float32), Crop(60, 50, 60, 64), "left")
    both = replace(_result(), hands=(hand,), hand_skeleton=HAND, hand_stages=1)
    hidden, usual = (paint(both, View(joint=NO_MAP, hidden=h)) for h in (frozenset(range(14)), frozenset()))
    at = np.s_[40:70, 40:80]
    assert (hidden[at] == usual[at]).all() and (hidden[at] != 70).any()


def test_the_finders_maps_are_of_what_they_are_called() -> None:
    beliefs = np.zeros((2, 3, 24, 24), np.float32)
    beliefs[:, 0, 4, 4] = beliefs[:, 1, 18, 18] = 1.0
    result = replace(_result(), finder=Findings((), beliefs, Crop(160, 120, 320, 192), 1.0))
    for joint, (x, y) in ((FINDER_PEOPLE, (60, 20)), (FINDER_HANDS, (247, 207))):
        drawn = painted(result, View(joint=joint, skeleton=False))
        bright = np.argwhere((drawn != 70).any(axis=2)).mean(axis=0)[::-1]
        assert np.hypot(*(bright - (x, y))) < 8, joint


def test_an_early_stage_of_the_finder_shows_what_it_believed_then() -> None:
    beliefs = np.zeros((2, 3, 24, 24), np.float32)
    findings = Findings((Found("person", 250.0, 60.0, 40.0, 0.8),), beliefs, Crop(160, 120, 320, 192), 1.0)
    view = View(joint=FINDER_PEOPLE, skeleton=False, glow=0.0, stage=0)
    drawn = paint(replace(_result(), finder=findings), view)
    assert (drawn[40:90, 220:280] == 70).all(), "the last stage's answer is not the first one's"


@pytest.mark.parametrize("strength", [0.2, 0.9])
def test_the_finders_map_glows_as_strongly_as_is_asked_for(strength: float) -> None:
    beliefs = np.ones((2, 3, 24, 24), np.float32)
    result = replace(_result(), finder=Findings((), beliefs, Crop(160, 120, 320, 192), 1.0))
    drawn = paint(result, View(joint=FINDER_PEOPLE, skeleton=False, glow=strength))
    red = 70 * (1 - strength) + 240 * strength
    assert abs(_at(drawn, 200, 60)[2] - red) < 8


def test_the_stage_in_the_corner_counts_from_one() -> None:
    assert early_stage(_result(), View(stage=0)) == "Stage 1 of 2"
    assert early_stage(_result(), View(stage=0, joint=FINDER_PEOPLE)) == "Skeleton: stage 1 of 2"


@pytest.mark.parametrize("width", [640, 130])
def test_what_is_written_in_the_corner_ends_in_the_picture(width: int) -> None:
    """Two lines where one is too long."""
    result = _result()
    result = replace(result, frame=replace(result.frame, image=np.full((240, width, 3), 70, np.uint8)))
    view = View(stage=0, joint=BODY.index("left_shoulder"), skeleton=False)
    crop = Crop(-999, -999, 9, 192)
    far = replace(result.poses[0], crop=crop)
    drawn = paint(replace(result, poses=(far,)), view)
    marked = (drawn != 70).any(axis=2)
    assert marked.any() and not marked[:, -4:].any()
    rows = np.flatnonzero(marked.any(axis=1))
    assert (rows[-1] - rows[0] > 20) == (width == 130)


def test_a_glow_lies_in_the_middle_of_its_cells() -> None:
    result = _result()
    pose = result.poses[0]
    beliefs = np.zeros_like(pose.beliefs)
    beliefs[:, 0, 11:13, 11:13] = 1.0
    crop = Crop(160, 120, 240, 192)
    drawn = painted(replace(result, poses=(replace(pose, beliefs=beliefs, crop=crop),)), View(skeleton=False))
    changed = np.abs(drawn.astype(int) - 70).sum(axis=2).astype(float)
    v, u = np.mgrid[:240, :320]
    centre = np.array([(u * changed).sum(), (v * changed).sum()]) / changed.sum()
    assert np.abs(centre - np.array(crop.map_box(24))[:2] - crop.map_box(24)[2] / 2 + 0.5).max() < 0.2


def test_the_label_of_somebody_at_the_top_is_in_the_picture() -> None:
    pose = replace(_result().poses[0], box=(80.0, -20.0, 100.0, 150.0))
    drawn = paint(replace(_result(), poses=(pose,)), View(joint=NO_MAP, skeleton=False, boxes=True))
    assert (drawn[:14, 82:100] > 150).any()


def test_the_figures_left_is_at_the_pictures_right() -> None:
    joints = figures.body_joints(figures.BodyPose(), (160, 120), 50)
    for right, left in ((0, 5), (2, 3), (6, 11), (8, 9)):
        assert joints[right, 0] < 160 < joints[left, 0]
    ankle, hip, wrist, shoulder = (
        joints[BODY.index(n)] for n in ("left_ankle", "left_hip", "left_wrist", "left_shoulder")
    )
    assert ankle[1] > hip[1] and wrist[1] > shoulder[1]


def test_a_limb_that_ends_at_an_unsure_joint_is_a_thread() -> None:
    result = replace(_result(), hollow_threshold=0.2, joint_threshold=0.4)
    pose = result.poses[0]
    sure = paint(result, View(joint=NO_MAP)).astype(int)
    pose.stages[-1, LEFT_WRIST, 2] = 0.3
    thread = paint(result, View(joint=NO_MAP)).astype(int)
    elbow, wrist = pose.keypoints[BODY.index("left_elbow"), :2], pose.keypoints[LEFT_WRIST, :2]
    x, y = np.round((elbow + wrist) / 2).astype(int)
    around = np.s_[y - 6 : y + 7, x - 6 : x + 7]
    wide = [(np.abs(p[around] - 70).max(axis=2) > 20).sum() for p in (sure, thread)]
    assert wide[1] < 0.8 * wide[0]


def test_the_figure_has_its_face_on_its_neck_and_its_hands_at_its_arms() -> None:
    joints = figures.body_joints(figures.BodyPose(), (260, 120), 50)
    canvas = np.full((240, 320, 3), 255, np.uint8)
    figures.draw_body(canvas, joints)
    skin = figures.Style().skin
    face = joints[12] + (joints[13] - joints[12]) * 0.75
    assert np.abs(_at(canvas, *face) - skin).max() < 12
    drawn = np.argwhere((canvas != 255).any(axis=2))[:, ::-1]
    assert (drawn.min(axis=0) > joints.min(axis=0) - 25).all() and (drawn.max(axis=0) < joints.max(axis=0) + 25).all()


def test_a_left_hand_is_a_right_one_in_the_mirror() -> None:
    right, left = (figures.hand_joints(figures.HandPose(mirrored=m), (100, 100), 50) for m in (False, True))
    assert np.allclose(right[:, 0] - 100, 100 - left[:, 0], atol=1e-3) and np.allclose(right[:, 1], left[:, 1])
    assert abs(right[4, 0] - left[4, 0]) > 20


def test_the_map_of_all_joints_is_dark_where_no_joint_is() -> None:
    pose = _result().poses[0]
    belief = shown_map(pose, 1, ALL_JOINTS)
    assert belief is not None and belief[0, 0] < 0.01 < 0.9 < pose.beliefs[1, 14, 0, 0]
