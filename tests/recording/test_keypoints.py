"""The keypoint file: what others read (its format is in the README)."""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cpm_live.capture.video import VideoSource
from cpm_live.core.crop import Crop
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import BODY, HAND
from cpm_live.drawing.view import View
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.pipeline.options import Options
from cpm_live.recording.batch import run_batch
from cpm_live.recording.beside import KeypointsBeside
from cpm_live.recording.keypoint_table import COLUMNS, KeypointTable
from cpm_live.recording.keypoints import KeypointWriter
from cpm_live.recording.text_file import refuse_unwritable
from tests.capture.films import film
from tests.fakes import DotEngine

README = Path(__file__).parents[2] / "README.md"


def _pose(number: int, joints: int, side: object = None) -> Pose:
    stages = np.full((2, joints, 3), 0.5, np.float32)
    stages[-1, :, 0] = np.arange(joints)
    beliefs = np.zeros((2, joints + 1, 8, 8), np.float32)
    return Pose(number, (1.0, 2.0, 30.123, 40.0), stages, beliefs, Crop(10, 10, 20, 64), side)  # type: ignore[arg-type]


def _write(path: Path, result: Result, hands: bool) -> tuple[dict, dict]:
    writer = KeypointWriter(path, BODY, {"model": "body"}, HAND if hands else None)
    writer.write(result, 0.5)
    writer.close()
    header, line = (json.loads(text) for text in path.read_text().splitlines())
    return header["header"], line


def test_several_people_with_their_numbers(tmp_path: Path) -> None:
    frame = Frame(np.zeros((48, 64, 3), np.uint8), 7, 0)
    result = Result(frame, (_pose(3, 14), _pose(5, 14)), BODY, "body", 2, 0.4)
    header, line = _write(tmp_path / "a.jsonl", result, hands=False)
    assert header["joints"] == list(BODY.joints) and "hands" not in header
    assert set(line) == {"index", "time", "poses"} and line["index"] == 7 and line["time"] == 0.5
    assert [pose["id"] for pose in line["poses"]] == [3, 5]
    assert set(line["poses"][0]) == {"id", "box", "side", "keypoints"} and line["poses"][0]["side"] is None
    assert line["poses"][0]["box"] == [1.0, 2.0, 30.12, 40.0]
    assert line["poses"][0]["keypoints"][4] == [4.0, 0.5, 0.5]


def test_a_frame_of_another_size_says_so(tmp_path: Path) -> None:
    writer = KeypointWriter(tmp_path / "a.jsonl", BODY, {"width": 64, "height": 48})
    for width, height in ((64, 48), (128, 96)):
        frame = Frame(np.zeros((height, width, 3), np.uint8), 0, 0)
        writer.write(Result(frame, (), BODY, "body", 2, 0.4), 0.0)
    writer.close()
    _, usual, other = (json.loads(text) for text in (tmp_path / "a.jsonl").read_text().splitlines())
    assert "width" not in usual and (other["width"], other["height"]) == (128, 96)


def test_what_is_written_is_what_is_shown(tmp_path: Path) -> None:
    frame = Frame(np.zeros((48, 64, 3), np.uint8), 0, 0)
    pose = _pose(1, 14)
    smoothed = replace(pose, smoothed=pose.raw + np.float32(1))
    _, line = _write(tmp_path / "a.jsonl", Result(frame, (smoothed,), BODY, "body", 2, 0.4), hands=False)
    assert line["poses"][0]["keypoints"][4][0] == 5.0


def test_file_names_that_are_not_utf_8(tmp_path: Path) -> None:
    frame = Frame(np.zeros((48, 64, 3), np.uint8), 0, 0)
    writer = KeypointWriter(tmp_path / "a.jsonl", BODY, {"source": "\udce9t\udce9"})
    writer.write(Result(frame, (), BODY, "body", 2, 0.4), 0.0, "caf\udce9.png")
    writer.close()
    header, line = (json.loads(text) for text in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines())
    assert header["header"]["source"] == "\udce9t\udce9" and line["file"] == "caf\udce9.png"


