from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from cpm_live.capture.demo import DemoSource
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Result
from cpm_live.drawing.view import View
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.recording.recorder import Recorder, _size
from cpm_live.recording.video import VideoWriter, _fit
from tests.fakes import DotEngine


def _decode(path: Path) -> list[tuple[float, np.ndarray]]:
    with av.open(str(path)) as container:
        return [(frame.time, frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]


def _result(index: int, captured_ns: int, machine: PoseMachine) -> Result:
    image = np.full((240, 320, 3), 60, np.uint8)
    image[100:140, 100 + index : 140 + index] = 255
    return machine(Frame(image, index, captured_ns))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_h264_with_the_real_times(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    times = [0.0, 0.033, 0.4, 0.433, 1.0]
    writer = VideoWriter(path)
    for value, seconds in enumerate(times):
        writer.write(np.full((240, 320, 3), 40 * value, np.uint8), seconds)
    writer.close()
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
    frames = _decode(path)
    assert [seconds for seconds, _ in frames] == pytest.approx(times, abs=2e-3)
    assert [round(float(image.mean()) / 40) for _, image in frames] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_what_comes_after_seven_hours_of_nothing_comes_then(tmp_path: Path, suffix: str) -> None:
    """A camera that came back in the morning: in MP4 all that followed would be one instant."""
    path, late = tmp_path / f"a{suffix}", 7 * 3600.0
    writer = VideoWriter(path)
    for seconds in (0.0, 0.1, late, late + 0.1, late + 0.2):
        writer.write(np.full((48, 64, 3), 90, np.uint8), seconds)
    assert writer.frames == 5
    writer.close()
    times = [seconds for seconds, _ in _decode(path)]
    assert times[:2] == pytest.approx([0, 0.1], abs=2e-3)
    assert times[-3:] == pytest.approx([late, late + 0.1, late + 0.2], abs=2e-3)


def test_a_kill_leaves_a_playable_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    writer = VideoWriter(path)
    for index in range(150):
        writer.write(np.random.default_rng(index).integers(0, 255, (120, 160, 3), dtype=np.uint8), index / 30)
    copied = tmp_path / "killed.mp4"  # what a kill would leave on the disk now
    copied.write_bytes(path.read_bytes())
    writer.close()
    played = 0
    with av.open(str(copied)) as container:
        try:
            for _ in container.decode(video=0):
                played += 1
        except av.error.InvalidDataError:
            pass  # the packet that the kill cut in two
    assert played > 30


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_kill_loses_little_of_a_slow_calm_recording(tmp_path: Path, suffix: str) -> None:
    """A slow machine's five results a second of a picture that hardly changes: nothing may wait to fill a block."""
    path = tmp_path / f"a{suffix}"
    writer = VideoWriter(path)
    for index in range(60):
        image = np.full((240, 320, 3), 90, np.uint8)
        image[100:120, index : index + 20] = 200
        writer.write(image, index / 5)
    copied = tmp_path / f"killed{suffix}"
    copied.write_bytes(path.read_bytes())
    writer.close()
    assert len(_decode(copied)) >= 45 and len(_decode(path)) == 60


def test_odd_and_changing_sizes(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mkv")
    writer.write(np.zeros((101, 75, 3), np.uint8), 0)
    writer.write(np.full((50, 300, 3), 255, np.uint8), 0.1)
    writer.close()
    frames = _decode(tmp_path / "a.mkv")
    assert [image.shape for _, image in frames] == [(100, 74, 3)] * 2
    assert frames[1][1][50, 37, 0] > 200 and frames[1][1][5, 37, 0] < 50
    tall = _fit(np.full((100, 20, 3), 200, np.uint8), 100, 100)
    assert (tall[:, 40:60] > 150).all() and tall[:, :38].max() == 0 and tall[:, 62:].max() == 0, "in the middle"
    left = np.repeat(np.uint8([200, 0]), 100)[None, :, None] * np.ones((200, 1, 3), np.uint8)
    assert (_fit(left, 100, 100)[:, :48] > 150).all() and _fit(left, 100, 100)[:, 52:].max() == 0, "not a corner of it"


def test_an_odd_pixel_is_cut_off_not_squeezed(tmp_path: Path) -> None:
    image = np.zeros((101, 75, 3), np.uint8)
    image[:, ::4] = 255
    writer = VideoWriter(tmp_path / "a.mkv", quality=1)
    writer.write(image, 0)
    writer.close()
    ((_, read),) = _decode(tmp_path / "a.mkv")
    assert np.abs(read[:, :, 0].astype(int) - image[:100, :74, 0]).mean() < 12


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_colours_are_told(tmp_path: Path, suffix: str) -> None:
    """Players take HD pictures that say nothing for BT.709."""
    path = tmp_path / f"a{suffix}"
    writer = VideoWriter(path)
    writer.write(np.full((720, 1280, 3), (0, 255, 0), np.uint8), 0.0)
    writer.close()
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.colorspace in (5, 6), "BT.601, which the pictures are made with"
        frame = next(container.decode(video=0))
        assert np.abs(frame.to_ndarray(format="bgr24").astype(int) - (0, 255, 0)).max() < 8


def test_unwritable_places_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"use a name that ends in \.mp4 or \.mkv"):
        VideoWriter(tmp_path / "a.avi")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        VideoWriter(tmp_path / "file" / "a.mp4")


def test_recorder_writes_every_result_on_its_own_frame(tmp_path: Path) -> None:
    machine = PoseMachine("body", engine=DotEngine())
    done = threading.Event()
    recorder = Recorder(tmp_path / "a.mp4", lambda r: done.set())
    recorder.start()
    start = time.perf_counter_ns()
    results = [_result(index, start + index * 50_000_000, machine) for index in range(20)]
    for result in results:
        recorder.put(result, View())
    recorder.finish()
    assert done.wait(10) and recorder.error == ""
    frames = _decode(tmp_path / "a.mp4")
    assert len(frames) == recorder.written == 20
    assert frames[-1][0] == pytest.approx(0.95, abs=2e-3)
    # The overlay is in the file: it differs from the bare frame around the joints.
    for index in (3, 15):
        points = results[index].poses[0].keypoints[:, :2]
        x, y = next(p for p in points if 8 < p[0] < 312 and 8 < p[1] < 232)
        patch = np.s_[int(y) - 4 : int(y) + 5, int(x) - 4 : int(x) + 5]
        drawn, bare = frames[index][1][patch], results[index].frame.image[patch]
        assert np.abs(drawn.astype(int) - bare.astype(int)).mean() > 25
    sidecar = json.loads((tmp_path / "a.json").read_text())
    assert sidecar["frames"] == 20 and sidecar["dropped_by_recorder"] == 0 and sidecar["skipped_by_pose"] == 0


def test_what_does_not_fit_is_counted_and_told(tmp_path: Path) -> None:
    machine = PoseMachine("body", engine=DotEngine())
    done = threading.Event()
    results = [_result(index, index * 33_000_000, machine) for index in (0, 1, 2, 3, 6)]
    # Belief maps wait with their pictures.
    most = 3 * (240 * 320 * 3 + results[0].poses[0].beliefs.nbytes)
    recorder = Recorder(tmp_path / "a.mp4", lambda r: done.set(), max_bytes=most)
    for result in results:
        recorder.put(result, View())
    assert recorder.dropped == 2
    recorder.start()
    recorder.finish()
    assert done.wait(10)
    assert recorder.written == 3 and "2 dropped" in recorder.summary() and "2 skipped" in recorder.summary()
    sidecar = json.loads((tmp_path / "a.json").read_text())
    assert sidecar["dropped_by_recorder"] == 2 and sidecar["skipped_by_pose"] == 2


def test_what_is_written_makes_room_for_more(tmp_path: Path) -> None:
    machine = PoseMachine("body", engine=DotEngine())
    results = [_result(index, index * 33_000_000, machine) for index in range(6)]
    recorder = Recorder(tmp_path / "a.mp4", lambda r: None, max_bytes=2 * _size(results[0]))
    recorder.start()
    for count, result in enumerate(results, 1):
        recorder.put(result, View())
        deadline = time.monotonic() + 20
        while recorder.written < count and not recorder.dropped and time.monotonic() < deadline:
            time.sleep(0.002)
    recorder.finish()
    recorder.join(20)
    assert (recorder.written, recorder.dropped) == (6, 0)


def test_the_belief_maps_of_hands_take_room_too() -> None:
    result = _result(0, 0, PoseMachine("body", engine=DotEngine()))
    with_hands = replace(result, hands=result.poses)
    assert _size(with_hands) - _size(result) == result.poses[0].beliefs.nbytes > 0


def test_a_pause_is_no_part_of_the_film(tmp_path: Path) -> None:
    machine = PoseMachine("body", engine=DotEngine())
    done = threading.Event()
    recorder = Recorder(tmp_path / "a.mp4", lambda r: done.set())
    recorder.start()
    second = 1_000_000_000
    recorder.put(_result(0, 0, machine), View())
    recorder.put(_result(1, second // 10, machine), View())
    recorder.pause(True)
    recorder.put(_result(2, 4 * second, machine), View())  # a step
    recorder.pause(False)
    recorder.put(_result(3, 9 * second, machine), View())
    recorder.put(_result(4, 9 * second + second // 5, machine), View())
    recorder.finish()
    assert done.wait(10) and recorder.error == ""
    wanted = [0, 0.1, 0.1 + 1 / 30, 0.1 + 2 / 30, 0.3 + 2 / 30]
    assert [seconds for seconds, _ in _decode(tmp_path / "a.mp4")] == pytest.approx(wanted, abs=2e-3)


def test_only_frames_of_one_source_can_be_skipped(tmp_path: Path) -> None:
    machine = PoseMachine("body", engine=DotEngine())
    recorder = Recorder(tmp_path / "a.mp4", lambda r: None)
    for generation, index in ((1, 0), (1, 3), (2, 40), (2, 41)):
        recorder.put(replace(_result(index, index * 33_000_000, machine), generation=generation), View())
    assert recorder.skipped == 2


def test_a_full_or_missing_disk_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done: list[Recorder] = []
    recorder = Recorder(tmp_path / "file" / "a.mp4", done.append)
    recorder.start()
    machine = PoseMachine("body", engine=DotEngine())
    recorder.put(_result(0, 0, machine), View())
    recorder.join(5)
    assert done == [recorder] and "cannot write" in recorder.error
    recorder.put(_result(1, 1, machine), View())  # does not wait or fail


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_full_disk_is_one_line_not_a_crash(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg's muxer crashes the process when it is given more after its header could not be written."""
    monkeypatch.setattr("cpm_live.core.whole_file.claim", lambda path, beside: path)
    path = tmp_path / f"a{suffix}"
    path.symlink_to("/dev/full")
    done: list[Recorder] = []
    recorder = Recorder(path, done.append)
    recorder.start()
    machine = PoseMachine("body", engine=DotEngine())
    for index in range(40):
        recorder.put(_result(index, index * 33_000_000, machine), View())
    recorder.finish()
    recorder.join(20)
    assert done == [recorder] and "No space left" in recorder.error


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_film_whose_last_bytes_are_missing_is_not_called_whole(tmp_path: Path, suffix: str) -> None:
    """FFmpeg does not tell that what it writes at the end went nowhere."""
    import resource

    def write(path: Path, limit: int) -> None:
        rng = np.random.default_rng(0)
        before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
        try:
            writer = VideoWriter(path)
            for index in range(40):
                writer.write(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8), index / 30)
            writer.close()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))

    write(tmp_path / f"a{suffix}", 10_000_000)
    with pytest.raises(InputError, match="too large"):
        write(tmp_path / f"b{suffix}", (tmp_path / f"a{suffix}").stat().st_size - 100)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_disk_that_fills_up_is_told_with_what_there_is(tmp_path: Path, suffix: str) -> None:
    """The encoder and the last fragment hold pictures that never come to the disk."""
    import resource

    path = tmp_path / f"a{suffix}"
    recorder = Recorder(path, lambda r: None)
    machine = PoseMachine("body", engine=DotEngine())
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (96, 128, 3), dtype=np.uint8) for _ in range(160)]
    results = [machine(Frame(image, index, index * 33_000_000)) for index, image in enumerate(noise)]
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, most))
    try:
        recorder.start()
        for result in results:
            recorder.put(result, View())
        recorder.finish()
        recorder.join(60)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
    played = []
    with av.open(str(path)) as film, contextlib.suppress(av.error.InvalidDataError):
        for frame in film.decode(video=0):
            played.append(frame.time)
    assert 0 < len(played) == recorder.written < 159 and recorder.seconds == pytest.approx(played[-1], abs=2e-3)
    assert recorder.dropped == len(results) - recorder.written, recorder.failure()
    told = json.loads(path.with_suffix(".json").read_text())
    assert told["frames"] == len(played) and told["dropped_by_recorder"] == recorder.dropped and told["error"]


