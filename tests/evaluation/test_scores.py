"""Predictions of others, OKS and AP, PCKh, several looks, contact sheets, and the command's options."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cpm_live.cli.evaluate import _scales
from cpm_live.cli.main import app
from cpm_live.core.crop import Crop, input_to_cells
from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY
from cpm_live.evaluation import oks, predictions, sheet
from cpm_live.evaluation.evaluate import errors_of, head_errors_of, report
from cpm_live.evaluation.pck import head_length
from cpm_live.evaluation.predict import Looks, labelled_box, predict
from cpm_live.training import data as places
from cpm_live.training.dataset import Sample
from tests.training.common import figures, write_coco


def _perfect(samples: list[Sample]) -> np.ndarray:
    """(N, 1, K, 3): the truth, with full scores."""
    found = np.stack([sample.joints for sample in samples])[:, None].astype(np.float32)
    found[..., 2] = 1
    return found


def test_results_are_written_and_read_back(tmp_path: Path) -> None:
    samples = figures(5)
    found = _perfect(samples)
    predictions.save(tmp_path / "p.json", predictions.of_samples(found[:, -1], samples))
    rows = json.loads((tmp_path / "p.json").read_text())
    assert rows[3]["image_id"] == 3 and len(rows[0]["keypoints"]) == 42 and rows[0]["score"] == 1
    read, others = predictions.load(tmp_path / "p.json", samples[:4], BODY)
    assert len(read) == 4 and others == 1
    back = predictions.match(read, samples, BODY)
    assert np.allclose(back[:4], found[:4], atol=1e-3) and np.isnan(back[4]).all()
    errors = errors_of(back, samples, BODY)
    assert errors.pck(0.05) == pytest.approx(0.8), "a person not found counts as wrong"
    for row in rows:
        del row["file_name"]
    (tmp_path / "ids.json").write_text(json.dumps(rows))
    assert len(predictions.load(tmp_path / "ids.json", samples, BODY)[0]) == 5
    others_too = [*samples, replace(samples[3], source="mpii", name="x.jpg")]
    with pytest.raises(InputError, match=r"3 may be any of 2 pictures .drawn, mpii.;.* one --data at a time"):
        predictions.load(tmp_path / "ids.json", others_too, BODY)


def test_pictures_of_one_name_are_told_apart_by_their_number(tmp_path: Path) -> None:
    """One entry for each person, all of the same file: nobody's answer may go to the other one, or be lost."""
    one, two = figures(2)
    samples = [replace(one, name="both.jpg", image_id=1), replace(two, name="both.jpg", image_id=2)]
    found = _perfect(samples)
    predictions.save(tmp_path / "p.json", predictions.of_samples(found[:, -1], samples))
    read, _ = predictions.load(tmp_path / "p.json", samples, BODY)
    assert np.allclose(predictions.match(read, samples, BODY), found, atol=1e-3)


def test_two_folders_with_the_same_names_keep_all_their_answers(tmp_path: Path) -> None:
    for folder, shift in (("a", 0), ("b", 1000)):
        write_coco(tmp_path / folder, figures(2))
        labels = tmp_path / folder / "annotations.json"
        coco = json.loads(labels.read_text())
        for image, row in zip(coco["images"], coco["annotations"], strict=True):
            image["id"] = row["image_id"] = image["id"] + shift
        labels.write_text(json.dumps(coco))
    samples = places.load([str(tmp_path / "a"), str(tmp_path / "b")], BODY, "val")
    assert len({sample.name for sample in samples}) == 4
    # Results of the second folder as its owner has them, who knows of no other folder.
    theirs = [predictions.Prediction(s.image_id, Path(s.name).name, s.joints, 0.5) for s in samples[2:]]
    predictions.save(tmp_path / "p.json", theirs)
    read, others = predictions.load(tmp_path / "p.json", samples, BODY)
    found = predictions.match(read, samples, BODY)
    same = [replace(sample, image_id=number % 2) for number, sample in enumerate(samples)]
    predictions.save(tmp_path / "ours.json", predictions.of_samples(_perfect(same)[:, -1], same))
    assert len(predictions.load(tmp_path / "ours.json", same, BODY)[0]) == 4, "what we saved ourselves"
    assert not others and np.isnan(found[:2]).all() and not np.isnan(found[2:]).any()
    rows = json.loads((tmp_path / "p.json").read_text())
    (tmp_path / "q.json").write_text(json.dumps([row | {"image_id": 77} for row in rows]))
    with pytest.raises(InputError, match="may be any of 2 pictures"):
        predictions.load(tmp_path / "q.json", samples, BODY)