def test_body_and_hands(tmp_path: Path) -> None:
    frame = Frame(np.zeros((48, 64, 3), np.uint8), 0, 0)
    result = Result(
        frame, (_pose(1, 14),), BODY, "body", 2, 0.4,
        hands=(_pose(1, 21, "left"), replace(_pose(2, 21, "right"), body=1)), hand_skeleton=HAND, hand_stages=2,
    )  # fmt: skip
    header, line = _write(tmp_path / "a.jsonl", result, hands=True)
    assert header["skeleton"] == "body" and header["hands"]["skeleton"] == "hand"
    assert header["hands"]["joints"] == list(HAND.joints)
    assert len(line["poses"]) == 1 and [hand["side"] for hand in line["hands"]] == ["left", "right"]
    assert [hand["body"] for hand in line["hands"]] == [None, 1] and "body" not in line["poses"][0]
    assert len(line["hands"][0]["keypoints"]) == 21
    _, empty = _write(tmp_path / "b.jsonl", replace(result, poses=(), hands=()), hands=True)
    assert empty["poses"] == [] and empty["hands"] == []


def test_a_table_has_a_row_for_every_joint(tmp_path: Path) -> None:
    frame = Frame(np.zeros((48, 64, 3), np.uint8), 7, 0)
    hand = replace(_pose(1, 21, "left"), body=3)
    result = Result(
        frame, (_pose(3, 14), _pose(5, 14)), BODY, "body", 2, 0.4, hands=(hand,), hand_skeleton=HAND, hand_stages=2
    )
    table = KeypointTable(tmp_path / "a.csv")
    table.write(result, 0.5, 'a "photo", once.jpg')
    table.write(replace(result, poses=(), hands=()), 0.6)
    table.write(replace(result, poses=result.poses[:1], hands=()), 0.7, '=HYPERLINK("x").jpg')
    table.close()
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["file"] for row in rows[-14:]} == {'./=HYPERLINK("x").jpg'}, "no formula for spreadsheets"
    del rows[-14:]
    assert tuple(rows[0]) == COLUMNS and len(rows) == 2 * 14 + 21
    assert [row["joint"] for row in rows[:14]] == list(BODY.joints)
    assert {row["id"] for row in rows if row["skeleton"] == "body"} == {"3", "5"}
    last = rows[-1]
    assert (last["skeleton"], last["side"], last["body"], last["joint"]) == ("hand", "left", "3", HAND.joints[-1])
    assert (last["index"], last["time"], last["file"]) == ("7", "0.5", 'a "photo", once.jpg')
    assert [float(last[name]) for name in ("x", "y", "score")] == [20.0, 0.5, 0.5]


def test_a_table_says_what_its_places_are_pixels_of(tmp_path: Path) -> None:
    """A film may change its size, as cameras that are turned or joined recordings do: all of x and y change with it."""
    table = KeypointTable(tmp_path / "a.csv")
    for width, height in ((64, 48), (128, 96)):
        frame = Frame(np.zeros((height, width, 3), np.uint8), 0, 0)
        table.write(Result(frame, (_pose(1, 14),), BODY, "body", 2, 0.4), 0.0)
    table.close()
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        sizes = [(row["width"], row["height"]) for row in csv.DictReader(file)]
    assert sizes == [("64", "48")] * 14 + [("128", "96")] * 14


@pytest.mark.parametrize("name", ["Icon\r.png", "two\nlines.png", " led by a blank.png", 'a "b", c\r\n.png'])
def test_a_table_keeps_its_rows_whatever_a_picture_is_called(tmp_path: Path, name: str) -> None:
    result = Result(Frame(np.zeros((48, 64, 3), np.uint8), 7, 0), (_pose(3, 14),), BODY, "body", 2, 0.4)
    table = KeypointTable(tmp_path / "a.csv", every_stage=True)
    for called in ("plain.png", name):
        table.write(result, 0.5, called)
    table.close()
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["plain.png"] * 28 + [name] * 28
    for plain, other in zip(rows[:28], rows[28:], strict=True):
        assert {**plain, "file": ""} == {**other, "file": ""}