def test_names_with_a_colon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    writer = VideoWriter(Path("out12:30.mp4"))
    writer.write(np.zeros((48, 64, 3), np.uint8), 0.0)
    writer.close()
    assert len(_decode(tmp_path / "out12:30.mp4")) == 1


def test_demo_source_through_the_recorder(tmp_path: Path) -> None:
    machine = PoseMachine("body", engine=DotEngine())
    source = DemoSource(frames=4, paced=False)
    recorder = Recorder(tmp_path / "a.mkv", lambda r: None)
    recorder.start()
    while (frame := source.read()) is not None:
        recorder.put(machine(frame), View(mirror=True, boxes=True))
    recorder.finish()
    recorder.join(10)
    assert len(_decode(tmp_path / "a.mkv")) == 4


def test_two_programs_that_record_at_once_have_a_film_each(tmp_path: Path) -> None:
    machine = PoseMachine("body", engine=DotEngine())
    recorders = [Recorder(tmp_path / "a.mp4", lambda r: None) for _ in range(2)]
    for index in range(3):
        for recorder in recorders:
            recorder.put(_result(index, index * 33_000_000, machine), View())
    for recorder in recorders:
        recorder.start()
        recorder.finish()
    for recorder in recorders:
        recorder.join(20)
        assert not recorder.error and recorder.written == 3
    names = {recorder.path.name for recorder in recorders}
    assert names == {"a.mp4", "a-2.mp4"} == {path.name for path in tmp_path.glob("*.mp4")}
    assert {path.name for path in tmp_path.glob("*.json")} == {"a.json", "a-2.json"}


