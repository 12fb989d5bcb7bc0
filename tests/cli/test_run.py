"""``cpm-live run``: what it passes on, when it is stopped, and with names that a terminal cannot show."""

from __future__ import annotations

import csv
import json
import os
import shlex
import signal
import socket
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from rich.table import Table
from typer.testing import CliRunner

from cpm_live.capture.base import Source, SourceInfo
from cpm_live.capture.open import SourceRequest
from cpm_live.cli.files import place, refuse_own_input
from cpm_live.cli.main import app
from cpm_live.cli.progress import counted, table_console
from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY
from cpm_live.drawing.view import View
from cpm_live.engines.recipe import Recipe
from cpm_live.pipeline.options import Options
from cpm_live.recording.batch import Summary
from cpm_live.recording.keypoint_table import COLUMNS
from cpm_live.recording.video import VideoWriter
from tests.capture.films import film
from tests.streaming.listener import Listener

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "cpm_live.cli.main", "run"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_stops_it_gets_whole_files(tmp_path: Path, number: signal.Signals) -> None:
    out, keypoints = tmp_path / "a.mp4", tmp_path / "a.jsonl"
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("ignored here, as by jobs in the background: a command leaves it so")
    process = subprocess.Popen(
        [*COMMAND, "demo", "--frames", "100000", "-o", str(out), "-k", str(keypoints), "--threads", "1"],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 90
    while (not keypoints.exists() or keypoints.read_bytes().count(b"\n") < 40) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 128 + number and "what is written so far is whole" in told, told
    lines = [json.loads(line) for line in keypoints.read_text().splitlines()]
    with av.open(str(out)) as film:
        assert sum(1 for _ in film.decode(video=0)) == len(lines) - 1 >= 39


def test_names_that_the_terminal_cannot_show(tmp_path: Path) -> None:
    film = tmp_path / "\u753b.mp4"
    writer = VideoWriter(film)
    for index in range(3):
        writer.write(np.full((96, 128, 3), 90, np.uint8), index / 30)
    writer.close()
    done = subprocess.run(
        [*COMMAND, str(film), "-k", str(tmp_path / "\u753b.jsonl"), "--threads", "1"],
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        timeout=100,
    )
    assert done.returncode == 0 and b"\\u753b.jsonl" in done.stdout, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
def test_the_second_wish_ends_it_while_a_stream_is_silent() -> None:
    """Python's handlers do not run while FFmpeg waits."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        script = (
            "import socket, sys, threading\n"
            "from cpm_live.cli.stopping import asked_to_stop\n"
            "from cpm_live.capture.video import VideoSource\n"
            "with asked_to_stop():\n"
            "    print('in', flush=True)\n"
            f"    VideoSource('tcp://127.0.0.1:{listening.getsockname()[1]}')\n"
        )
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None and process.stdout.readline() == "in\n"
        connection, _ = listening.accept()
        time.sleep(0.3)
        asked = time.monotonic()
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
        assert process.wait(30) == 128 + signal.SIGTERM and time.monotonic() - asked < 3
        connection.close()


def test_joined_recordings_are_told_and_read_to_their_end(tmp_path: Path) -> None:
    content = b"".join(film(tmp_path / f"{start}.ts", 10, start, rate=5).read_bytes() for start in (9005.0, 5.0))
    (tmp_path / "both.ts").write_bytes(content)
    done = subprocess.run(
        [*COMMAND, str(tmp_path / "both.ts"), "-k", str(tmp_path / "k.jsonl"), "--threads", "1"],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0 and "times jump" in done.stderr, done.stderr
    times = [json.loads(line)["time"] for line in (tmp_path / "k.jsonl").read_text().splitlines()[1:]]
    assert len(times) == 20 and times[-1] < 5


def test_keypoints_that_cannot_be_written_leave_the_film_that_is_there(tmp_path: Path) -> None:
    kept, folder = tmp_path / "keep.mp4", tmp_path / "folder"
    kept.write_bytes(b"an hour of work")
    folder.mkdir()
    command = [*COMMAND, "demo", "--frames", "3", "--out", str(kept), "--keypoints", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and f"cannot write {folder}" in done.stderr
    assert kept.read_bytes() == b"an hour of work" and not list(folder.iterdir())


def test_keypoints_are_printed_alone_and_as_they_come() -> None:
    process = subprocess.Popen(
        [*COMMAND, "demo", "--frames", "100000", "-k", "-", "--threads", "1"],
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    # It has hours to go: what is read here was not kept back until the end.
    first, *frames = (json.loads(process.stdout.readline()) for _ in range(4))
    assert first["header"]["joints"] and [line["index"] for line in frames] == [0, 1, 2]
    process.stdout.close()
    told = process.stderr.read().decode()
    assert process.wait(60) == 1 and "Traceback" not in told and "unexpected" not in told, told


def test_the_summary_does_not_come_between_printed_keypoints() -> None:
    done = subprocess.run(
        [*COMMAND, "demo", "--frames", "2", "-k", "-", "--threads", "1"], capture_output=True, timeout=100, text=True
    )
    assert [next(iter(json.loads(line))) for line in done.stdout.splitlines()] == ["header", "index", "index"]
    assert done.returncode == 0 and "2 frames" in done.stderr


def test_drives_without_file_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows, those of sshfs and others: all files there seem to be one."""
    for name in ("clip.mp4", "out.mp4"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    real = Path.stat
    numbers = {"st_dev": 0, "st_ino": 0}
    monkeypatch.setattr(Path, "stat", lambda path, **how: SimpleNamespace(st_mode=real(path, **how).st_mode, **numbers))
    clip = SimpleNamespace(info=SourceInfo("video", "clip.mp4", False, False, files=(tmp_path / "clip.mp4",)))
    refuse_own_input(clip, tmp_path / "out.mp4", None)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="is the input itself"):
        refuse_own_input(clip, tmp_path / "folder" / ".." / "clip.mp4", None)  # type: ignore[arg-type]


def test_what_is_asked_for_reaches_the_machine_and_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    class Machine:
        engine = SimpleNamespace(preset=SimpleNamespace(stages=6))

        def __init__(self, recipe: Recipe, engine: str, threads: int = 0, options: Options | None = None) -> None:
            asked.update(model=recipe.name, engine=engine, threads=threads, options=options)

        def close(self) -> None: ...

    def batch(source: object, machine: object, out: Path, keypoints: Path | None, view: View, *more: object) -> Summary:
        asked["view"] = view
        return Summary(3, 2, 0.1, left_out=1)

    monkeypatch.setattr("cpm_live.pipeline.machine.PoseMachine", Machine)
    monkeypatch.setattr("cpm_live.recording.batch.run_batch", batch)
    words = "run demo --stage 2 --joint left_wrist --boxes --people 3 --smooth 0.2 --region 1,2,300,200 --hands"
    more = ["--threads", "3", "--engine", "cpu", "-o", str(tmp_path / "a.mp4")]
    done = CliRunner().invoke(app, [*words.split(), *more])
    assert done.exit_code == 0, done.output
    assert asked == {
        "model": "body", "engine": "cpu", "threads": 3,
        "options": Options(3, 0.2, (1.0, 2.0, 300.0, 200.0), hands=True),
        "view": View(stage=1, joint=BODY.index("left_wrist"), boxes=True),
    }  # fmt: skip
    assert "more than --people allows in 1" in done.output


def test_a_camera_is_asked_for_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[SourceRequest] = []

    def absent(request: SourceRequest) -> Source:
        asked.append(request)
        raise InputError("no camera")

    monkeypatch.setattr("cpm_live.capture.open.open_source", absent)
    for size in ((), ("--size", "1920x1080")):
        CliRunner().invoke(app, ["run", "camera:0", "--keypoints", "-", *size])
    assert [request.size for request in asked] == [(640, 480), (1920, 1080)]
    wrong = CliRunner().invoke(app, ["run", "camera:0", "--keypoints", "-", "--size", "big"])
    assert "--size 'big' is not a size" in str(wrong.exception) and len(asked) == 2


def test_a_file_called_dash_is_nobodys_output(tmp_path: Path) -> None:
    own = tmp_path / "-"
    own.write_text("my notes")
    process = subprocess.Popen(
        [*COMMAND, "demo", "--frames", "100000", "-k", "-", "--threads", "1"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.wait(60)
    assert own.read_text() == "my notes"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell closes them")
def test_nothing_is_written_into_our_files_where_standard_streams_are_closed(tmp_path: Path) -> None:
    """What libraries print would go to whichever file has got the number of standard error."""
    (tmp_path / "pictures").mkdir()
    _, data = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    jpeg = data.tobytes()
    (tmp_path / "pictures" / "a.jpg").write_bytes(jpeg[:-2] + bytes(34) + jpeg[-2:])
    command = shlex.join([*COMMAND, "pictures", "-k", "k.jsonl"])
    run = subprocess.run(f"{command} 2>told", shell=True, cwd=tmp_path, capture_output=True)
    assert run.returncode == 0 and "extraneous bytes" in (tmp_path / "told").read_text(), "the picture prints nothing"
    lines = (tmp_path / "k.jsonl").read_text()
    run = subprocess.run(f"{command} <&- >&- 2>&-", shell=True, cwd=tmp_path)
    assert run.returncode == 0 and (tmp_path / "k.jsonl").read_text() == lines


def test_a_working_folder_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    try:
        (tmp_path / "gone").rmdir()
    except OSError:
        pytest.skip("Windows keeps it")
    with pytest.raises(InputError, match=r"cannot use --out o\.mp4: the folder that you are in is gone"):
        place("--out", Path("o.mp4"))


def test_a_table_needs_no_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert table_console().width == 140


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps a folder that somebody is in")
def test_keypoints_are_printed_in_a_working_folder_that_is_gone(tmp_path: Path) -> None:
    command = f"mkdir gone; cd gone; rmdir ../gone; {shlex.join([*COMMAND, 'demo', '--frames', '1', '-k', '-'])}"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 2, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_names_that_command_a_terminal(tmp_path: Path) -> None:
    (folder := tmp_path / "pictures").mkdir()
    cv2.imwrite(str(folder / "a.png"), np.full((96, 128, 3), 90, np.uint8))
    (folder / "b\x1b]0;mine\x07.png").write_bytes(b"no picture")
    done = subprocess.run([*COMMAND, str(folder), "-o", str(tmp_path / "out")], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count(r"b\x1b]0;mine\x07.png") == 2, "the warning and the last line"
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("name", ["old [/films]", "[bold]new", ":smile:"])
def test_tables_show_names_as_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (table := Table()).add_row(name)
    table_console().print(table)
    assert name in capsys.readouterr().out
    with counted(name, 1) as tell:
        tell(1)


def test_a_small_file_that_is_a_huge_picture_takes_no_memory(tmp_path: Path) -> None:
    side = 16_400

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(side * (side // 8 + 1)), 9)
    (path := tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    assert path.stat().st_size < 100_000
    env = {name: value for name, value in os.environ.items() if name != "OPENCV_IO_MAX_IMAGE_PIXELS"}
    command = [*COMMAND, str(path), "-k", str(tmp_path / "k.jsonl")]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 2 and "it is too large" in done.stderr, done.stderr


def test_keypoints_of_every_stage(tmp_path: Path) -> None:
    """How belief sharpens, for a notebook; with the film's smoothing in the last stage alone, as it is drawn."""
    command = ["run", "demo", "--frames", "4", "--threads", "1", "--quiet", "--every-stage", "--hands"]
    for name in ("k.jsonl", "k.csv"):
        assert CliRunner().invoke(app, [*command, "-k", str(tmp_path / name)]).exit_code == 0
    lines = [json.loads(line) for line in (tmp_path / "k.jsonl").read_text().splitlines()[1:]]
    with (tmp_path / "k.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [*COLUMNS, "stage"]
    of_bodies = [row for row in rows if row["skeleton"] == "body"]
    assert len(of_bodies) == len(lines) * 6 * len(BODY)
    for line in lines:
        (pose,) = line["poses"]
        assert len(pose["stages"]) == 6 and pose["stages"][-1] == pose["keypoints"]
        first, last = (np.mean([score for _, _, score in pose["stages"][stage]]) for stage in (0, -1))
        assert first < last
        for stage in range(6):
            told = [row for row in of_bodies if row["index"] == str(line["index"]) and row["stage"] == str(stage + 1)]
            table = [[float(row[name]) for name in ("x", "y", "score")] for row in told]
            assert table == pose["stages"][stage]
        assert all(len(hand["stages"]) == 6 for hand in line["hands"])
    refused = CliRunner().invoke(app, [*command, "-o", str(tmp_path / "a.mp4")])
    assert "--every-stage is about keypoints; give --keypoints out.jsonl" in str(refused.exception)


def test_keypoints_of_each_frame_go_to_another_program(tmp_path: Path) -> None:
    listener = Listener()
    told = CliRunner().invoke(app, ["run", "demo", "--frames", "12", "--osc", listener.address])
    assert told.exit_code == 0 and "12 frames" in told.output
    heard = [listener.hear() for _ in range(12)]
    assert [packet["/cpm/frame"][0] for packet in heard if "/cpm/frame" in packet] == list(range(12))
    assert any("/cpm/body/1/neck" in packet for packet in heard)
    listener.close()


def test_keypoints_that_could_not_be_sent_are_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Away(socket.socket):
        def sendto(self, *args: object) -> int:
            raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "socket", Away)
    told = CliRunner().invoke(app, ["run", "demo", "--frames", "4", "--osc", "192.168.1.20:7000"])
    assert told.exit_code == 1 and "keypoints of 4 frames could not be sent to 192.168.1.20:7000" in told.output
    assert caplog.messages == ["keypoints do not reach 192.168.1.20:7000: Network is unreachable"], "at once, and once"


@pytest.mark.parametrize("command", [["run", "demo"], ["--source", "demo"], ["window", "--source", "demo"]])
def test_an_address_that_is_none(command: list[str]) -> None:
    told = CliRunner().invoke(app, [*command, "--osc", "studio:nine"])
    assert isinstance(told.exception, InputError) and "give HOST:PORT" in str(told.exception)


def test_all_stages_side_by_side(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["run", "demo", "--frames", "3", "--side-by-side", "-o", str(tmp_path / "a.mp4")])
    assert told.exit_code == 0, told.output
    with av.open(str(tmp_path / "a.mp4")) as written:
        pictures = [frame.to_ndarray(format="bgr24") for frame in written.decode(video=0)]
    assert len(pictures) == 3 and pictures[0].shape == (960, 1918, 3), "3 x 2 stages of 640x480 within 1920"
    plain = tmp_path / "plain.mp4"
    told = CliRunner().invoke(
        app, ["run", "demo", "--frames", "3", "--side-by-side", "--joint", "none", "-o", str(plain)]
    )
    with av.open(str(plain)) as written:
        bare = [frame.to_ndarray(format="bgr24") for frame in written.decode(video=0)]
    differs = np.abs(bare[-1].astype(int) - pictures[-1]).max(axis=2) > 40
    assert told.exit_code == 0 and differs[:480, :638].sum() > 500, "the belief of all joints glows unless --joint says"
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), pictures[0][:479, :638])
    told = CliRunner().invoke(app, ["run", str(photo), "--side-by-side", "-o", str(tmp_path / "b.png")])
    figure = cv2.imread(str(tmp_path / "b.png"))
    assert told.exit_code == 0 and figure is not None and figure.shape == (2 * 479 + 2, 3 * 638 + 4, 3)
    for wrong in (["-k", str(tmp_path / "a.jsonl")], ["-o", str(tmp_path / "c.mp4"), "--stage", "2"]):
        told = CliRunner().invoke(app, ["run", "demo", "--side-by-side", *wrong])
        assert isinstance(told.exception, InputError) and "--side-by-side draws all stages" in str(told.exception)
