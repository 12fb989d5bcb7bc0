"""The keypoints of a recording, in a file beside its film."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Result
from cpm_live.core.skeleton import BODY, HAND
from cpm_live.core.whole_file import claim
from cpm_live.drawing.view import View
from cpm_live.engines.recipe import find
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.pipeline.options import Options
from cpm_live.recording import video
from cpm_live.recording.beside import KeypointsBeside
from cpm_live.recording.recorder import Recorder
from tests.fakes import DotEngine


def _results(times: list[float], model: str = "body", x: int = 100, smoothing: float = 0.5) -> list[Result]:
    """Of somebody who stands at x, at these seconds."""
    image = np.full((240, 320, 3), 60, np.uint8)
    image[100:116, x : x + 16] = 255
    machine = PoseMachine(
        find(model), DotEngine(joints=len(find(model).skeleton)), options=Options(smoothing=smoothing)
    )
    return [machine(Frame(image, index, int(at * 1e9))) for index, at in enumerate(times)]


def _recorded(path: Path, results: list[tuple[Result, View]], **options: Any) -> Recorder:
    recorder = Recorder(path, lambda _: None, **options)
    for result, view in results:
        recorder.put(result, view)
    recorder.start()
    recorder.finish()
    recorder.join(20)
    return recorder


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_picture_of_the_film_has_its_line(tmp_path: Path) -> None:
    times = [5.0, 5.1, 5.3, 5.7]
    results = _results([time.perf_counter() - 10 + at for at in times])
    recorder = _recorded(tmp_path / "a.mp4", [(result, View()) for result in results], keypoints=True)
    assert not recorder.error
    head, *lines = _lines(tmp_path / "a.jsonl")
    with av.open(str(tmp_path / "a.mp4")) as film:
        shown = [frame.time for frame in film.decode(video=0)]
    told_times = [line["time"] for line in lines]
    assert told_times == pytest.approx(shown, abs=1e-3) and told_times == pytest.approx([0, 0.1, 0.3, 0.7], abs=1e-3)
    told = head["header"]
    assert told["joints"] == list(BODY.joints) and (told["width"], told["height"]) == (320, 240)
    ago = datetime.now(UTC) - datetime.fromisoformat(told["started"])
    assert 5 <= ago.total_seconds() < 30, "time 0 by the clock on the wall"
    assert told["smoothing"] == 0.5 and told["joint_threshold"] == find("body").joint_threshold
    assert told["hollow_threshold"] == find("body").hollow_threshold and not told["mirrored"]
    for line, result in zip(lines, results, strict=True):
        (pose,) = line["poses"]
        assert np.allclose(pose["keypoints"], result.poses[0].keypoints, atol=0.01)
    assert json.loads((tmp_path / "a.json").read_text())["keypoints"] == "a.jsonl"


def test_their_numbers_are_those_of_the_films_pictures(tmp_path: Path) -> None:
    """A source's have gaps where the machine was too slow, and begin again with the next source."""
    results = _results([0.0, 0.1, 0.2, 0.3])
    given = [
        (replace(result, frame=replace(result.frame, index=index), generation=generation), View())
        for result, index, generation in zip(results, (59, 61, 0, 1), (0, 0, 1, 1), strict=True)
    ]
    assert not _recorded(tmp_path / "a.mp4", given, keypoints=True).error
    assert [line["index"] for line in _lines(tmp_path / "a.jsonl")[1:]] == [0, 1, 2, 3]


def test_they_are_pixels_of_the_film_mirrored_where_it_is(tmp_path: Path) -> None:
    (result,) = _results([0.0], x=40)
    recorder = _recorded(tmp_path / "a.mkv", [(result, View(mirror=True))], keypoints=True)
    head, line = _lines(tmp_path / "a.jsonl")
    (pose,), (own,) = line["poses"], result.poses
    assert head["header"]["mirrored"] and not recorder.error
    at = np.array(pose["keypoints"])
    assert np.allclose(at[:, 0], 319 - own.keypoints[:, 0], atol=0.01) and np.allclose(
        at[:, 1:], own.keypoints[:, 1:], atol=0.01
    )
    low, high = pose["box"][0], pose["box"][0] + pose["box"][2]
    assert (low, high) == pytest.approx((319 - own.box[0] - own.box[2], 319 - own.box[0]), abs=0.02)
    assert own.keypoints[0, 0] < 160, "the result itself stays as it was"


