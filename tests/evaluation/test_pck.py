from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cpm_live.cli.main import app
from cpm_live.core.skeleton import BODY, HAND
from cpm_live.evaluation.evaluate import measure, report
from cpm_live.evaluation.pck import Errors, distances, reference_length
from cpm_live.training import dataset


def _truth() -> np.ndarray:
    joints = np.zeros((14, 3), np.float32)
    joints[:, :2] = np.random.default_rng(0).uniform(0, 200, (14, 2))
    joints[:, 2] = 2
    joints[BODY.index("left_shoulder"), :2] = (100, 50)
    joints[BODY.index("right_hip"), :2] = (70, 90)
    return joints


def test_reference_lengths() -> None:
    joints = _truth()
    box = (0.0, 0.0, 80.0, 200.0)
    assert reference_length(joints, box, BODY) == pytest.approx(50)
    joints[BODY.index("left_shoulder"), 2] = 0
    across = joints[BODY.index("right_shoulder"), :2] - joints[BODY.index("left_hip"), :2]
    assert reference_length(joints, box, BODY) == pytest.approx(np.hypot(*across)), "the torso's other diagonal"
    joints[BODY.index("left_shoulder"), 2] = 2
    joints[[2, 3], 2] = 0
    shoulders = np.hypot(*(joints[8, :2] - joints[9, :2]))
    assert reference_length(joints, box, BODY) == pytest.approx(1.5 * shoulders)
    joints[8, 2] = 0
    assert reference_length(joints, box, BODY) == 100
    assert reference_length(joints, box, HAND) == 200


def test_shares_by_hand() -> None:
    truth = _truth()
    truth[0, 2] = 0
    predicted = np.repeat(truth[None, :, :2], 2, axis=0)
    predicted[0, 1] += (0, 11)  # 0.22 torso
    predicted[0, 2] += (0, 4)  # 0.08
    row = distances(predicted, truth, (0, 0, 1, 1), BODY)
    assert np.isnan(row[:, 0]).all()
    errors = Errors(row[None], ("lsp",))
    assert errors.pck(0.2, stage=0) == pytest.approx(12 / 13)
    assert errors.pck(0.05, stage=0) == pytest.approx(11 / 13)
    assert errors.pck(0.05, stage=1) == 1
    assert errors.per_joint(0.2, stage=0)[1] == 0
    assert np.isnan(errors.pck(0.2, source="mpii"))


def test_perfect_answers_score_perfectly_through_the_whole_evaluation(data: Path) -> None:
    """An oracle that draws the truth into belief maps scores 100 %: no coordinate is lost on the way."""
    from cpm_live.core.crop import Crop, input_to_cells
    from cpm_live.evaluation.evaluate import labelled_box

    samples = dataset.load(data, BODY, "val")[::40]
    upcoming = iter(samples)

    def oracle(pictures: np.ndarray, centres: np.ndarray) -> np.ndarray:
        out = np.zeros((len(pictures), 1, 15, 24, 24), np.float32)
        v, u = np.mgrid[:24, :24]
        for n in range(len(pictures)):
            sample = next(upcoming)
            crop = Crop.around(labelled_box(sample), 192, 8, 1.4)
            for joint, at in enumerate(input_to_cells(crop.to_input(sample.joints[:, :2]), 8)):
                out[n, 0, joint] = np.exp(-((u - at[0]) ** 2 + (v - at[1]) ** 2) / 3)
        return out

    figures = report(measure(oracle, samples, BODY, 192), BODY, "oracle")
    assert figures["pck"]["0.05"] == 1 and (figures["metric"], figures["main_threshold"]) == ("torso", "0.2")


def test_command_prints_the_promised_json(data: Path) -> None:
    done = CliRunner().invoke(app, ["evaluate", "hand", "--data", str(data), "--json", "--threads", "2"])
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    assert figures["model"] == "hand" and figures["metric"] == "box" and figures["images"] == 387
    assert set(figures["per_source"]) == {"webcam", "plain", "palm"} and len(figures["per_joint"]) == 21
    assert 0.5 < figures["pck"]["0.1"] <= figures["pck"]["0.2"] <= 1
    assert len(figures["per_stage"]) == 6
