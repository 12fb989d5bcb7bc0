"""A whole input through the machine."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from cpm_live.capture.base import SourceInfo
from cpm_live.capture.images import ImageSource
from cpm_live.capture.video import VideoSource
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Result
from cpm_live.core.skeleton import BODY
from cpm_live.engines.recipe import find
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.pipeline.options import Options
from cpm_live.recording.batch import run_batch
from cpm_live.recording.video import VideoWriter
from tests.capture.films import film, picture
from tests.fakes import DotEngine


class _Searching:
    """A machine that must not take pictures for a film; it leaves somebody out of each."""

    recipe, with_hands, options = find("body"), False, Options()

    def reset(self) -> None: ...

    def find(self, frame: Frame) -> Result:
        return Result(frame, (), BODY, "body", 2, 0.4, left_out=1)


class _Empty:
    """A source without pictures."""

    def __init__(self, info: SourceInfo) -> None:
        self.info = info

    def read(self) -> None: ...


@pytest.mark.parametrize("names", [("me.png",), ("me.png", "you.png")])
def test_pictures_are_searched_and_named_one_by_one(tmp_path: Path, names: tuple[str, ...]) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in names:
        picture(folder / name)
    source = ImageSource(folder if len(names) > 1 else folder / names[0])
    summary = run_batch(source, _Searching(), None, tmp_path / "k.jsonl")  # type: ignore[arg-type]
    assert summary.frames == summary.left_out == len(names)
    header, *lines = [json.loads(line) for line in (tmp_path / "k.jsonl").read_text().splitlines()]
    assert [line["file"] for line in lines] == list(names) and header["header"]["smoothing"] == 0


def test_keypoints_named_csv_are_a_table(tmp_path: Path) -> None:
    picture(tmp_path / "me.png")
    run_batch(ImageSource(tmp_path / "me.png"), _Searching(), None, tmp_path / "k.CSV")  # type: ignore[arg-type]
    assert (tmp_path / "k.CSV").read_text().startswith("index,time,file,skeleton,id")


@pytest.mark.parametrize("name", ["late.mkv", "late.mp4", "late.ts"])
def test_times_lead_back_to_the_players_clock(tmp_path: Path, name: str) -> None:
    """Sound, and other sensors' marks in it, are found by the time from the film's beginning."""
    path = film(tmp_path / name, frames=5, offset=0.5, sound=1)
    run_batch(VideoSource(str(path)), PoseMachine("body", DotEngine()), None, tmp_path / "k.jsonl")
    header, *lines = [json.loads(line) for line in (tmp_path / "k.jsonl").read_text().splitlines()]
    with av.open(str(path)) as shown:
        heard = shown.streams.audio[0]
        starts = float(heard.start_time * heard.time_base)
        times = [frame.time - starts for frame in shown.decode(video=0)]
    assert header["header"]["begins"] > 0.4 and lines[0]["time"] == 0
    assert [header["header"]["begins"] + line["time"] for line in lines] == pytest.approx(times, abs=1e-3)
    run_batch(VideoSource(str(film(tmp_path / "a.mp4", 2))), PoseMachine("body", DotEngine()), None, tmp_path / "l")
    assert json.loads((tmp_path / "l").read_text().splitlines()[0])["header"]["begins"] == 0


class _Camera:
    """Two frames, the first of which was taken two seconds ago."""

    info = SourceInfo("camera", "Fake", live=True, mirror=True, width=64, height=48, fps=10)

    def __init__(self) -> None:
        first = time.perf_counter_ns() - 2_000_000_000
        self._frames = [Frame(np.zeros((48, 64, 3), np.uint8), i, first + i * 100_000_000) for i in range(2)]

    def read(self) -> Frame | None:
        return self._frames.pop(0) if self._frames else None

    def close(self) -> None: ...


def test_a_cameras_times_lead_to_the_clock_on_the_wall(tmp_path: Path) -> None:
    """Else nothing that another machine or sensor has noted can be laid beside them; films know no such clock."""
    before = datetime.now(UTC)
    run_batch(_Camera(), PoseMachine("body", DotEngine()), None, tmp_path / "k.jsonl")
    header, *lines = [json.loads(line) for line in (tmp_path / "k.jsonl").read_text().splitlines()]
    started = datetime.fromisoformat(header["header"]["started"])
    assert [line["time"] for line in lines] == pytest.approx([0, 0.1]) and started.utcoffset() == timedelta(0)
    assert before - timedelta(seconds=2.1) < started < datetime.now(UTC) - timedelta(seconds=1.9)
    path = film(tmp_path / "a.mp4", frames=2)
    run_batch(VideoSource(str(path)), PoseMachine("body", DotEngine()), None, tmp_path / "l.jsonl")
    assert "started" not in json.loads((tmp_path / "l.jsonl").read_text().splitlines()[0])["header"]


def test_keypoints_of_before_stay_where_the_input_cannot_be_read(tmp_path: Path) -> None:
    class Damaged(_Camera):
        def read(self) -> Frame | None:
            raise InputError("damaged")

    (tmp_path / "k.jsonl").write_text("kept")
    with pytest.raises(InputError, match="damaged"):
        run_batch(Damaged(), PoseMachine("body", DotEngine()), None, tmp_path / "k.jsonl")
    assert (tmp_path / "k.jsonl").read_text() == "kept"
    run_batch(_Empty(_Camera.info), _Searching(), None, tmp_path / "k.jsonl")  # type: ignore[arg-type]
    (header,) = (tmp_path / "k.jsonl").read_text().splitlines()
    assert "header" in json.loads(header), "of nothing, too, there is a header"


@pytest.mark.parametrize("name", ["k.jsonl", "k.csv"])
def test_keypoints_of_before_stay_where_nobody_waited_for_the_first_frame(tmp_path: Path, name: str) -> None:
    """Ctrl-C while a stream gives none; the film of before stays, too."""
    info = SourceInfo("stream", "x", live=True, mirror=False)
    (tmp_path / name).write_text("yesterday's")
    (tmp_path / "a.mp4").write_text("yesterday's")
    stopped = run_batch(_Empty(info), _Searching(), tmp_path / "a.mp4", tmp_path / name, stop=lambda: True)  # type: ignore[arg-type]
    assert stopped.cancelled and stopped.frames == 0
    assert (tmp_path / name).read_text() == (tmp_path / "a.mp4").read_text() == "yesterday's"


def test_an_input_knows_nothing_of_the_one_before(tmp_path: Path) -> None:
    """Else whoever was in the last film goes on into this one, with their number and their inertia."""
    machine = PoseMachine("body", engine=DotEngine())
    keypoints = []
    for name, x in (("first", 60), ("second", 200), ("alone", 200)):
        film = VideoWriter(tmp_path / f"{name}.mp4")
        for index in range(4):
            image = np.zeros((240, 320, 3), np.uint8)
            image[100:116, x : x + 16] = 255
            film.write(image, index / 30)
        film.close()
        if name == "alone":
            machine = PoseMachine("body", engine=DotEngine())
        run_batch(VideoSource(str(tmp_path / f"{name}.mp4")), machine, None, tmp_path / f"{name}.jsonl")
        header, *lines = map(json.loads, (tmp_path / f"{name}.jsonl").read_text().splitlines())
        keypoints.append([pose["keypoints"] for line in lines for pose in line["poses"]])
    assert len(keypoints[1]) == 4 and keypoints[1] == keypoints[2]
    assert header["header"]["joint_threshold"] == machine.recipe.joint_threshold
    assert header["header"]["smoothing"] == machine.options.smoothing == 0.5
    assert header["header"]["hollow_threshold"] == machine.recipe.hollow_threshold


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_film_of_before_is_not_given_up_for_keypoints_that_go_nowhere(tmp_path: Path) -> None:
    picture(tmp_path / "me.png")
    (tmp_path / "kept.mp4").write_bytes(b"a film")
    for name in ("kept.mp4", "new.mp4"):
        source = ImageSource(tmp_path / "me.png")
        with pytest.raises(InputError, match="No space left"):
            run_batch(source, _Searching(), tmp_path / name, Path("/dev/full"))  # type: ignore[arg-type]
    assert (tmp_path / "kept.mp4").read_bytes() == b"a film" and not (tmp_path / "new.mp4").exists()
    # Nor for one that cannot be written, which is found out before anything is estimated.
    (tmp_path / "k.jsonl").write_text("kept")
    with pytest.raises(InputError, match="cannot write"):
        run_batch(source, _Searching(), tmp_path / "me.png" / "a.mp4", tmp_path / "k.jsonl")  # type: ignore[arg-type]
    assert (tmp_path / "k.jsonl").read_text() == "kept"


@pytest.mark.parametrize("name", ["k.npz", "k.mp4", "k.csv.gz"])
def test_keypoints_are_not_written_as_what_they_are_not(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "me.png")
    (tmp_path / name).write_bytes(b"kept")
    source = ImageSource(tmp_path / "me.png")
    with pytest.raises(InputError, match=r"cannot write .*: keypoints are JSON lines \(\.jsonl\) or a table \(\.csv\)"):
        run_batch(source, _Searching(), tmp_path / "a.mp4", tmp_path / name)  # type: ignore[arg-type]
    assert (tmp_path / name).read_bytes() == b"kept" and not (tmp_path / "a.mp4").exists()


def test_the_header_has_the_hands_own_thresholds(tmp_path: Path) -> None:
    machine = PoseMachine("body", engine=DotEngine(), options=Options(hands=True, joint_threshold=0.77))
    info = SourceInfo("video", "none", live=False, mirror=False)
    run_batch(_Empty(info), machine, None, tmp_path / "k.jsonl")  # type: ignore[arg-type]
    header = json.loads((tmp_path / "k.jsonl").read_text().splitlines()[0])["header"]
    assert header["joint_threshold"] == 0.77 and header["hands"]["joint_threshold"] == find("hand").joint_threshold


def _lasting(path: Path) -> float:
    with av.open(str(path)) as film:
        return float(film.duration or 0) / av.time_base


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_last_picture_stands_as_long_as_it_did(tmp_path: Path, suffix: str) -> None:
    """A recorded screen that nothing moves on any more is not cut off, and its film goes with its sound."""
    writer = VideoWriter(tmp_path / "a.mp4")
    for index, seconds in enumerate((0.0, 0.1, 0.2, 2.0)):
        writer.write(np.full((48, 64, 3), 40 * index, np.uint8), seconds)
    writer.close(9.0)
    assert _lasting(tmp_path / "a.mp4") == pytest.approx(9.0, abs=0.01)
    source = VideoSource(str(tmp_path / "a.mp4"))
    run_batch(source, PoseMachine("body", engine=DotEngine()), tmp_path / f"out{suffix}", None)
    source.close()
    assert _lasting(tmp_path / f"out{suffix}") == pytest.approx(9.0, abs=0.01)


def test_a_gap_is_not_taken_for_the_length_of_the_last_picture(tmp_path: Path) -> None:
    """Reordered pictures come long before they are shown; what a packet says is when the next one comes."""
    with av.open(str(tmp_path / "a.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=20, options={"bf": "3", "b-adapt": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(24):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 9 * index, np.uint8), format="bgr24")
            frame.pts, frame.time_base = index * 50 + 600_000 * (index > 18), Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    source = VideoSource(str(tmp_path / "a.mp4"))
    while source.read() is not None:
        pass
    assert source.ends == pytest.approx(601.2, abs=0.1)
    source.close()


def test_pictures_that_have_no_times_do_not_say_when_they_are_over(tmp_path: Path) -> None:
    """FFmpeg counts 25 a second of a camera's JPEGs; of one that sends more the last picture stood for minutes."""
    jpeg = cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes()

    class Camera(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=b")
            self.end_headers()
            head = f"--b\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
            with contextlib.suppress(OSError):
                self.wfile.write((head + jpeg + b"\r\n") * 250)

    with ThreadingHTTPServer(("127.0.0.1", 0), Camera) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = VideoSource(f"http://127.0.0.1:{server.server_port}/video")
        count = itertools.count()
        machine, begun = PoseMachine("body", engine=DotEngine()), time.monotonic()
        run_batch(source, machine, tmp_path / "a.mp4", None, stop=lambda: next(count) == 200)
        took = time.monotonic() - begun
        source.close()
        server.shutdown()
    assert _lasting(tmp_path / "a.mp4") < took + 0.1
