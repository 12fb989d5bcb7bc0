"""Keypoints drawn from their file: what ``run`` wrote, and what others made of it."""

from __future__ import annotations

import csv
import json
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cpm_live.capture.open import SourceRequest, open_source
from cpm_live.cli.main import app
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.core.skeleton import BODY, HAND
from cpm_live.drawing.paint import paint
from cpm_live.drawing.view import NO_MAP, View
from cpm_live.engines.recipe import Recipe
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.pipeline.options import Options
from cpm_live.recording.batch import run_batch
from cpm_live.recording.keypoint_reader import KeypointFile, Whose

WRIST = BODY.index("left_wrist")
KNOWN = {"body": Whose(BODY, 0.5, 0.4)}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, clips: Path) -> Path:
    """A folder with 24 frames of a clip, their keypoints with hands in both forms, and the film that run drew."""
    folder = tmp_path_factory.mktemp("written")
    with PoseMachine("body", "cpu", options=Options(hands=True)) as machine:
        for name in ("k.jsonl", "k.csv"):
            source = open_source(SourceRequest(str(clips / "again.mkv"), live=False))
            done: list[int] = []
            run_batch(
                source, machine, folder / f"{name}.mp4", folder / name, View(joint=NO_MAP, boxes=True),
                lambda count, result, done=done: done.append(count), lambda done=done: len(done) >= 24,
            )  # fmt: skip
            source.close()
    return folder


def pictures(path: Path) -> list[np.ndarray]:
    film = cv2.VideoCapture(str(path))
    out = []
    while (read := film.read())[0]:
        out.append(read[1])
    return out


def draw(*arguments: object) -> str:
    ran = CliRunner().invoke(app, ["draw", *map(str, arguments)])
    return f"{ran.output}{ran.exception or ''}"


def edited(path: Path, out: Path, change: Callable[[dict], None]) -> Path:  # type: ignore[type-arg]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        change(line)
    out.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return out


