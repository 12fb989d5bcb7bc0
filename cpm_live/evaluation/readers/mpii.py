"""MPII Human Pose: ``mpii_human_pose_v1_u12_1.mat`` and ``images/`` (Andriluka et al., CVPR 2014).

``RELEASE.annolist(i).image.name`` is a picture, ``annolist(i).annorect(p)`` a person in it:
``annopoints.point(j)`` with ``id``, ``x``, ``y``, ``is_visible``, the head's rectangle ``x1``..``y2``, and
``objpos`` and ``scale`` (height / 200 px). Labels are public for ``img_train(i) == 1`` only. Joint ids: 0 to 5
ankle, knee, hip of the right, then hip, knee, ankle of the left leg, 6 pelvis, 7 thorax, 8 upper neck, 9 head top,
10 to 15 wrist, elbow, shoulder of the right, then shoulder, elbow, wrist of the left arm.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cpm_live.core.errors import InputError
from cpm_live.evaluation.readers import matlab
from cpm_live.training.dataset import Sample

FILE = "mpii_human_pose_v1_u12_1.mat"

_OURS = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 10: 6, 11: 7, 12: 8, 13: 9, 14: 10, 15: 11, 8: 12, 9: 13}
"""MPII's joint ids to ours; we have no pelvis and no thorax."""

_HEAD_SHARE = 0.6
"""PCKh's unit is so many times the head rectangle's diagonal (MPII's evaluation)."""

_VAL_OF = 10
"""Every tenth video is our validation split: the official test labels are not public, and frames of one video
are near-duplicates."""


def load(folder: Path, split: str) -> list[Sample]:
    """People with labels; ``train`` or our own ``val`` (every tenth video of the training images)."""
    path = folder / FILE
    release = matlab.read(path, "RELEASE")
    try:
        annolist, training = matlab.listed(release.annolist), matlab.listed(release.img_train)
    except AttributeError as error:
        raise InputError(f"{path} is not MPII's: {error}") from None
    samples = []
    for index, (entry, trains) in enumerate(zip(annolist, training, strict=True)):
        if not trains:
            continue
        video = matlab.number(matlab.field(entry, "vididx"))
        group = int(video) if np.isfinite(video) else index
        if (group % _VAL_OF == 0) != (split == "val"):
            continue
        name = str(entry.image.name)
        rects = matlab.field(entry, "annorect")
        for rect in matlab.listed(rects) if rects is not None else []:
            sample = _person(folder / "images" / name, index + 1, rect)
            if sample is not None:
                samples.append(sample)
    return matlab.existing(samples, path)


def _person(file: Path, image_id: int, rect: Any) -> Sample | None:
    points = matlab.field(matlab.field(rect, "annopoints"), "point")
    if points is None:
        return None
    joints = np.zeros((14, 3), np.float32)
    for point in matlab.listed(points):
        place = _OURS.get(int(matlab.number(point.id)))
        x, y = matlab.number(point.x), matlab.number(point.y)
        if place is None or not np.isfinite([x, y]).all():
            continue
        # Empty or missing for some joints (the head's): they are visible, then. Text in some, numbers in others.
        visible = matlab.number(matlab.field(point, "is_visible")) != 0
        joints[place] = (*matlab.zero_based(np.array([x, y])), 2 if visible else 1)
    if not (joints[:, 2] > 0).any():
        return None
    corners = [matlab.number(matlab.field(rect, name)) for name in ("x1", "y1", "x2", "y2")]
    head = _HEAD_SHARE * float(np.hypot(corners[2] - corners[0], corners[3] - corners[1]))
    return Sample(
        file.name, b"", joints, _box(rect, joints), "mpii", file, image_id=image_id,
        head=head if np.isfinite(head) else 0.0,
    )  # fmt: skip


def _box(rect: Any, joints: np.ndarray) -> tuple[float, float, float, float]:
    """The person's square from ``objpos`` and ``scale``, where given; else the joints' box."""
    centre, scale = matlab.field(rect, "objpos"), matlab.number(matlab.field(rect, "scale"))
    if centre is None or not np.isfinite(scale):
        return matlab.tight_box(joints)
    side = 200 * scale
    return matlab.number(centre.x) - 1 - side / 2, matlab.number(centre.y) - 1 - side / 2, side, side
