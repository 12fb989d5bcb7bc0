"""Which joints others' weights know, and in which order.

``testing/config.m`` of shihenw/convolutional-pose-machines-release, ``models/hand`` of OpenPose, and
``configs/_base_/datasets/{coco,mpii,jhmdb}.py`` of MMPose (all on GitHub).
"""

from __future__ import annotations

from collections.abc import Sequence

from cpm_live.core import own_skeleton
from cpm_live.core.skeleton import BODY, HAND, Skeleton
from cpm_live.network.importers.layout import Known

_ARMS_AND_LEGS = [
    [f"{side}_{a}", f"{side}_{b}"]
    for side in ("right", "left")
    for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
]


def _order(skeleton: Skeleton, theirs: Sequence[str], background: bool = True) -> tuple[int, ...]:
    return (*(theirs.index(joint) for joint in skeleton.joints), *([len(theirs)] if background else []))


def _same(skeleton: Skeleton, background: bool) -> tuple[int, ...]:
    return _order(skeleton, skeleton.joints, background)


def _own(name: str, joints: Sequence[str], limbs: Sequence[Sequence[str]], sigmas: Sequence[float] = ()) -> Skeleton:
    table = {"joints": list(joints), "limbs": [list(limb) for limb in limbs]}
    return own_skeleton.from_table(name, table | ({"sigmas": list(sigmas)} if sigmas else {}))


# The release's order (testing/config.m); ours is that of the LSP data set.
_RELEASE = (
    "head_top", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
)  # fmt: skip
# "FLIC is OC", observer-centric (training/genJSON.m): left is whatever lies further right in the picture, as of people
# who face the camera.
_FLIC = _own(
    "flic",
    ("left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist", "left_hip",
     "right_hip", "head"),
    [["left_shoulder", "left_elbow"], ["left_elbow", "left_wrist"], ["right_shoulder", "right_elbow"],
     ["right_elbow", "right_wrist"], ["left_shoulder", "right_shoulder"], ["left_shoulder", "left_hip"],
     ["right_shoulder", "right_hip"], ["left_hip", "right_hip"]],
)  # fmt: skip
_COCO = _own(
    "coco",
    ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
     "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
     "right_ankle"),
    [*_ARMS_AND_LEGS, ["left_shoulder", "right_shoulder"], ["left_hip", "right_hip"], ["left_shoulder", "left_hip"],
     ["right_shoulder", "right_hip"], ["left_eye", "right_eye"], ["nose", "left_eye"], ["nose", "right_eye"],
     ["left_eye", "left_ear"], ["right_eye", "right_ear"], ["left_ear", "left_shoulder"],
     ["right_ear", "right_shoulder"]],
    (.026, .025, .025, .035, .035, .079, .079, .072, .072, .062, .062, .107, .107, .087, .087, .089, .089),
)  # fmt: skip
_MPII = _own(
    "mpii",
    ("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax", "upper_neck",
     "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist"),
    [*_ARMS_AND_LEGS, ["right_hip", "pelvis"], ["pelvis", "left_hip"], ["pelvis", "thorax"], ["thorax", "upper_neck"],
     ["upper_neck", "head_top"], ["upper_neck", "right_shoulder"], ["upper_neck", "left_shoulder"]],
    (.089, .083, .107, .107, .083, .089, .026, .026, .026, .026, .062, .072, .179, .179, .072, .062),
)  # fmt: skip
_JHMDB = _own(
    "jhmdb",
    ("neck", "belly", "head", "right_shoulder", "left_shoulder", "right_hip", "left_hip", "right_elbow", "left_elbow",
     "right_knee", "left_knee", "right_wrist", "left_wrist", "right_ankle", "left_ankle"),
    [*_ARMS_AND_LEGS, ["right_hip", "belly"], ["belly", "left_hip"], ["belly", "neck"], ["neck", "head"],
     ["neck", "right_shoulder"], ["neck", "left_shoulder"]],
    (.025, .107, .025, .079, .079, .107, .107, .072, .072, .087, .087, .062, .062, .089, .089),
)  # fmt: skip

CAFFE = {
    # Trained with people at 1 / 1.57 of the crop (``target_dist`` 1.171 in the release's genProto.py).
    15: Known(BODY, _order(BODY, _RELEASE), 1.6, "", "body, 14 joints, of the CPM release"),
    # Nobody could look at these here; upper bodies at about the size that whole ones have with the others.
    10: Known(
        _FLIC,
        _same(_FLIC, True),
        2.5,
        "person",
        "upper body, 9 joints, of the CPM release, left and right as of one who faces you",
    ),
    # 2.2 times the hand's box: Simon et al., CVPR 2017, section 5.
    22: Known(HAND, _same(HAND, True), 2.2, "", "hand, 21 joints, of OpenPose"),
}
"""By number of maps, the background's among them."""

MMPOSE = {
    # Boxes of people, which reach a little beyond their joints, times 1.25.
    17: Known(_COCO, _same(_COCO, False), 1.4, "person", "body, COCO's 17 joints, of MMPose"),
    16: Known(_MPII, _same(_MPII, False), 1.4, "person", "body, MPII's 16 joints, of MMPose"),
    15: Known(_JHMDB, _same(_JHMDB, False), 1.4, "person", "body, JHMDB's 15 joints, of MMPose"),
}
"""By number of maps; there is none of the background."""