def test_what_run_wrote_is_drawn_as_run_drew_it(written: Path, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "drawn.mp4"
    said = draw(clips / "again.mkv", written / "k.jsonl", "-o", out, "--boxes", "--no-sound")
    assert "somebody drawn in 24" in said
    drawn, run = pictures(out), pictures(written / "k.jsonl.mp4")
    assert len(drawn) > len(run) == 24
    for one, other in zip(drawn, run, strict=False):
        assert np.abs(one.astype(int) - other).mean() < 1.5  # two encodings of one picture
    bare = pictures(clips / "again.mkv")
    assert np.abs(drawn[5].astype(int) - bare[5]).mean() > 3.0
    assert np.abs(drawn[30].astype(int) - bare[30]).mean() < 2.2  # of which the file says nothing


def test_a_table_is_drawn_as_its_lines_are(written: Path, clips: Path) -> None:
    both = KeypointFile(written / "k.jsonl", {}), KeypointFile(written / "k.csv", _known())
    frame = Frame(np.full((480, 640, 3), 70, np.uint8), 20, 0)
    lines, table = (paint(file.of(frame), View(joint=NO_MAP)) for file in both)
    assert (lines != 70).any()
    # Tables tell no boxes, after which limbs are as wide as they are.
    assert (lines != table).any(axis=2).mean() < 0.01
    ours = [file.of(frame) for file in both]
    assert [len(result.hands) for result in ours] == [len(ours[0].hands)] * 2 and ours[0].hands
    assert [hand.side for hand in ours[0].hands] == [hand.side for hand in ours[1].hands]


def _known() -> dict[str, Whose]:
    from cpm_live.cli.draw import _known

    return _known("body")


def test_joints_that_were_moved_and_such_that_were_taken_away(written: Path, tmp_path: Path) -> None:
    def change(line: dict) -> None:  # type: ignore[type-arg]
        for pose in line.get("poses", []):
            pose["keypoints"][WRIST] = [20.0, 30.0, 1.0]
            pose["keypoints"][WRIST - 1] = [None, None, None]
            pose["keypoints"][0] = [float("nan"), 3.0, 1.0]

    file = KeypointFile(edited(written / "k.jsonl", tmp_path / "moved.jsonl", change), {})
    pose = file.of(Frame(np.zeros((480, 640, 3), np.uint8), 3, 0)).poses[0]
    assert pose.keypoints[WRIST].tolist() == [20.0, 30.0, 1.0]
    assert not pose.keypoints[[WRIST - 1, 0]].any()
    x, y, width, _ = pose.box
    assert x <= 20 and y <= 30 and x + width > 300  # the box that was written does not hold that wrist


def test_joints_without_a_place_are_drawn_nowhere(tmp_path: Path) -> None:
    """Also where a header, as others write it, tells no thresholds."""
    rows = [[60.0, 40.0, 1.0]] * 7 + [[None, None, None]] * 7
    header = {"skeleton": "body", "joints": list(BODY.joints), "limbs": [list(limb) for limb in BODY.limbs]}
    hands = {"skeleton": "hand", "joints": list(HAND.joints), "limbs": [list(limb) for limb in HAND.limbs]}
    line = {"index": 0, "poses": [{"keypoints": rows}], "hands": [{"keypoints": [[60, 40, 1], *[[None] * 3] * 20]}]}
    path = tmp_path / "k.jsonl"
    path.write_text(f"{json.dumps({'header': header | {'hands': hands}})}\n{json.dumps(line)}\n")
    drawn = paint(KeypointFile(path, {}).of(Frame(np.full((120, 160, 3), 70, np.uint8), 0, 0)), View(joint=NO_MAP))
    changed = np.argwhere((drawn != 70).any(axis=2))
    assert len(changed) and (changed.min(axis=0) > (30, 50)).all()


def test_no_joint_is_surer_than_sure(tmp_path: Path) -> None:
    """Per cent would be circles that cover the picture, and what is no number any more is said nowhere."""
    header = {"header": {"skeleton": "body", "joints": list(BODY.joints)}}
    path = tmp_path / "k.jsonl"
    rows = [[60.0, 40.0, 97.0], [1e300, 40, 1], *[[60.0, 40.0, -1.0]] * 12]
    path.write_text(f"{json.dumps(header)}\n{json.dumps({'index': 0, 'poses': [{'keypoints': rows}]})}\n")
    joints = KeypointFile(path, {}).of(Frame(np.zeros((120, 160, 3), np.uint8), 0, 0)).poses[0].keypoints
    assert joints[0].tolist() == [60, 40, 1] and not joints[1].any()


def test_a_copy_of_another_size(written: Path) -> None:
    file = KeypointFile(written / "k.jsonl", {})
    large, small = (file.of(Frame(np.zeros((h, w, 3), np.uint8), 4, 0)) for w, h in ((640, 480), (320, 240)))
    at = large.poses[0].keypoints[:, :2]
    assert np.abs((at + 0.5) / 2 - 0.5 - small.poses[0].keypoints[:, :2]).max() < 1e-3
    assert small.poses[0].box[2] == pytest.approx(large.poses[0].box[2] / 2)


def test_what_pandas_writes(written: Path, tmp_path: Path) -> None:
    """Whole numbers as 3.0 where a column has gaps, and nothing where there is none."""
    path = tmp_path / "pandas.csv"
    with (written / "k.csv").open() as file, path.open("w") as out:
        rows = csv.DictReader(file)
        table = csv.DictWriter(out, rows.fieldnames or [])
        table.writeheader()
        for row in rows:
            gap = row["joint"] == "neck"
            changed = {"index": f"{row['index']}.0", "id": f"{row['id']}.0", "body": row["body"] and f"{row['body']}.0"}
            table.writerow(row | changed | ({"x": "", "y": "NA", "score": "nan"} if gap else {}))
    result = KeypointFile(path, _known()).of(Frame(np.zeros((480, 640, 3), np.uint8), 20, 0))
    assert not result.poses[0].keypoints[BODY.index("neck")].any() and result.poses[0].keypoints[WRIST, 2] > 0
    assert result.hands and result.hands[0].body == result.poses[0].id


def _german(text: str) -> str:
    return text.replace(",", ";").replace(".", ",")


@pytest.mark.parametrize(
    ("change", "encoding"),
    [
        (lambda text: text, "utf-8-sig"),  # Excel: "CSV UTF-8"
        (lambda text: _german(text).replace("\n", "\r\n") + ";" * 12 + "\r\n", "utf-8-sig"),  # where commas are decimal
        (lambda text: text.replace(",", "\t"), "utf-16"),  # Excel: "Unicode text"
        (lambda text: re.sub(r"(?<=,)(?=,)", "NA", text), "utf-8"),  # R: empty columns come back as NA
        (lambda text: re.sub("^(?=.)", '"1",', text, flags=re.M), "utf-8"),  # its row names
    ],
)
def test_what_spreadsheets_and_r_write(
    written: Path, tmp_path: Path, change: Callable[[str], str], encoding: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(change((written / "k.csv").read_text()).encode(encoding))
    ours, theirs = KeypointFile(written / "k.csv", _known()), KeypointFile(path, _known())
    assert ours.lines.keys() == theirs.lines.keys()
    frame = Frame(np.zeros((240, 320, 3), np.uint8), 20, 0)
    one, other = ours.of(frame), theirs.of(frame)
    assert one.hands and len(one.hands) == len(other.hands)
    for pose, same in zip((*one.poses, *one.hands), (*other.poses, *other.hands), strict=True):
        assert (pose.keypoints == same.keypoints).all()
        assert (pose.id, pose.side, pose.body) == (same.id, same.side, same.body)


def test_lines_with_the_mark_that_editors_put_first(written: Path, tmp_path: Path) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        path = tmp_path / f"{encoding}.jsonl"
        path.write_text((written / "k.jsonl").read_text(), encoding=encoding)
        assert KeypointFile(path, {}).lines.keys() == KeypointFile(written / "k.jsonl", {}).lines.keys()
    if hasattr(os, "mkfifo"):
        os.mkfifo(pipe := tmp_path / "pipe")  # as of a shell's <(...)
        threading.Thread(target=lambda: pipe.write_bytes((written / "k.jsonl").read_bytes()), daemon=True).start()
        assert len(KeypointFile(pipe, {}).lines) == 24
    path.write_text(json.dumps({"header": {"source": "für.mp4"}}, ensure_ascii=False), encoding="latin-1")
    with pytest.raises(InputError, match="save it as UTF-8"):
        KeypointFile(path, {})


def test_pictures_are_known_by_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    header = {"header": {"skeleton": "body", "joints": list(BODY.joints), "limbs": []}}
    lines = [header]
    for place, name in enumerate(("b.png", "a.png")):
        cv2.imwrite(str(folder / name), np.full((60, 80, 3), 70, np.uint8))
        joints = [[20.0 + 40 * place, 30.0, 1.0]] * len(BODY)
        lines.append({"index": place, "time": 0.0, "file": name, "poses": [{"id": 1, "keypoints": joints}]})
    path = tmp_path / "k.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert "somebody drawn in 2" in draw(folder, path, "-o", tmp_path / "out")
    for name, x in (("b.png", 20), ("a.png", 60)):
        changed = np.argwhere((cv2.imread(str(tmp_path / "out" / name)) != 70).any(axis=2))
        assert abs(changed[:, 1].mean() - x) < 2


def _named(rows: list[tuple[int, str, float]], path: Path) -> KeypointFile:
    """A file, in the form that its name says, with a neck at x for each (index, picture's name, x)."""
    if path.suffix == ".csv":
        lines = [f"{index},{name},body,1,neck,{x},7,1" for index, name, x in rows]
        path.write_text("\n".join(["index,file,skeleton,id,joint,x,y,score", *lines]))
    else:
        header = {"header": {"skeleton": "body", "joints": list(BODY.joints)}}
        poses = [[{"id": 1, "keypoints": [[x, 7, 1]] * len(BODY)}] for *_, x in rows]
        lines = [json.dumps({"index": at[0], "file": at[1], "poses": one}) for at, one in zip(rows, poses, strict=True)]
        path.write_text("\n".join([json.dumps(header), *lines]))
    return KeypointFile(path, KNOWN)


def _necks(file: KeypointFile, names: list[str]) -> list[float | None]:
    frames = [(Frame(np.zeros((60, 80, 3), np.uint8), place, 0), name) for place, name in enumerate(names)]
    found = [file.of(frame, name).poses for frame, name in frames]
    return [float(poses[0].keypoints[BODY.index("neck"), 0]) if poses else None for poses in found]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_no_picture_gets_the_joints_of_another(tmp_path: Path, kind: str) -> None:
    file = _named([(0, "a.png", 10), (1, "b.png", 20)], tmp_path / f"folder.{kind}")
    assert _necks(file, ["0.png", "a.png", "b.png"]) == [None, 10, 20]  # one more since
    assert _necks(file, ["b.png"]) == [20]
    joined = _named([(0, "a.png", 10), (0, "b.png", 20)], tmp_path / f"joined.{kind}")
    assert _necks(joined, ["a.png", "b.png"]) == [10, 20] and len(joined.used) == 2
    copied = _named([(0, "a.png", 10)], tmp_path / f"copied.{kind}")
    assert _necks(copied, ["0.png", "a.png"]) == [None, 10]
    copy = Frame(np.zeros((60, 80, 3), np.uint8), 0, 0)
    assert copied.of(copy, "copy of a.png", alone=True).poses
    film = file.of(Frame(np.zeros((60, 80, 3), np.uint8), 1, 0))  # of the folder
    assert film.poses[0].keypoints[BODY.index("neck"), 0] == 20


def test_own_joints_come_with_the_file_or_by_their_recipe(tmp_path: Path) -> None:
    line = {"index": 0, "poses": [{"id": 1, "keypoints": [[5, 6, 1], [7, 8, 1]]}]}
    path = tmp_path / "tail.jsonl"
    header = {"header": {"skeleton": "mouse", "joints": ["nose", "tail"], "limbs": [[0, 1]]}}
    path.write_text(f"{json.dumps(header)}\n{json.dumps(line)}\n")
    frame = Frame(np.zeros((60, 80, 3), np.uint8), 0, 0)
    result = KeypointFile(path, {}).of(frame)
    assert result.skeleton.joints == ("nose", "tail") and result.skeleton.limbs == ((0, 1),)
    table = tmp_path / "tail.csv"
    table.write_text("index,skeleton,id,joint,x,y,score\n0,mouse,1,tail,7,8,1\n")
    with pytest.raises(InputError, match=r"line 2: 'mouse' is no skeleton that is known; give its recipe"):
        KeypointFile(table, KNOWN)
    mouse = Recipe("mouse", result.skeleton, "tiny", path).skeleton
    again = KeypointFile(table, {"mouse": Whose(mouse, 0.5, 0.4)}).of(frame)
    assert again.poses[0].keypoints.tolist() == [[0, 0, 0], [7, 8, 1]]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.jsonl", "", "it is empty"),
        ("a.jsonl", "nothing\n", "line 1: "),
        ("a.jsonl", '{"index": 0, "poses": []}\n', "line 1: there is no header before it"),
        ("a.jsonl", '{"header": {"skeleton": "body"}}\n', "line 1: 'joints' is missing"),
        ("a.jsonl", 'HEADER\n{"index": 0}\n', "line 2: 'poses' is missing"),
        ("a.jsonl", 'HEADER\n{"index": 0, "poses": [{"keypoints": [[1, 2, 3]]}]}\n', "line 2: keypoints are 14 rows"),
        ("a.jsonl", 'HEADER\n{"index": 0, "poses": [{"keypoints": ROWS}]}\n', "line 2: keypoints are rows of x, y and"),
        ("a.jsonl", 'HEADER\n{"index": 1e999, "poses": []}\n', "line 2: inf is no whole number"),
        ("a.jsonl", 'HEADER\n{"index": 1.5, "poses": []}\n', "line 2: 1.5 is no whole number"),
        ("a.jsonl", 'HEADER\n{"index": 0, "poses": [], "width": 0.5, "height": 9}\n', "line 2: 0.5 is no whole number"),
        ("a.jsonl", 'HEADER\n{"index": 0, "poses": [], "width": -5, "height": 9}\n', "line 2: a picture's width"),
        ("a.jsonl", 'HEADER\n{"index": 0, "poses": [{"keypoints": JOINTS, "box": [1, 2]}]}\n', "line 2: a box is x, y"),
        ("a.jsonl", '{"header": {"skeleton": "a", "joints": ["a"], "limbs": [[0, 1]]}}\n', "line 1: limbs are pairs"),
        ("a.jsonl", '{"header": {"skeleton": "a", "joints": "a", "limbs": [[0, 1]]}}\n', "line 1: "),
        ("a.csv", "index,skeleton,id,joint,x,y,score,width,height\n0,body,1,neck,7,8,1,-1,-1\n", "line 2: a picture's"),
        ("a.csv", "x,y\n1,2\n", "it has no column 'index'"),
        ("a.csv", "index,skeleton,id,joint,x,y,score\n0,body,1,tail,7,8,1\n", "line 2: body has no joint 'tail'"),
        ("a.csv", "index,skeleton,id,joint,x,y,score\n0.5,body,1,neck,7,8,1\n", "line 2: '0.5' is no whole number"),
        ("a.csv", "index,skeleton,id,joint,x,y,score\n0,body\n", "line 2: "),
        ("a.csv", "index,skeleton,id,joint,x,y,score\n0,body,NA,neck,7,8,1\n", "line 2: 'NA' is no whole number"),
    ],
)
def test_what_is_no_keypoint_file_is_said_with_its_line(tmp_path: Path, name: str, text: str, says: str) -> None:
    header = json.dumps({"header": {"skeleton": "body", "joints": list(BODY.joints)}})
    path = tmp_path / name
    text = text.replace("JOINTS", json.dumps([[1, 2, 3]] * 14)).replace("ROWS", json.dumps([[1, "two", 3]] * 14))
    path.write_text(text.replace("HEADER", header))
    with pytest.raises(InputError, match=says) as error:
        KeypointFile(path, KNOWN)
    assert path.name in str(error.value)


