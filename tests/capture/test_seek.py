"""Going elsewhere in a film."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.error import FFmpegError

from cpm_live.capture.base import Seekable
from cpm_live.capture.images import ImageSource
from cpm_live.capture.open import SourceRequest
from cpm_live.capture.thread import CaptureThread
from cpm_live.capture.video import VideoSource
from cpm_live.core.frame import Frame
from tests.capture.films import film, picture, slides
from tests.capture.test_thread import Log, wait_until


def _number(frame: Frame | None, levels: Sequence[float] = tuple(4.87 * n for n in range(40))) -> int:
    """Which of the film's pictures it is: each is about five levels brighter than the one before."""
    assert frame is not None
    return int(np.abs(np.array(levels) - frame.image.mean()).argmin())


def _levels(path: Path) -> list[float]:
    source, levels = VideoSource(str(path)), []
    while (frame := source.read()) is not None:
        levels.append(float(frame.image.mean()))
    source.close()
    return levels


@pytest.mark.parametrize("gop", [100, 8])
@pytest.mark.parametrize(
    ("name", "codec", "offset"),
    [
        ("a.mp4", "libx264", 0.0),
        ("a.mkv", "libx264", 7.5),
        ("a.ts", "libx264", 3.0),
        ("b.ts", "mpeg2video", 0.0),
        ("a.avi", "mpeg4", 0.0),
    ],
)
def test_the_picture_at_any_time(tmp_path: Path, name: str, codec: str, offset: float, gop: int) -> None:
    path = film(tmp_path / name, 40, offset, codec=codec, gop=gop)
    number_of = partial(_number, levels=_levels(path))
    source = VideoSource(str(path))
    assert isinstance(source, Seekable) and source.info.seconds == pytest.approx(2.0, abs=0.11)
    assert [number_of(source.read()) for _ in range(3)] == [0, 1, 2]
    # Forth and back, between two pictures, and again where it was.
    for seconds, number in ((1.0, 20), (0.52, 10), (1.9, 38), (0.0, 0), (0.04, 0), (1.0, 20)):
        source.seek(seconds)
        frame = source.read()
        assert number_of(frame) == number and frame is not None
        assert frame.media_time == pytest.approx(number / 20, abs=2e-3)
        assert number_of(source.read()) == number + 1
    source.seek(99.0)
    assert number_of(source.read()) == 39 and source.read() is None
    source.seek(0.5)
    assert [number_of(source.read()) for _ in range(2)] == [10, 11]
    source.close()


def test_a_looping_film_goes_on_from_there_at_its_pace(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 40)
    levels, source = _levels(path), VideoSource(str(path), paced=True, loop=True)
    source.read()
    source.seek(1.85)
    began = time.perf_counter()
    numbers = [_number(source.read(), levels) for _ in range(5)]
    assert numbers == [37, 38, 39, 0, 1] and time.perf_counter() - began > 0.15
    source.close()


def test_a_file_that_cannot_be_gone_through_is_decoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = VideoSource(str(film(tmp_path / "a.mp4", 40)))
    source.read()

    def refuses(*_: object) -> None:
        raise FFmpegError(1, "not permitted", "a.mp4")

    class Unseekable:
        """PyAV before 17 does not let its own be patched."""

        def __init__(self, container: Any) -> None:
            self._container, self.seek = container, refuses

        def __getattr__(self, name: str) -> Any:
            return getattr(self._container, name)

    monkeypatch.setattr(source, "_container", Unseekable(source._container))
    source.seek(1.0)
    assert _number(source.read()) == 20
    source.close()


def test_slides_are_gone_through_too(tmp_path: Path) -> None:
    slides(tmp_path / "a.mp4", [0.0, 5.0, 9.0])
    source = VideoSource(str(tmp_path / "a.mp4"))
    for seconds, level in ((7.0, 10), (4.9, 0), (9.5, 20)):
        source.seek(seconds)
        frame = source.read()
        assert frame is not None and frame.image.mean() == pytest.approx(level, abs=3)
    source.close()