@pytest.mark.parametrize("mirror", [False, True])
def test_a_picture_of_another_size_has_its_joints_where_the_film_shows_it(tmp_path: Path, mirror: bool) -> None:
    """Fitted into the size of the first, as after another source was chosen; odd ones lose a pixel."""
    (first,), image = _results([0.0]), np.full((481, 481, 3), 60, np.uint8)
    image[300:332, 60:92] = 255
    on_it = np.tile(np.float32([75.5, 315.5, 1]), (14, 1))
    pose = replace(first.poses[0], smoothed=on_it, box=(60.0, 300.0, 31.0, 31.0))
    other, view = (
        replace(first, frame=Frame(image, 0, 100_000_000), poses=(pose,)),
        View(mirror=mirror, glow=0, skeleton=False),
    )
    recorder = _recorded(tmp_path / "a.mp4", [(first, view), (other, view)], keypoints=True)
    head, line, fitted = _lines(tmp_path / "a.jsonl")
    assert not recorder.error and (head["header"]["width"], head["header"]["height"]) == (320, 240)
    assert "width" not in line and "width" not in fitted
    with av.open(str(tmp_path / "a.mp4")) as film:
        shown = list(film.decode(video=0))[-1].to_ndarray(format="gray")
    dot = np.argwhere(shown > 200).mean(axis=0)[::-1]
    (told,) = fitted["poses"]
    (x, y, wide, high), joints = told["box"], np.array(told["keypoints"])[:, :2]
    assert np.allclose(joints, dot, atol=0.5)
    assert np.allclose((x + wide / 2, y + high / 2), dot, atol=0.5) and wide == pytest.approx(31 * 240 / 481, abs=0.1)


def test_another_model_begins_with_a_header_of_its_own(tmp_path: Path) -> None:
    """Lines hold the joints of the last header before them."""
    body, hand = _results([0.0, 0.1]), _results([0.2, 0.3], "hand")
    both = [replace(result, hand_skeleton=HAND, hands=hand[0].poses) for result in _results([0.4, 0.5])]
    raw = _results([0.6], smoothing=0.0)
    # While a model is loaded: what the one before saw is not shown any more.
    loading = replace(body[0], poses=(), skeleton=HAND, stage_count=0)
    given = [(result, View()) for result in (*body, loading, *hand, *both, *raw)]
    recorder = _recorded(tmp_path / "a.mp4", given, keypoints=True)
    assert not recorder.error
    kinds: list[Any] = []
    joints = 0
    for line in _lines(tmp_path / "a.jsonl"):
        if "header" in line:
            joints = len(line["header"]["joints"])
            kinds.append((joints, "hands" in line["header"], line["header"]["smoothing"]))
        elif line["poses"]:
            assert all(len(pose["keypoints"]) == joints for pose in line["poses"])
            kinds.append(("hands" in line) + len(line.get("hands", ())))
        else:
            kinds.append(None)
    assert kinds == [(14, False, 0.5), 0, 0, None, (21, False, 0.5), 0, 0, (14, True, 0.5), 2, 2, (14, False, 0.0), 0]


def test_a_crash_leaves_whole_lines(tmp_path: Path) -> None:
    """As the film's pictures, they are on their way to the disk at once."""
    beside = KeypointsBeside(tmp_path / "a.jsonl")
    for result in _results([0.0, 0.1]):
        beside.write(result, View(), 0.0)
    assert len(_lines(tmp_path / "a.jsonl")) == 3
    beside.close()


def test_nothing_is_replaced_and_nothing_written_that_nobody_wished(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("kept")
    (result,) = _results([0.0])
    assert _recorded(tmp_path / "a.mp4", [(result, View())]).path.name == "a.mp4"
    assert _recorded(tmp_path / "a.mp4", [(result, View())], keypoints=True).path.name == "a-2.mp4"
    assert (tmp_path / "a.jsonl").read_text() == "kept" and (tmp_path / "a-2.jsonl").is_file()
    assert {path.name for path in tmp_path.glob("*.jsonl")} == {"a.jsonl", "a-2.jsonl"}


def test_nobody_else_is_given_its_name_while_the_encoder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a film in the other format, or whatever writes lines of its own; nothing is left where there is none."""
    made = video.VideoWriter.__init__

    def another(self: video.VideoWriter, path: Path, *args: Any, **more: Any) -> None:
        assert claim(path.with_suffix(".mkv"), ".json", ".jsonl").name == "a-2.mkv"
        made(self, path, *args, **more)

    monkeypatch.setattr(video.VideoWriter, "__init__", another)
    (result,) = _results([0.0])
    assert not _recorded(tmp_path / "a.mp4", [(result, View())], keypoints=True).error
    assert len(_lines(tmp_path / "a.jsonl")) == 2

    def refused(self: video.VideoWriter, path: Path, *args: Any, **more: Any) -> None:
        raise InputError("no encoder")

    monkeypatch.setattr(video.VideoWriter, "__init__", refused)
    assert _recorded(tmp_path / "b.mp4", [(result, View())], keypoints=True).error == "no encoder"
    assert not list(tmp_path.glob("b*"))


def test_a_disk_that_is_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The film is ended as a whole one, and says what happened."""

    def full(self: KeypointsBeside, result: Result, view: View, seconds: float) -> None:
        raise InputError(f"cannot write {self.path}: No space left on device")

    results = _results([0.0, 0.1, 0.2])
    monkeypatch.setattr(KeypointsBeside, "write", full)
    recorder = _recorded(tmp_path / "a.mp4", [(result, View()) for result in results], keypoints=True)
    assert "No space left" in recorder.failure() and "frames" in recorder.failure()
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == recorder.written >= 1