def test_a_box_of_no_numbers_is_none(tmp_path: Path) -> None:
    header = json.dumps({"header": {"skeleton": "body", "joints": list(BODY.joints)}})
    for box, joints in (([float("nan"), 2, 30, 30], [[None] * 3] * 14), ([None] * 4, [[40, 30, 1]] * 14)):
        path = tmp_path / "k.jsonl"
        path.write_text(f"{header}\n{json.dumps({'index': 0, 'poses': [{'keypoints': joints, 'box': box}]})}\n")
        result = KeypointFile(path, {}).of(Frame(np.full((60, 80, 3), 70, np.uint8), 0, 0))
        paint(result, View(joint=NO_MAP, boxes=True))
        assert np.isfinite(result.poses[0].box).all()


def test_keypoints_of_another_film(written: Path, clips: Path, tmp_path: Path) -> None:
    def later(line: dict) -> None:  # type: ignore[type-arg]
        if "index" in line:
            line["index"] += 1000

    other = edited(written / "k.jsonl", tmp_path / "other.jsonl", later)
    ran = CliRunner().invoke(app, ["draw", str(clips / "again.mkv"), str(other), "-o", str(tmp_path / "a.mp4"), "-q"])
    assert ran.exit_code == 1 and "24 of 24 lines" in ran.output