def test_a_recording_replaces_nothing_beside_it_either(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("of another program, or of a.mkv")
    recorder = Recorder(tmp_path / "a.mp4", lambda r: None)
    recorder.put(_result(0, 0, PoseMachine("body", engine=DotEngine())), View())
    recorder.start()
    recorder.finish()
    recorder.join(20)
    assert not recorder.error and recorder.path.name == "a-2.mp4"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-2.json", "a-2.mp4", "a.json"]
    assert (tmp_path / "a.json").read_text() == "of another program, or of a.mkv"


def test_one_frame_is_recorded_however_large_it_is(tmp_path: Path) -> None:
    machine = PoseMachine("body", engine=DotEngine())
    recorder = Recorder(tmp_path / "a.mp4", lambda r: None, max_bytes=10)
    recorder.put(_result(0, 0, machine), View())
    recorder.put(_result(1, 33_000_000, machine), View())
    recorder.start()
    recorder.finish()
    recorder.join(20)
    assert (recorder.written, recorder.dropped, recorder.empty) == (1, 1, False)


def test_nothing_is_left_of_a_film_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = PoseMachine("body", engine=DotEngine())

    def refused(name: str) -> str:
        recorder = Recorder(tmp_path / name, lambda r: None)
        recorder.put(_result(0, 0, machine), View())
        recorder.start()
        recorder.finish()
        recorder.join(20)
        return recorder.error

    assert "use a name that ends in" in refused("a.avi")

    def fails(path: Path, live: bool) -> VideoWriter:
        raise InputError(f"cannot write {path}: no encoder")

    monkeypatch.setattr("cpm_live.recording.video.VideoWriter", fails)
    assert "no encoder" in refused("a.mp4")
    assert not list(tmp_path.iterdir())
