"""Readers of original files, on miniatures built as the authors' files are (structs and all)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cpm_live.cli.main import app
from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY, HAND
from cpm_live.training import data

scipy_io = pytest.importorskip("scipy.io", reason="needs scipy, of the extra [train]")


def _pictures(folder: Path, *names: str) -> None:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for name in names:
        cv2.imwrite(str(folder / "images" / name), np.full((60, 80, 3), 90, np.uint8))


def _lsp(folder: Path, count: int = 1002) -> np.ndarray:
    """``joints`` 3 x 14 x N; the third row says *occluded*."""
    joints = np.zeros((3, 14, count))
    joints[:2] = np.random.default_rng(0).uniform(5, 55, (2, 14, count))
    joints[2, 6, :] = 1
    folder.mkdir(parents=True, exist_ok=True)
    scipy_io.savemat(folder / "joints.mat", {"joints": joints})
    _pictures(folder, "im0001.jpg", "im0002.jpg", *(f"im{n}.jpg" for n in range(1001, count + 1)))
    return joints


def test_lsp_has_two_halves_and_marks_the_occluded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    joints = _lsp(tmp_path)
    train = data.load([str(tmp_path)], BODY, "train", "lsp")
    assert [s.name for s in train] == ["im0001.jpg", "im0002.jpg"] and train[0].source == "lsp"
    assert "998 pictures are missing" in caplog.text
    assert train[1].joints[0, :2] == pytest.approx(joints[:2, 0, 1] - 1), "MATLAB counts from 1"
    assert train[0].joints[:, 2].tolist() == [1 if j == 6 else 2 for j in range(14)]
    assert train[0].image().shape == (60, 80, 3)
    val = data.load([f"lsp:{tmp_path}"], BODY, "val")
    assert [s.image_id for s in val] == [1001, 1002] and val[0].box[2] > 0


def test_lspet_marks_the_visible_and_has_no_validation(tmp_path: Path) -> None:
    joints = np.full((14, 3, 2), 20.0)
    joints[:, 2] = 1
    joints[3, :, 1] = (0, 0, 0)
    scipy_io.savemat(tmp_path / "joints.mat", {"joints": joints})
    _pictures(tmp_path, "im00001.jpg", "im00002.jpg")
    _, second = data.load([str(tmp_path)], BODY, "train", "lspet")
    assert second.joints[3].tolist() == [0, 0, 0] and second.joints[4].tolist() == [19, 19, 2]
    with pytest.raises(InputError, match="LSPET has no validation split"):
        data.load([str(tmp_path)], BODY, "val", "lspet")
    with pytest.raises(InputError, match=r"14 x 3 x 2, LSP's is 3 x 14 x 2000"):
        data.load([str(tmp_path)], BODY, "train", "lsp")


def _point(number: int, x: float, y: float, visible: Any) -> dict[str, Any]:
    return {"x": x, "y": y, "id": number, "is_visible": visible}


def _structs(rows: list[dict[str, Any]]) -> np.ndarray:
    """A 1 x N struct array, as MATLAB saves it; fields that a row lacks are empty matrices."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = np.zeros((1, len(rows)), dtype=[(name, object) for name in names])
    for index, row in enumerate(rows):
        for name in names:
            out[name][0, index] = row.get(name, np.zeros((0, 0)))
    return out