def test_what_cannot_be_read_is_said_as_run_says_it(written: Path, clips: Path, tmp_path: Path) -> None:
    film = (clips / "again.mkv").read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(film[: len(film) // 2])
    ran = CliRunner().invoke(app, ["draw", str(cut), str(written / "k.jsonl"), "-o", str(tmp_path / "a.mp4"), "-q"])
    assert ran.exit_code == 1 and "frames could be read; it is damaged or cut off" in ran.output
    assert "another input" not in ran.output
    folder = tmp_path / "photos"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.full((60, 80, 3), 70, np.uint8))
    (folder / "b.png").write_text("nothing")
    _named([(0, "a.png", 10)], tmp_path / "k.jsonl")
    arguments = ["draw", str(folder), str(tmp_path / "k.jsonl"), "-o", str(tmp_path / "out"), "-q"]
    ran = CliRunner().invoke(app, arguments)
    assert ran.exit_code == 1 and "left out, since they cannot be read: b.png" in ran.output


def test_nothing_that_is_read_is_written_over(written: Path, clips: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked.mkv"
    linked.hardlink_to(written / "k.jsonl")
    assert "are the keypoints themselves" in draw(clips / "again.mkv", written / "k.jsonl", "-o", linked)
    own = tmp_path / "own.mkv"
    own.write_bytes((clips / "again.mkv").read_bytes())
    assert "is the input itself" in draw(own, written / "k.jsonl", "-o", own)
    assert "a camera's frames are gone" in draw("camera:0", written / "k.jsonl", "-o", tmp_path / "a.mp4")
    assert "cannot read" in draw(own, tmp_path / "none.jsonl", "-o", tmp_path / "a.mp4")
