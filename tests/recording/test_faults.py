"""Faults in what is written that no other test noticed: each was put into the code once, and is seen here."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from cpm_live.capture.base import SourceInfo
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Result
from cpm_live.core.skeleton import BODY
from cpm_live.drawing.view import View
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.pipeline.options import Options
from cpm_live.recording.batch import run_batch
from cpm_live.recording.keypoint_table import KeypointTable
from cpm_live.recording.recorder import Recorder
from cpm_live.recording.video import VideoWriter, what_is_there
from tests.fakes import DotEngine


class Camera:
    """Gives pictures at the times they were taken, and knows no others; a person walks."""

    info = SourceInfo("camera", "Fake", live=True, mirror=False, width=320, height=240, fps=10)

    def __init__(self, frames: int = 20) -> None:
        self.frames, self.index = frames, 0

    def read(self) -> Frame | None:
        if self.index == self.frames:
            return None
        image = np.zeros((240, 320, 3), np.uint8)
        image[100:116, 100 + 3 * self.index : 116 + 3 * self.index] = 255
        self.index += 1
        return Frame(image, self.index - 1, 5_000_000_000 + (self.index - 1) * 100_000_000)

    def close(self) -> None: ...


def test_a_cameras_film_takes_as_long_as_was_filmed(tmp_path: Path) -> None:
    machine = PoseMachine("body", engine=DotEngine())
    summary = run_batch(Camera(), machine, tmp_path / "a.mp4", tmp_path / "k.csv")  # type: ignore[arg-type]
    assert summary.seconds == pytest.approx(1.9)
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert [frame.time for frame in film.decode(video=0)] == pytest.approx([n / 10 for n in range(20)], abs=2e-3)
    rows = list(csv.DictReader((tmp_path / "k.csv").open()))
    assert [float(row["time"]) for row in rows[::14]] == pytest.approx([n / 10 for n in range(20)])
    assert [int(row["index"]) for row in rows[::14]] == list(range(20))


@pytest.mark.parametrize("name", ["k.csv", "k.jsonl"])
def test_keypoints_are_the_smoothed_ones(tmp_path: Path, name: str) -> None:
    """As they are drawn."""
    kept = {}
    for smoothing in (0.0, 1.0):
        machine, results = PoseMachine("body", engine=DotEngine(), options=Options(smoothing=smoothing)), []
        run_batch(Camera(), machine, None, tmp_path / name, tell=lambda _, result, r=results: r.append(result))  # type: ignore[arg-type]
        text = (tmp_path / name).read_text()
        if name == "k.csv":
            last = [float(row["x"]) for row in csv.DictReader(text.splitlines())][-14:]
        else:
            last = [x for x, _, _ in json.loads(text.splitlines()[-1])["poses"][0]["keypoints"]]
        assert last == pytest.approx(results[-1].poses[0].keypoints[:, 0].tolist(), abs=0.01)
        kept[smoothing] = last
    assert kept[0.0] != pytest.approx(kept[1.0], abs=0.1)


def test_keypoints_are_whole_where_the_film_cannot_be_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[object] = []

    def fails(self: object, ends: float) -> None:
        raise InputError("cannot write a.mp4: No space left on device")

    close = KeypointTable.close
    monkeypatch.setattr(VideoWriter, "close", fails)
    monkeypatch.setattr(KeypointTable, "close", lambda self: (closed.append(self), close(self)))
    machine = PoseMachine("body", engine=DotEngine())
    with pytest.raises(InputError, match="No space"):
        run_batch(Camera(3), machine, tmp_path / "a.mp4", tmp_path / "k.csv")  # type: ignore[arg-type]
    assert len(closed) == 1 and len((tmp_path / "k.csv").read_text().splitlines()) == 1 + 3 * 14


def test_what_was_taken_from_the_queue_makes_room(tmp_path: Path) -> None:
    """Else a recording loses nearly everything after its first 256 MB."""

    picture = np.zeros((48, 64, 3), np.uint8)
    recorder = Recorder(tmp_path / "a.mp4", lambda _: None, max_bytes=3 * picture.nbytes)
    for index in range(0, 20, 2):
        for one in (index, index + 1):
            recorder.put(Result(Frame(picture.copy(), one, one * 10**7), (), BODY, "body", 1, 0.4), View())
        assert recorder.dropped == 0, index
        assert recorder._take() is not None and recorder._take() is not None


def test_frames_in_which_somebody_is_left_out_are_counted_not_people(tmp_path: Path) -> None:
    machine = PoseMachine("body", engine=DotEngine())
    of_two = lambda frame: replace(type(machine).__call__(machine, frame), left_out=2)  # noqa: E731

    class Crowded:
        recipe, with_hands, options, reset = machine.recipe, False, machine.options, machine.reset
        __call__ = staticmethod(of_two)

    assert run_batch(Camera(3), Crowded(), None, tmp_path / "k.csv").left_out == 3  # type: ignore[arg-type]


def test_a_crash_costs_a_calm_film_a_second_and_no_more(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4", live=True)
    for index in range(300):
        writer.write(np.full((240, 320, 3), 90, np.uint8), index / 30)
    frames, last = what_is_there(tmp_path / "a.mp4")
    assert frames > 250 and last > 8.5
    writer.close()


def test_what_the_disk_refused_at_the_very_end_is_told(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4")
    writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)

    def full(_: bytes) -> int:
        raise OSError(28, "No space left on device")

    class Full:
        write, close, seek, tell = (
            staticmethod(full),
            writer._disk._file.close,
            writer._disk._file.seek,
            writer._disk._file.tell,
        )

    writer._disk._file = Full()  # type: ignore[assignment]
    with pytest.raises(InputError, match=r"cannot write .*No space left"):
        writer.close()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_whoever_ends_a_film_of_a_full_disk_is_told_why(tmp_path: Path, suffix: str) -> None:
    """A batch's last word is what closing says."""
    import resource

    rng = np.random.default_rng(0)
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))
    try:
        writer = VideoWriter(tmp_path / f"a{suffix}")
        with pytest.raises(InputError, match=r"cannot write .*too large"):
            for index in range(90):
                writer.write(rng.integers(0, 255, (96, 128, 3), dtype=np.uint8), index / 30)
        with pytest.raises(InputError, match=r"cannot write .*too large"):
            writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