def _mpii(folder: Path) -> None:
    points = [_point(n, 10 + n, 20 + n, np.zeros((0, 0)) if n in (8, 9) else n % 2) for n in range(16)]
    points[11]["is_visible"] = "0"
    person = {"x1": 20.0, "y1": 10.0, "x2": 50.0, "y2": 50.0, "annopoints": {"point": _structs(points)}, "scale": 0.2,
              "objpos": {"x": 31.0, "y": 41.0}}  # fmt: skip
    lonely = {"x1": 1.0, "y1": 1.0, "x2": 5.0, "y2": 5.0, "annopoints": {"point": _structs([_point(0, 9.0, 9.0, 1)])}}
    unlabelled = {"x1": 1.0, "y1": 1.0, "x2": 2.0, "y2": 2.0}
    entries = [
        {"image": {"name": "two.jpg"}, "annorect": _structs([person, lonely]), "vididx": 3.0},
        {"image": {"name": "held_out.jpg"}, "annorect": _structs([person]), "vididx": 10.0},
        {"image": {"name": "test.jpg"}, "annorect": _structs([unlabelled]), "vididx": 4.0},
        {"image": {"name": "nobody.jpg"}, "annorect": np.zeros((0, 0)), "vididx": 5.0},
        {"image": {"name": "unlabelled.jpg"}, "annorect": _structs([unlabelled]), "vididx": 6.0},
    ]
    release = {"annolist": _structs(entries), "img_train": np.array([[1, 1, 0, 1, 1]]), "version": "12"}
    folder.mkdir(parents=True, exist_ok=True)
    scipy_io.savemat(folder / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": release})
    _pictures(folder, "two.jpg", "held_out.jpg", "test.jpg", "nobody.jpg", "unlabelled.jpg")


def test_mpii_people_joints_heads_and_splits(tmp_path: Path) -> None:
    _mpii(tmp_path)
    whole, lonely = data.load([str(tmp_path)], BODY, "train", "mpii")
    for ours, theirs in (("right_ankle", 0), ("left_ankle", 5), ("right_wrist", 10), ("left_wrist", 15), ("neck", 8),
                         ("head_top", 9), ("right_shoulder", 12)):  # fmt: skip
        assert whole.joints[BODY.index(ours), :2].tolist() == [9 + theirs, 19 + theirs], ours
    kinds = dict(zip(BODY.joints, whole.joints[:, 2].tolist(), strict=True))
    assert kinds["right_ankle"] == 1 and kinds["right_knee"] == 2 and kinds["neck"] == 2
    assert kinds["right_elbow"] == 1, "is_visible is text in some entries"
    assert whole.head == pytest.approx(0.6 * 50) and whole.box == (10, 20, 40, 40)
    assert (lonely.joints[:, 2] > 0).sum() == 1 and lonely.name == "two.jpg"
    (held_out,) = data.load([str(tmp_path)], BODY, "val", "mpii")
    assert held_out.name == "held_out.jpg" and held_out.source == "mpii"


def _flic(folder: Path) -> np.ndarray:
    coords = np.full((2, 29), np.nan)
    labelled = [0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 16]
    coords[:, labelled] = np.arange(22).reshape(2, 11) + 5.0
    row = {"poselet_hit_idx": np.arange(3), "moviename": "film", "coords": coords, "imgdims": np.array([60, 80, 3]),
           "currframe": 7.0, "torsobox": np.array([1.0, 2.0, 3.0, 4.0])}  # fmt: skip
    rows = [
        {**row, "filepath": "film-1.jpg", "istrain": True, "istest": False},
        {**row, "filepath": "film-2.jpg", "istrain": False, "istest": True},
    ]
    folder.mkdir(parents=True, exist_ok=True)
    scipy_io.savemat(folder / "examples.mat", {"examples": _structs(rows)})
    _pictures(folder, "film-1.jpg", "film-2.jpg")
    return coords


def test_flic_has_upper_bodies(tmp_path: Path) -> None:
    coords = _flic(tmp_path)
    (train,) = data.load([str(tmp_path)], BODY, "train", "flic")
    (val,) = data.load([str(tmp_path)], BODY, "val", "flic")
    assert (train.name, val.name) == ("film-1.jpg", "film-2.jpg")
    labelled = {BODY.joints[j] for j in np.flatnonzero(train.joints[:, 2])}
    assert labelled == {
        f"{side}_{part}" for side in ("left", "right") for part in ("shoulder", "elbow", "wrist", "hip")
    }
    for joint, column in (("left_shoulder", 0), ("right_wrist", 5), ("left_hip", 6), ("right_hip", 9)):
        assert train.joints[BODY.index(joint), :2] == pytest.approx(coords[:, column] - 1)


def test_several_sets_at_once_and_what_cannot_be_read(tmp_path: Path) -> None:
    _mpii(tmp_path / "mpii")
    _flic(tmp_path / "flic")
    both = data.load([f"mpii:{tmp_path / 'mpii'}", f"flic:{tmp_path / 'flic'}"], BODY, "train")
    assert {s.source for s in both} == {"mpii", "flic"}
    with pytest.raises(InputError, match="mpii labels bodies, the recipe's skeleton is hand"):
        data.load([f"mpii:{tmp_path / 'mpii'}"], HAND, "train")
    with pytest.raises(InputError, match="unknown format 'voc'"):
        data.load([str(tmp_path)], BODY, "train", "voc")
    with pytest.raises(InputError, match=r"no examples\.mat"):
        data.load([str(tmp_path)], BODY, "train", "flic")
    with pytest.raises(InputError, match="no folder"):
        data.load([str(tmp_path / "none")], BODY, "train")
    (tmp_path / "examples.mat").write_text("not a .mat")
    with pytest.raises(InputError, match="cannot read"):
        data.load([str(tmp_path)], BODY, "train", "flic")
    for path in (tmp_path / "flic" / "images").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="none of its 1 pictures is there"):
        data.load([str(tmp_path / "flic")], BODY, "train", "flic")


def test_the_papers_predictions_are_scored_on_lsp(tmp_path: Path) -> None:
    joints = _lsp(tmp_path / "lsp", 1004)
    predicted = np.zeros((14, 2, 1000))
    predicted[..., :4] = np.transpose(joints[:2, :, 1000:], (1, 0, 2))
    predicted[2, :, 1] += 500
    scipy_io.savemat(tmp_path / "paper.mat", {"prediction_all": predicted})
    command = ["evaluate", "body", "--format", "lsp", "--data", str(tmp_path / "lsp")]
    done = CliRunner().invoke(app, [*command, "--predictions", str(tmp_path / "paper.mat"), "--json"])
    assert done.exit_code == 0, done.output
    assert '"model": "paper"' in done.stdout and f'"0.05": {round(1 - 1 / 56, 4)}' in done.stdout