def test_one_picture_back_however_uneven_their_times_are(tmp_path: Path) -> None:
    times = [0.0, 0.02, 0.04, 0.5, 0.533, 2.0, 2.001, 3.0]
    slides(tmp_path / "a.mp4", times)
    source, frames = VideoSource(str(tmp_path / "a.mp4")), []
    while (frame := source.read()) is not None:
        frames.append(frame)
    told = [frame.media_time for frame in frames]
    at: float | None = told[-1]
    walked = []
    for _ in range(len(times)):
        assert at is not None
        source.seek(at, before=True)
        frame = source.read()
        assert frame is not None
        walked.append(at := frame.media_time)
    # Before the first there is none; two that are as good as at once are one.
    assert walked == [t for t in reversed(told[:-1]) if t != told[5]] + [told[0]] * 2
    source.close()


def test_a_damaged_end_shows_what_came_before_it(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", 80, gop=10)
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4 : len(data) - 400] = b"\xff" * (len(data) - 400 - len(data) * 3 // 4)
    path.write_bytes(bytes(data))
    source = VideoSource(str(path))
    source.read()
    for seconds in (3.9, 1.0, 3.5):
        source.seek(seconds)
        frame = source.read()
        assert frame is not None and frame.media_time is not None and frame.media_time <= seconds
    source.close()


def test_looking_for_a_time_is_given_up_when_nobody_wants_it_any_more(tmp_path: Path) -> None:
    source = VideoSource(str(film(tmp_path / "a.mp4", 200)))
    asked: list[int] = []

    def wanted() -> bool:
        asked.append(1)
        return len(asked) < 10

    source.seek(9.0, wanted=wanted)
    assert len(asked) < 15
    source.seek(5.0)
    frame = source.read()
    assert frame is not None and frame.media_time == pytest.approx(5.0, abs=2e-3)
    source.close()


@pytest.mark.parametrize("second", [5000.0, 1.0])
def test_a_film_that_turns_out_to_be_joined_has_no_length(tmp_path: Path, second: float) -> None:
    for name, offset in (("a.ts", 1.0), ("b.ts", second)):
        film(tmp_path / name, 40, offset)
    joined = tmp_path / "both.ts"
    joined.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    log = Log()
    thread = CaptureThread(SourceRequest(str(joined), live=False), log.frames.append, log.events.append)
    thread.start()
    thread.join(10)
    infos = [event.info for event in log.events if event.kind == "opened"]
    assert len(infos) == 2 and infos[0] is not None and infos[1] is not None
    assert infos[0].seconds > 0 and infos[1].seconds == 0
    times = [frame.media_time for frame in log.frames]
    assert len(times) == 80 and np.allclose(np.diff(times), 0.05, atol=2e-3)  # type: ignore[arg-type]


def test_one_back_from_a_slide_is_the_one_before_it(tmp_path: Path) -> None:
    slides(tmp_path / "a.mp4", [0.0, 1.5, 3.0])
    log = Log()
    thread = CaptureThread(SourceRequest(str(tmp_path / "a.mp4")), log.frames.append, log.events.append)
    thread.start()
    thread.seek(1.5)
    wait_until(lambda: bool(log.frames) and (log.frames[-1].media_time or 0) > 1.7)
    thread.pause(True)
    time.sleep(0.3)
    thread.back()
    wait_until(lambda: log.frames[-1].media_time == 0.0)
    assert log.frames[-1].media_time == 0.0
    thread.stop()
    thread.join(5)


def test_what_has_no_length_is_not_gone_through(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    assert ImageSource(tmp_path / "a.png", hold=1.0).info.seconds == 0
    picture(tmp_path / "b.png")
    assert ImageSource(tmp_path).info.seconds == 0, "read once, one after the other"
    raw = tmp_path / "a.h264"
    with av.open(str(raw), "w", "h264") as out:
        stream = out.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(4):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")))
        out.mux(stream.encode(None))
    source = VideoSource(str(raw))
    assert source.info.seconds == 0
    source.close()


def test_a_paused_film_shows_where_it_was_sent(tmp_path: Path) -> None:
    log = Log()
    path = film(tmp_path / "a.mp4", 40)
    thread = CaptureThread(SourceRequest(str(path)), log.frames.append, log.events.append)
    thread.start()
    wait_until(lambda: len(log.frames) > 2)
    thread.pause(True)
    time.sleep(0.3)
    given = len(log.frames)
    for seconds in (0.2, 0.3, 1.5):
        thread.seek(seconds)
    wait_until(lambda: log.frames[-1].media_time == pytest.approx(1.5, abs=2e-3))
    assert _number(log.frames[-1]) == 30
    time.sleep(0.3)
    assert given < len(log.frames) <= given + 3, "it still stands still"
    thread.step()
    wait_until(lambda: _number(log.frames[-1]) == 31)
    thread.stop()
    thread.join(5)
    assert _number(log.frames[-1]) == 31


def test_a_folder_is_gone_through_picture_by_picture(tmp_path: Path) -> None:
    for number in range(5):
        picture(tmp_path / f"{number}.png")
    (tmp_path / "3.png").write_bytes(b"no picture")
    source = ImageSource(tmp_path, hold=0.3)
    assert isinstance(source, Seekable) and source.info.seconds == pytest.approx(1.5)

    def shown() -> tuple[str, float | None]:
        frame = source.read()
        return source.current.name, frame and frame.media_time

    assert shown() == ("0.png", 0.0)
    source.seek(0.7)
    assert [shown(), shown()] == [("2.png", pytest.approx(0.6)), ("2.png", pytest.approx(0.7))]
    source.seek(0.6, before=True)
    assert shown()[0] == "1.png"
    source.seek(0.0, before=True)
    assert shown()[0] == "0.png"
    source.seek(99)
    assert shown()[0] == "4.png"
    for _ in range(2):
        shown()
    assert shown() == ("0.png", 0.0), "and it begins again"
    source.seek(0.9)
    assert shown() == ("4.png", pytest.approx(0.9)), "instead of what cannot be read"
    assert source.info.seconds == pytest.approx(1.2) and source.info.frames == 4 and source.left_out == ["3.png"]


def test_the_last_picture_of_a_folder_may_be_damaged(tmp_path: Path) -> None:
    for number in range(3):
        picture(tmp_path / f"{number}.png")
    (tmp_path / "2.png").write_bytes(b"no picture")
    source = ImageSource(tmp_path, hold=0.1)
    frames = [source.read() for _ in range(6)]
    times = [frame and frame.media_time for frame in frames]
    assert times == pytest.approx([0.0, 0.1, 0.0, 0.1, 0.0, 0.1])
    assert [frame and frame.index for frame in frames] == list(range(6))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_what_no_other_picture_needs_is_not_decoded_on_the_way(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In 4K each of them takes 10 ms, and from one picture that needs no other to the next there are often 250."""
    path = film(tmp_path / name, 120, gop=200, step=2)
    whole = VideoSource(str(path))
    pictures = []
    while (frame := whole.read()) is not None:
        pictures.append(frame)
    whole.close()
    decoded = 0
    decode = VideoSource._decode

    def count(source: VideoSource) -> av.VideoFrame | None:
        nonlocal decoded
        decoded += 1
        return decode(source)

    source = VideoSource(str(path), paced=True, loop=True)
    monkeypatch.setattr(VideoSource, "_decode", count)
    for at in (*range(90, 102), 119, 3):
        decoded = 0
        source.seek(pictures[at].media_time or 0.0)
        assert decoded < 0.75 * at or at < 10
        for expected in pictures[at : at + 4]:
            source.next_picture()
            got = source.read()
            assert got is not None and got.media_time == pytest.approx(expected.media_time, abs=2e-3)
            assert np.array_equal(got.image, expected.image)
    source.close()