def test_the_readme_has_every_field(tmp_path: Path) -> None:
    """What nobody explains is guessed, and the guess goes into somebody's study."""
    if not README.is_file():
        pytest.skip("no README beside the tests")
    hand = replace(_pose(1, 21, "left"), body=3)
    frame = Frame(np.zeros((48, 64, 3), np.uint8), 0, 0)
    result = Result(frame, (_pose(3, 14),), BODY, "body", 2, 0.4, hands=(hand,), hand_skeleton=HAND, hand_stages=2)
    machine = PoseMachine("body", DotEngine(), options=Options(hands=True), hand_engine=lambda recipe: None)
    run_batch(VideoSource(str(film(tmp_path / "a.mp4", frames=1))), machine, None, tmp_path / "film.jsonl")
    beside = KeypointsBeside(tmp_path / "recorded.jsonl")
    beside.write(result, View(), 0.0)
    beside.close()
    writer = KeypointWriter(tmp_path / "all.jsonl", BODY, {"width": 1, "height": 1}, HAND, every_stage=True)
    writer.write(result, 0.0, "a.png")
    writer.close()

    def fields(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*map(fields, value.values()))
        return set().union(*map(fields, value)) if isinstance(value, list) else set()

    written = set().union(*(fields(json.loads(line)) for path in tmp_path.glob("*.jsonl") for line in path.open()))
    assert {"begins", "started", "mirrored", "stages", "body", "file", "fps"} <= written
    text = README.read_text(encoding="utf-8").partition("**Keypoint files**")[2].partition("\n### ")[0]
    text = re.sub("```.*?```", "", text, flags=re.DOTALL)
    told = {word for span in re.findall(r"`([^`]+)`", text) for word in re.findall(r"\w+", span)}
    untold = (written | set(COLUMNS) | {"stage"}) - told - {"header"}
    assert not untold


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = KeypointWriter(tmp_path / "k.jsonl", BODY, {})
    file_of = writer._file._file
    file_of.flush()

    def half(text: str) -> int:
        with (tmp_path / "k.jsonl").open("a") as file:
            file.write(text[: len(text) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file_of, "write", half, raising=False)
    with pytest.raises(InputError, match="No space left"):
        writer._line({"index": 0})
    writer.close()
    lines = (tmp_path / "k.jsonl").read_text().splitlines()
    assert len(lines) == 1 and "header" in json.loads(lines[0])


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of other systems")
def test_whether_a_file_can_be_written_is_found_out_without_touching_it(tmp_path: Path) -> None:
    old, new, link, pipe = (tmp_path / name for name in ("old", "new", "link", "pipe"))
    old.write_text("kept")
    link.symlink_to(tmp_path / "not there yet")
    os.mkfifo(pipe)
    for path in (old, new, link, pipe, tmp_path / "new" / "folder" / "file"):
        refuse_unwritable(path)
    assert old.read_text() == "kept" and link.is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"old", "link", "pipe"}
    with pytest.raises(InputError, match="cannot write"):
        refuse_unwritable(tmp_path)
    with pytest.raises(InputError, match="cannot write"):
        refuse_unwritable(old / "below a file")


def test_a_drive_that_is_not_there_is_not_looked_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows the folder above Z:\\ is Z:\\ itself."""
    looks = []

    def exists(path: Path) -> bool:
        looks.append(path)
        if len(looks) > 100:
            raise RuntimeError("looked for ever")
        return False

    monkeypatch.setattr(Path, "exists", exists)
    refuse_unwritable(tmp_path / "folder" / "a.jsonl")
