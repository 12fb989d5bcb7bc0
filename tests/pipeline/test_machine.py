"""The machine with trained weights on real frames, and its Python API."""

from __future__ import annotations

import copy
import json
import time
from dataclasses import asdict
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest

from cpm_live import PoseMachine
from cpm_live.capture.demo import DemoSource
from cpm_live.capture.video import VideoSource
from cpm_live.core.errors import InputError
from cpm_live.pipeline.options import Options
from tests.fakes import DotEngine


def test_result_has_the_promised_shapes_and_leaves_the_array_alone() -> None:
    machine = PoseMachine("body", engine=DotEngine())
    frame = np.zeros((480, 640, 3), np.uint8)
    frame[200:216, 300:316] = 255
    result = machine(frame)
    pose = result.poses[0]
    assert pose.keypoints.shape == (14, 3) and pose.keypoints.dtype == np.float32
    assert pose.beliefs.shape == (3, 15, 16, 16) and pose.stages.shape == (3, 14, 3)
    assert np.hypot(*(pose.keypoints[:, :2].mean(axis=0) - (308, 208))) < 60
    frame[:] = 1
    assert (result.frame.image[200:216, 300:316] == 255).all(), "who reads a film into one buffer keeps its pictures"
    assert set(result.steps_ms) == {"wait", "find", "crop", "engine", "decode"}


def test_track_number_stays_while_following_and_rises_after_a_loss() -> None:
    machine = PoseMachine("body", engine=DotEngine())
    frame = np.zeros((480, 640, 3), np.uint8)
    frame[200:216, 300:316] = 255
    ids = [machine(frame).poses[0].id for _ in range(4)]
    machine.reset()
    assert set(ids) == {1} and machine(frame).poses[0].id == 2


def test_follows_the_demo_figure() -> None:
    """The shipped body model on the drawn figure: most joints within a fifth of the trunk."""
    machine, source = PoseMachine("body"), DemoSource("body", frames=60, paced=False)
    hits = []
    while (frame := source.read()) is not None:
        result = machine(frame)
        truth = source.joints_at(frame.index)
        torso = np.hypot(*(truth[9] - truth[2]))
        found = result.poses[0].keypoints[:, :2] if result.poses else np.full((14, 2), np.inf)
        hits.append(np.hypot(*(found - truth).T) <= 0.2 * torso)
    assert np.mean(hits) > 0.85


def test_follows_a_person_at_a_real_webcam(clips: Path) -> None:
    """Shoulders of a real clip, whole pipeline from the whole frame on (accuracy: scripts/follow_report.py counts)."""
    reference = json.loads((clips / "reference.json").read_text())["clips"]["thanks"]["frames"]
    machine, source = PoseMachine("body"), VideoSource(str(clips / "thanks.mkv"))
    hits = []
    while (frame := source.read()) is not None:
        result = machine(frame)
        if (labels := reference.get(str(frame.index))) is None:
            continue
        body = labels["body"]
        width = abs(body["left_shoulder"][0] - body["right_shoulder"][0])
        for joint in ("left_shoulder", "right_shoulder"):
            index = result.skeleton.index(joint)
            at = result.poses[0].keypoints[index, :2] if result.poses else np.full(2, np.inf)
            hits.append(np.hypot(*(at - body[joint][:2])) <= 0.3 * width)
    assert len(hits) >= 20 and np.mean(hits) > 0.85


def test_later_stages_are_better_on_real_pictures(data: Path) -> None:
    from cpm_live.core.skeleton import BODY
    from cpm_live.evaluation.evaluate import measure
    from cpm_live.training import dataset

    samples = [s for s in dataset.load(data, BODY, "val") if s.source == "lsp"][:60]
    machine = PoseMachine("body")
    errors = measure(machine.engine.infer, samples, BODY, machine.engine.preset.size)
    assert errors.pck(0.2, stage=-1) > errors.pck(0.2, stage=0)
    assert errors.pck(0.2) > 0.4


def test_nobody_is_left_out_while_there_is_room() -> None:
    """What the finder offers beside the one hand is nobody whom a larger budget would show."""
    machine = PoseMachine("hand")
    source = DemoSource("hand", frames=12, paced=False)
    results = [machine(frame) for _ in range(12) if (frame := source.read()) is not None]
    assert any(result.poses for result in results)
    assert all(result.left_out == 0 or len(result.poses) == 2 for result in results)


def test_a_recipe_may_be_given_as_a_path() -> None:
    assert PoseMachine(Path("engines/hand.toml").resolve(), engine=DotEngine()).recipe.name == "hand"


def test_pictures_without_pixels_are_refused() -> None:
    with pytest.raises(InputError, match="BGR uint8"):
        PoseMachine("body", engine=DotEngine())(np.zeros((0, 10, 3), np.uint8))


def test_wrong_names_are_refused() -> None:
    with pytest.raises(InputError, match="unknown model 'cat'"):
        PoseMachine("cat")
    with pytest.raises(InputError, match="finder finds places, not poses"):
        PoseMachine("finder")
    with pytest.raises(InputError, match="unknown engine 'abacus'"):
        PoseMachine("body", engine="abacus")


def test_writing_into_a_pose_changes_nobody_elses(clips: Path) -> None:
    """Dividing by the frame's width in place is what people do; the track goes on from its own joints."""
    found = []
    for careless in (False, True):
        for smoothing in (0.0, 0.5):
            machine = PoseMachine("body", options=Options(smoothing=smoothing))
            source = VideoSource(str(clips / "thanks.mkv"))
            ways = []
            for _ in range(6):
                frame = source.read()
                assert frame is not None
                (pose,) = machine(frame).poses
                ways.append(pose.raw.copy())
                if careless:
                    pose.keypoints[:, :2] /= 640
                    pose.stages[:] = 0
            source.close()
            machine.close()
            found.append(np.array(ways))
    assert np.array_equal(found[0], found[2]) and np.array_equal(found[1], found[3])


def test_results_can_be_pickled_copied_and_listed(clips: Path) -> None:
    machine = PoseMachine("body")
    source = VideoSource(str(clips / "thanks.mkv"))
    frame = source.read()
    assert frame is not None
    result = machine(frame)
    source.close()
    machine.close()
    for other in (ForkingPickler.loads(ForkingPickler.dumps(result)), copy.deepcopy(result)):
        assert np.array_equal(other.poses[0].keypoints, result.poses[0].keypoints)
        assert dict(other.steps_ms) == dict(result.steps_ms) and other.steps_ms["engine"] > 0
    assert asdict(result)["steps_ms"]["engine"] > 0
    with pytest.raises(TypeError):
        result.steps_ms["engine"] = 0.0  # type: ignore[index]


def test_arrays_of_a_film_have_its_times() -> None:
    """Else how a joint is smoothed would hang on how fast this machine is."""
    seen = []
    for pause in (0.0, 0.03):
        machine = PoseMachine("body", engine=DotEngine())
        for index in range(6):
            frame = np.zeros((480, 640, 3), np.uint8)
            frame[200:216, 300 + 9 * index : 316 + 9 * index] = 255
            result = machine(frame, index / 25)
            time.sleep(pause)
        assert result.frame.media_time == pytest.approx(0.2)
        seen.append(result.poses[0].keypoints)
    np.testing.assert_array_equal(*seen)