def test_who_is_not_found_is_not_predicted() -> None:
    samples = figures(3)
    found = _perfect(samples)[:, 0]
    found[1] = np.nan
    assert [p.name for p in predictions.of_samples(found, samples)] == ["f0.jpg", "f2.jpg"]


def test_results_are_in_the_order_of_their_category(tmp_path: Path) -> None:
    """Two categories of one picture may name their joints in different orders."""
    one, other = figures(2)
    samples = [replace(one, category=1), replace(other, name=one.name, image_id=one.image_id, category=2,
                                                 order=tuple(range(14))[::-1])]  # fmt: skip
    predictions.save(tmp_path / "p.json", predictions.of_samples(_perfect(samples)[:, -1], samples))
    read, _ = predictions.load(tmp_path / "p.json", samples, BODY)
    for prediction, sample in zip(read, samples, strict=True):
        assert np.allclose(prediction.joints[:, :2], sample.joints[:, :2], atol=1e-3)


def test_predictions_are_in_the_order_of_the_annotations_they_are_about(tmp_path: Path) -> None:
    """Else others' tools, and ours with others' results, measure nothing but exchanged joints."""
    order = tuple(range(14))[::-1]
    samples = [replace(sample, category=3, order=order) for sample in figures(2)]
    predictions.save(tmp_path / "p.json", predictions.of_samples(_perfect(samples)[:, -1], samples))
    rows = json.loads((tmp_path / "p.json").read_text())
    assert [row["category_id"] for row in rows] == [3, 3]
    theirs = np.reshape(rows[0]["keypoints"], (14, 3))
    assert np.allclose(theirs[::-1, :2], samples[0].joints[:, :2], atol=1e-3)
    read, _ = predictions.load(tmp_path / "p.json", samples, BODY)
    assert np.allclose(read[0].joints[:, :2], samples[0].joints[:, :2], atol=1e-3)


def test_each_person_gets_the_prediction_that_fits_once() -> None:
    one = replace(figures(1)[0], image_id=1, name="a.jpg")
    other = replace(one, joints=one.joints + np.array([60, 0, 0], np.float32))
    third = replace(one, joints=one.joints + np.array([300, 0, 0], np.float32))

    def answer(sample: Sample, off: float) -> predictions.Prediction:
        return predictions.Prediction(1, "a.jpg", sample.joints + np.float32(off), 0.5)

    found = predictions.match([answer(other, 1), answer(one, 2)], [one, other, third], BODY)
    assert np.allclose(found[0, 0, :, :2], one.joints[:, :2] + 2)
    assert np.allclose(found[1, 0, :, :2], other.joints[:, :2] + 1)
    assert np.isnan(found[2]).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("{}", "not a COCO results file"),
        ('[{"image_id": [1], "keypoints": ' + json.dumps([0] * 42) + "}]", "image_id is"),
        ('[{"image_id": 1}]', "not a COCO results file"),
        ('[{"image_id": 1, "keypoints": [1, 2, 3]}]', "has 1 keypoints, the body skeleton has 14"),
        (json.dumps([{"image_id": 99, "keypoints": [0] * 42}]), "none of its 1 results is of a picture"),
    ],
)
def test_unusable_results_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(InputError, match=message):
        predictions.load(tmp_path / "p.json", figures(2), BODY)


