"""AP as COCO's own evaluation has it, on files as COCO's are: crowds, pictures without anybody, joints not found."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cpm_live.cli.main import app
from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY
from cpm_live.evaluation import predictions
from cpm_live.training import dataset

RUNNER = CliRunner()
pytest.importorskip("pycocotools", reason="needs pycocotools, of the extra [train]")


def _files(folder: Path, crowd: bool = False, empty: bool = False) -> tuple[Path, Path]:
    """A COCO file of eight pictures with two people each, and results for it."""
    rng = np.random.default_rng(1)
    images: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []

    def find(picture: int, joints: np.ndarray, score: float) -> None:
        keypoints = np.column_stack([joints, np.ones(14)]).ravel().tolist()
        found.append({"image_id": picture, "category_id": 1, "keypoints": keypoints, "score": score})

    (folder / "images").mkdir()
    for number in range(8):
        images.append({"id": number, "file_name": f"{number}.jpg", "width": 320, "height": 240})
        cv2.imwrite(str(folder / "images" / f"{number}.jpg"), np.full((240, 320, 3), 100, np.uint8))
        if empty and number % 3 == 2:
            find(number, rng.uniform(0, 200, (14, 2)), 0.99)
            continue
        for place in range(2):
            joints = np.column_stack([rng.uniform(20, 120, 14) + 100 * place, rng.uniform(20, 200, 14)])
            low, size = joints.min(axis=0), np.ptp(joints, axis=0)
            people.append(
                {"id": len(people) + 1, "image_id": number, "category_id": 1, "num_keypoints": 14, "iscrowd": 0,
                 "keypoints": np.column_stack([joints, np.full(14, 2)]).ravel().tolist(),
                 "bbox": [*low, *size], "area": float(size.prod() / 2)}
            )  # fmt: skip
            find(number, joints + rng.normal(0, 4, (14, 2)), float(rng.uniform(0.3, 0.9)))
        if crowd:
            people.append(
                {"id": len(people) + 1, "image_id": number, "category_id": 1, "num_keypoints": 0, "iscrowd": 1,
                 "keypoints": [0] * 42, "bbox": [220, 20, 90, 200], "area": 9000.0,
                 "segmentation": {"size": [240, 320], "counts": [1, 2]}}
            )  # fmt: skip
            for _ in range(3):
                find(number, np.column_stack([rng.uniform(225, 305, 14), rng.uniform(25, 215, 14)]), 0.95)
    truth, results = folder / "annotations.json", folder / "results.json"
    categories = [{"id": 1, "name": "person", "keypoints": list(BODY.joints)}]
    truth.write_text(json.dumps({"info": {}, "images": images, "annotations": people, "categories": categories}))
    results.write_text(json.dumps(found))
    return truth, results


@pytest.mark.parametrize("what", [{}, {"crowd": True}, {"empty": True}])
def test_the_figures_are_cocos(tmp_path: Path, what: dict[str, bool]) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth, results = _files(tmp_path, **what)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(truth))
        run = COCOeval(coco, coco.loadRes(str(results)), "keypoints")
        run.params.kpt_oks_sigmas = np.asarray(BODY.sigmas)
        run.evaluate()
        run.accumulate()
        run.summarize()
    done = RUNNER.invoke(
        app, ["evaluate", "body", "--data", str(tmp_path), "--predictions", str(results), "--json"]
    )  # fmt: skip
    assert "left out" not in done.stderr
    ours = json.loads(done.stdout)["oks"]
    for name, value in zip(ours, run.stats, strict=True):
        assert ours[name] == (pytest.approx(value, abs=1e-4) if value >= 0 else None), name
    assert 0.3 < ours["AP"] < 1


@pytest.mark.parametrize("missing", ["null", "NaN"])
def test_joints_that_were_not_found_are_not_right(tmp_path: Path, missing: str) -> None:
    _, results = _files(tmp_path)
    rows = json.loads(results.read_text())
    for row in rows:
        row["keypoints"] = ["X", "X", 0.5] * 13 + [5000, 5000, 0.5]
    results.write_text(json.dumps(rows).replace('"X"', missing))
    done = RUNNER.invoke(app, ["evaluate", "body", "--data", str(tmp_path), "--predictions", str(results), "--json"])
    figures = json.loads(done.stdout)
    assert figures["pck"]["0.5"] == figures["oks"]["AP"] == figures["oks"]["AR"] == 0
    results.write_text(json.dumps([rows[0] | {"keypoints": [1.0] * 42, "score": float("nan")}]))
    with pytest.raises(InputError, match="score is nan"):
        predictions.load(results, dataset.load(tmp_path, BODY, "val"), BODY)


def test_pictures_without_anybody_are_looked_at(tmp_path: Path) -> None:
    """Whole pictures: whoever is found where nobody is counts against it."""
    _files(tmp_path, empty=True)
    empty = dataset.load_empty(tmp_path, BODY, "val")
    assert [sample.name for sample in empty] == ["2.jpg", "5.jpg"] and empty[0].image().shape == (240, 320, 3)
    done = RUNNER.invoke(app, ["evaluate", "body", "--data", str(tmp_path), "--find", "--json"])
    figures = json.loads(done.stdout)
    assert done.exit_code == 0 and figures["pck"]["0.5"] == 0, "and pictures of plain grey show nobody at all"
