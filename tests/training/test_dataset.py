"""COCO files of others."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cpm_live.core import own_skeleton
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


def test_names_of_an_own_skeleton_may_have_capitals_and_blanks(tmp_path: Path) -> None:
    """Joints in another order were taken as they came, and so exchanged, where ours were not written in small."""
    joints = ["Nase", "Ohr L", *(f"Punkt {number}" for number in range(12))]
    own = own_skeleton.from_table("thing", {"joints": joints})
    folder = _named(tmp_path, joints[::-1], list(range(14))[::-1])
    for sample, truth in zip(dataset.load(folder, own, "val"), figures(2), strict=True):
        np.testing.assert_allclose(sample.joints, truth.joints)


def test_joints_with_none_of_our_names_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dataset.load(_named(tmp_path, [f"joint {number}" for number in range(14)], list(range(14))), BODY, "val")
    assert "joint 0, ...) have other names than the body skeleton's (right_ankle" in caplog.text


def test_rows_that_say_little_are_rows_all_the_same(tmp_path: Path) -> None:
    """As tools write them: no box, null for what is not labelled, no joints at all, a number as a text."""
    first = figures(1)[0]

    def little(row: dict[str, Any]) -> None:
        row["bbox"], row["image_id"] = None, str(row["image_id"])
        row["keypoints"][:3] = [None, None, 0]

    sample = dataset.load(_edited(tmp_path / "a", little), BODY, "val")[0]
    np.testing.assert_allclose(sample.joints[1:], first.joints[1:])
    assert sample.joints[0].tolist() == [0, 0, 0] and sample.box == (0, 0, 0, 0) and sample.image_id == 0
    for nothing in ([], None):
        path = _edited(tmp_path / f"b{nothing}", lambda row, value=nothing: row.update(keypoints=value))  # type: ignore[misc]
        assert not dataset.load(path, BODY, "val")[0].joints.any()


def test_annotations_of_unlisted_pictures_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = _edited(tmp_path, lambda row: row.update(image_id=9999))
    assert [sample.name for sample in dataset.load(path, BODY, "val")] == ["f1.jpg"]
    assert "1 annotations of pictures that it does not list" in caplog.text
    coco = json.loads((path / "annotations.json").read_text())
    coco["images"] = []
    (path / "annotations.json").write_text(json.dumps(coco))
    with pytest.raises(InputError, match="none of its 2 annotations is of a picture that it lists"):
        dataset.load(path, BODY, "val")


@pytest.mark.parametrize("name", ["Ka\u0308fig/f.jpg", "K\u00e4fig\\f.jpg"])
def test_names_as_macs_and_windows_write_them(tmp_path: Path, name: str) -> None:
    write_coco(tmp_path, figures(1))
    (tmp_path / "images" / "K\u00e4fig").mkdir()
    (tmp_path / "images" / "f0.jpg").rename(tmp_path / "images" / "K\u00e4fig" / "f.jpg")
    path = tmp_path / "annotations.json"
    path.write_text(path.read_text().replace("f0.jpg", json.dumps(name)[1:-1]))
    assert dataset.load(tmp_path, BODY, "val")[0].image().ndim == 3


def test_labels_for_a_picture_of_another_size_are_refused(tmp_path: Path) -> None:
    """Pictures that were made smaller after they had been labelled gave figures near nothing, without a word."""
    (sample,) = figures(1)
    height, width = sample.image().shape[:2]
    for size in ((width, height), (0, 0)):
        assert replace(sample, size=size).image().shape[:2] == (height, width)
    with pytest.raises(InputError, match=rf"f0.jpg is {width}x{height}, its labels are for {2 * width}x{2 * height}"):
        replace(sample, size=(2 * width, 2 * height)).image()
    for said, size in (((640.0, "480"), (640, 480)), ((None, 480), (0, 0)), ((1.5, 480), (0, 0))):
        write_coco(tmp_path, figures(1))
        path = tmp_path / "annotations.json"
        coco = json.loads(path.read_text())
        coco["images"][0] |= dict(zip(("width", "height"), said, strict=True))
        path.write_text(json.dumps(coco))
        assert dataset.load(tmp_path, BODY, "val")[0].size == size


def test_pictures_that_cannot_be_read_are_left_out_of_an_evaluation(caplog: pytest.LogCaptureFixture) -> None:
    first, second, third = figures(3)
    left = dataset.readable([first, replace(second, jpeg=second.jpeg[:100]), third])
    assert [sample.name for sample in left] == ["f0.jpg", "f2.jpg"] and "left out: cannot decode f1.jpg" in caplog.text


def test_a_validation_of_wrong_or_damaged_pictures_is_none() -> None:
    (sample,) = figures(1)
    with pytest.raises(InputError, match="its labels are for 10x10"):
        dataset.readable([sample, replace(sample, name="g.jpg", size=(10, 10))])
    with pytest.raises(InputError, match=r"none of 1 pictures can be read: cannot decode f0\.jpg"):
        dataset.readable([replace(sample, jpeg=b"none")])


def test_what_is_found_where_nobody_is_has_the_category_of_the_others(tmp_path: Path) -> None:
    """Others' tools count by category: a false alarm of another one would not count."""
    order = list(range(14))[::-1]
    folder = _named(tmp_path, [BODY.joints[place] for place in order], order)
    path = folder / "annotations.json"
    coco = json.loads(path.read_text())
    coco["categories"][0]["id"] = 7
    for row in coco["annotations"]:
        row["category_id"] = 7
    coco["annotations"].pop()
    path.write_text(json.dumps(coco))
    (empty,) = dataset.load_empty(folder, BODY, "val")
    assert (empty.category, empty.order) == (7, tuple(order))


def test_a_picture_of_too_many_pixels_is_one_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not end a training: see :class:`dataset.Damage`."""

    def refuse(*_: object) -> None:
        raise cv2.error("pixels <= CV_IO_MAX_IMAGE_PIXELS")

    (sample,) = figures(1)
    monkeypatch.setattr(cv2, "imdecode", refuse)
    with pytest.raises(dataset.UnreadableError, match="cannot decode"):
        sample.image()
