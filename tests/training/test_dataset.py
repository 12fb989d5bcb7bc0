"""COCO files of others."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY
from cpm_live.evaluation.predict import labelled_box
from cpm_live.training import dataset
from tests.training.common import figures, write_coco

_OTHER = ("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip",
          "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "head_top", "neck")  # fmt: skip
"""CrowdPose's order."""


def _named(folder: Path, names: list[str], order: list[int]) -> Path:
    """Two figures whose joints are stored in another order, under these names."""
    write_coco(folder, figures(2))
    path = folder / "annotations.json"
    coco = json.loads(path.read_text())
    coco["categories"] = [{"id": 1, "name": "person", "keypoints": names}]
    for row in coco["annotations"]:
        joints = np.reshape(row["keypoints"], (-1, 3))[order]
        row["category_id"], row["keypoints"] = 1, joints.ravel().tolist()
    path.write_text(json.dumps(coco))
    return folder


def test_joints_in_another_order_are_put_in_ours(tmp_path: Path) -> None:
    order = [BODY.index(name) for name in _OTHER]
    names = [name.replace("_", " ").title() for name in _OTHER]
    for sample, truth in zip(dataset.load(_named(tmp_path, names, order), BODY, "val"), figures(2), strict=True):
        np.testing.assert_allclose(sample.joints, truth.joints)


def test_joints_of_other_names_are_refused_where_some_of_ours_have_other_places(tmp_path: Path) -> None:
    names = ["top_head" if name == "head_top" else name for name in _OTHER]
    with pytest.raises(InputError, match=r"top_head.*the body skeleton's are right_ankle.*name them so"):
        dataset.load(_named(tmp_path, names, list(range(14))), BODY, "val")


def test_joints_that_are_called_something_else_altogether_are_taken_as_they_come(tmp_path: Path) -> None:
    names = [f"joint {number}" for number in range(14)]
    (sample, _) = dataset.load(_named(tmp_path, names, list(range(14))), BODY, "val")
    np.testing.assert_allclose(sample.joints, figures(1)[0].joints)


def test_what_is_not_labelled_is_so_by_any_sign(tmp_path: Path) -> None:
    """-1 means "outside of the picture" to the targets, which then ask for an empty map."""
    path = _edited(tmp_path, lambda row: row["keypoints"].__setitem__(2, -1))
    assert dataset.load(path, BODY, "val")[0].joints[0, 2] == 0


def test_boxes_of_other_things_beside_people(tmp_path: Path) -> None:
    folder = _named(tmp_path, list(BODY.joints), list(range(14)))
    path = folder / "annotations.json"
    coco = json.loads(path.read_text())
    ball = {"id": 99, "image_id": coco["images"][0]["id"], "category_id": 2, "bbox": [1, 2, 3, 4]}
    coco["annotations"].append(ball)
    path.write_text(json.dumps(coco))
    with pytest.raises(InputError, match="annotation 99 has no keypoints"):
        dataset.load(folder, BODY, "val")
    coco["categories"].append({"id": 2, "name": "ball"})
    path.write_text(json.dumps(coco))
    assert len(dataset.load(folder, BODY, "val")) == 2


def test_few_joints_without_a_box_are_looked_for_where_they_are() -> None:
    (whole,) = figures(1)
    joints = whole.joints.copy()
    joints[3:, 2] = 0
    few = replace(whole, joints=joints)
    assert labelled_box(few) == whole.box, "the data's own says more"
    x, y, w, h = labelled_box(replace(few, box=(0.0, 0.0, 0.0, 0.0)))
    low, high = joints[:3, :2].min(axis=0), joints[:3, :2].max(axis=0)
    assert (x, y) == pytest.approx(tuple(low)) and w >= high[0] - low[0] and min(w, h) >= 12


def _edited(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    write_coco(folder, figures(2))
    path = folder / "annotations.json"
    coco = json.loads(path.read_text())
    change(coco["annotations"][0])
    path.write_text(json.dumps(coco))
    return folder