def test_average_precision_by_cocos_code() -> None:
    pytest.importorskip("pycocotools", reason="needs pycocotools, of the extra [train]")
    samples = figures(4)
    found = _perfect(samples)
    right = predictions.of_samples(found[:, -1], samples)
    whole = oks.average_precision(right, samples, BODY)
    assert whole["AP"] == whole["AP50"] == whole["AR"] == 1
    assert predictions.similarity(right[0].joints, samples[0], BODY) == pytest.approx(1)
    half = oks.average_precision(right[:2], samples, BODY)
    assert half["AR"] == 0.5 and half["AP"] == pytest.approx(0.5, abs=0.01)
    off = [replace(p, joints=p.joints + np.float32(400)) for p in right]
    assert oks.average_precision(off, samples, BODY)["AP"] == 0
    assert oks.average_precision([], samples, BODY)["AP"] == 0


def test_pckh_is_in_units_of_the_head() -> None:
    sample = figures(1)[0]
    joints = sample.joints.copy()
    joints[BODY.index("head_top"), :2], joints[BODY.index("neck"), :2] = (50, 20), (50, 40)
    sample = replace(sample, joints=joints)
    assert head_length(joints, 0, BODY) == 20 and head_length(joints, 33.0, BODY) == 33
    found = _perfect([sample])
    found[0, 0, 0, 0] += 9
    found[0, 0, 1, 0] += 11
    heads = head_errors_of(found, [sample], BODY)
    assert heads is not None and heads.pck(0.5) == pytest.approx(13 / 14) and heads.pck(0.2) == pytest.approx(12 / 14)
    out = report(errors_of(found, [sample], BODY), BODY, "m", heads)
    assert out["pckh"]["0.5"] == round(13 / 14, 4) and out["pckh_per_joint"]["right_knee"] == 0
    headless = joints.copy()
    headless[BODY.index("neck"), 2] = 0
    assert head_errors_of(found, [replace(sample, joints=headless)], BODY) is None


@pytest.mark.parametrize(
    "looks", [Looks(), Looks(flip=True), Looks((0.7, 1.0, 1.3)), Looks((1.3,)), Looks((0.8, 1.2), True)]
)
def test_beliefs_of_several_looks_are_averaged_where_they_lie_in_the_frame(looks: Looks) -> None:
    """An oracle reads off a picture of ramps (blue = x, green = y) which part of it it sees, at which scale and
    whether mirrored, and answers with the joints' places there: their mean lies where the joints are."""
    v, u = np.mgrid[:256, :256].astype(np.uint8)
    jpeg = cv2.imencode(".png", np.dstack([u, v, np.zeros_like(u)]))[1].tobytes()
    joints = np.zeros((14, 3), np.float32)
    joints[:, 0], joints[:, 1], joints[:, 2] = np.linspace(70, 190, 14), 130 + 50 * np.sin(np.arange(14)), 2
    sample = Sample("ramps.png", jpeg, joints, (0, 0, 256, 256), "drawn")
    rows, columns = np.mgrid[:24, :24]

    def oracle(pictures: np.ndarray, centres: np.ndarray) -> np.ndarray:
        out = np.zeros((len(pictures), 2, 15, 24, 24), np.float32)
        for n, picture in enumerate(pictures):
            ys, xs = np.nonzero((picture[2] < 2) & (picture[0] > 2) & (picture[1] > 2))
            x_of, y_of = np.polyfit(picture[0, ys, xs], xs, 1), np.polyfit(picture[1, ys, xs], ys, 1)
            seen = np.column_stack([np.polyval(x_of, joints[:, 0]), np.polyval(y_of, joints[:, 1])])
            if x_of[0] < 0:
                # It looks at a mirror image, where left is right.
                seen = seen[list(BODY.flip)]
            for joint, at in enumerate(input_to_cells(seen, 8)):
                out[n, :, joint] = np.exp(-((columns - at[0]) ** 2 + (rows - at[1]) ** 2) / 3)
        return out

    found = predict(oracle, [sample], BODY, 192, 8, 1.6, looks=looks)
    assert found.shape == (1, 2, 14, 3) and found[..., 2].min() > 0.4
    assert np.abs(found[0, -1, :, :2] - joints[:, :2]).max() < 0.7


def test_scales_as_given_on_the_command_line() -> None:
    assert _scales("0.7:0.1:1.3") == (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
    assert _scales("1, 1.2") == (1.0, 1.2) and _scales("1") == (1.0,)
    for wrong in ("", "x", "1:0:2", "9", "2:0.1:1", "nan"):
        with pytest.raises(InputError, match="--scales takes"):
            _scales(wrong)


def test_sheets_show_the_worst_first() -> None:
    samples = figures(5)
    found = _perfect(samples)
    found[3, 0, :, 0] += 60
    found[1, 0, :7, 0] += 60
    found[4, 0] = np.nan
    errors = errors_of(found, samples, BODY)
    assert sheet.ranking(errors, 0.2)[:3].tolist() in ([4, 3, 1], [3, 4, 1])
    picture = sheet.draw("worst", samples, found[:, 0], errors, BODY, 0.2, [3, 4, 1], columns=2)
    assert picture.shape == (26 + 2 * 218, 400, 3)
    red = (picture[..., 2] > 180) & (picture[..., 1] < 70) & (picture[..., 0] < 70)
    assert red.any(), "wrong joints are ringed"
    plain = sheet.draw("x", samples, found[:, 0], errors, BODY, 0.2, [3], photographs=False)
    assert (plain[26:226] == 60).all(axis=2).mean() > 0.8, "no photograph, no truth"
    narrow = sheet.draw("random", samples, found[:, 0], errors, BODY, 0.2, [0], columns=2)
    assert sheet.join([picture, narrow]).shape == (26 + 2 * 218 + 26 + 218, 400, 3)


def _evaluate(*options: str) -> Any:
    return CliRunner().invoke(app, ["evaluate", "body", *options])


def test_the_command_scores_saves_and_draws(tmp_path: Path) -> None:
    samples = figures(6)
    write_coco(tmp_path / "data", samples)
    first = _evaluate(
        "--data", str(tmp_path / "data"), "--threads", "1", "--json", "--save-predictions", str(tmp_path / "p.json"),
        "--sheet", str(tmp_path / "s.png"), "--worst", "2", "--random", "3",
    )  # fmt: skip
    assert first.exit_code == 0, first.output
    measured = json.loads(first.stdout.strip().splitlines()[-1])
    assert {"model", "images", "metric", "pck", "per_joint", "per_source", "per_stage", "pckh", "oks"} <= set(measured)
    assert len(measured["per_stage"]) >= 3 and len(measured["per_joint_and_source"]["drawn"]) == 14
    assert cv2.imread(str(tmp_path / "s.png")).shape[1] == 600
    second = _evaluate("--data", str(tmp_path / "data"), "--predictions", str(tmp_path / "p.json"), "--json")
    scored = json.loads(second.stdout.strip().splitlines()[-1])
    assert scored["model"] == "p" and scored["pck"] == pytest.approx(measured["pck"], abs=1e-3)
    assert scored["oks"]["AP"] == pytest.approx(measured["oks"]["AP"], abs=1e-3) and len(scored["per_stage"]) == 1
    some = _evaluate("--data", str(tmp_path / "data"), "--predictions", str(tmp_path / "p.json"), "--per-source")
    assert "source drawn" in some.stdout and "right wrist" not in some.stdout and "stage 1" not in some.stdout
    flipped = _evaluate("--data", str(tmp_path / "data"), "--threads", "1", "--flip", "--scales", "1,1.1", "--json")
    assert json.loads(flipped.stdout.strip().splitlines()[-1])["looks"] == {"scales": [1.0, 1.1], "flip": True}


def test_nobody_predicted_is_an_answer_and_pictures_are_counted_once(tmp_path: Path) -> None:
    samples = figures(3)
    write_coco(tmp_path / "data", samples)
    path = tmp_path / "data" / "annotations.json"
    table = json.loads(path.read_text())
    table["annotations"].append({**table["annotations"][0], "id": 99})
    path.write_text(json.dumps(table))
    (tmp_path / "p.json").write_text("[]")
    scored = _evaluate("--data", str(tmp_path / "data"), "--predictions", str(tmp_path / "p.json"), "--json")
    figures_of = json.loads(scored.stdout.strip().splitlines()[-1])
    assert figures_of["images"] == 3 and set(figures_of["pck"].values()) == {0.0}


def test_the_command_finds_in_whole_pictures(tmp_path: Path) -> None:
    write_coco(tmp_path / "data", figures(2))
    found = _evaluate("--data", str(tmp_path / "data"), "--threads", "1", "--find", "--json")
    assert found.exit_code == 0, found.output
    figures_of = json.loads(found.stdout.strip().splitlines()[-1])
    assert figures_of["images"] == 2 and 0 <= figures_of["pck"]["0.2"] <= 1 and "oks" in figures_of
    often = _evaluate("--data", str(tmp_path / "data"), "--find", "--flip")
    assert isinstance(often.exception, InputError) and "without --scales and --flip" in str(often.exception)


def test_without_pycocotools_the_rest_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = figures(2)
    write_coco(tmp_path / "data", samples)
    predictions.save(tmp_path / "p.json", predictions.of_samples(_perfect(samples)[:, -1], samples))
    monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
    done = _evaluate("--data", str(tmp_path / "data"), "--predictions", str(tmp_path / "p.json"), "--json")
    assert done.exit_code == 0 and "pycocotools is not installed" in done.output
    assert "oks" not in json.loads(done.stdout.strip().splitlines()[-1])


def test_labelled_boxes_are_tight() -> None:
    sample = figures(1)[0]
    x, y, w, h = labelled_box(sample)
    labelled = sample.joints[sample.joints[:, 2] > 0]
    assert (x, y) == pytest.approx(labelled[:, :2].min(axis=0)) and w > 0 and h > 0
    crop = Crop.around((x, y, w, h), 192, 8, 1.4)
    assert crop.side == pytest.approx(1.4 * max(w, h))
    # An elbow and a wrist say nothing of how large somebody is: then the data's box counts.
    few = sample.joints.copy()
    few[3:, 2] = 0
    assert labelled_box(replace(sample, joints=few)) == sample.box


def test_two_folders_with_the_same_names_are_two(tmp_path: Path) -> None:
    """Exports begin at 1 and frame_000001.jpg: pictures of two folders are not one."""
    samples = figures(3)
    for name in ("a", "b"):
        write_coco(tmp_path / name, samples)
    both = places.load([str(tmp_path / "a"), str(tmp_path / "b")], BODY, "val")
    assert len({(sample.image_id, sample.name) for sample in both}) == 6
    assert [sample.name for sample in both[:3]] == [sample.name for sample in samples], "the first keeps its names"
    errors = errors_of(_perfect(both), both, BODY)
    assert report(errors, BODY, "body")["images"] == 6


def test_labels_of_a_picture_that_its_camera_has_turned(tmp_path: Path) -> None:
    """They are for the picture as it lies in the file: its width and height are the data set's."""
    (sample,) = figures(1)
    picture = np.zeros((60, 90, 3), np.uint8)
    picture[:, :30] = 255
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"
    exif += bytes(4)
    turned = jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]
    assert replace(sample, jpeg=turned).image().shape == (90, 60, 3), "the note turns it: else this shows nothing"
    image = replace(sample, jpeg=turned, size=(90, 60)).image()
    assert image.shape == (60, 90, 3) and image[:, :25].mean() > 250
