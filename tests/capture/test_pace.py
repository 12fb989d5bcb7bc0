"""When frames are given: pace, pauses, slides."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from cpm_live.capture import pace
from cpm_live.capture.base import Source
from cpm_live.capture.demo import DemoSource
from cpm_live.capture.open import SourceRequest, open_source
from cpm_live.capture.thread import CaptureThread
from cpm_live.capture.video import VideoSource
from tests.capture.films import picture, slides


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited each time, by a clock that only waiting moves, and whoever adds to it."""
    taken: list[float] = []
    monkeypatch.setattr(pace, "time", SimpleNamespace(perf_counter=lambda: sum(taken), sleep=taken.append))
    return taken


def test_what_is_left_of_a_long_gap_is_skipped(naps: list[float]) -> None:
    clock = pace.Pace()
    clock.wait(10.0)
    assert naps == [1.0]
    clock.wait(10.5)
    assert naps == pytest.approx([1.0, 0.5]), "the next one comes half a second later, not nine and a half"


def test_a_looping_film_of_one_picture_does_not_spin(tmp_path: Path) -> None:
    source = VideoSource(str(slides(tmp_path / "one.mp4", [0.0])), paced=True, loop=True)
    started = time.monotonic()
    assert all(source.read() is not None for _ in range(4))
    # The first picture is timed from when the file was opened.
    assert time.monotonic() - started >= 2 / (source.info.fps or 30.0)


def test_live_video_is_paced_and_loops(tmp_path: Path) -> None:
    source = open_source(SourceRequest(str(slides(tmp_path / "v.mp4", [0, 0.1, 0.2])), live=True))
    started = time.monotonic()
    indices = [source.read().index for _ in range(7)]  # type: ignore[union-attr]
    assert indices == list(range(7))
    assert time.monotonic() - started >= 0.35
    source.close()


@pytest.mark.parametrize("kind", ["video", "demo"])
def test_a_short_pause_is_not_made_up_for(tmp_path: Path, naps: list[float], kind: str) -> None:
    """Else the picture would jump when it goes on."""
    source: Source
    if kind == "video":
        source = VideoSource(str(slides(tmp_path / "v.mp4", [index / 20 for index in range(20)])), paced=True)
    else:
        source = DemoSource(fps=20.0)
    for _ in range(3):
        source.read()
    naps.append(0.6)
    for _ in range(4):
        source.read()
    source.close()
    assert naps == pytest.approx([0.05] * 2 + [0.6] + [0.05] * 4, abs=2e-3), "as long between two frames as before"


@pytest.mark.parametrize("kind", ["folder", "film"])
def test_one_frame_further_is_another_picture(tmp_path: Path, kind: str) -> None:
    """Also where each is given again and again while it is held."""
    where = tmp_path / "slides.mp4"
    if kind == "film":
        slides(where, [0.0, 8.0, 16.0])
    else:
        where = tmp_path / "slides"
        where.mkdir()
        for value in (0, 10, 20):
            picture(where / f"{value}.png", value)
    frames: list[int] = []
    thread = CaptureThread(
        SourceRequest(str(where)), lambda frame: frames.append(round(int(frame.image[0, 0, 0]), -1)), lambda event: None
    )
    thread.start()
    deadline = time.monotonic() + 5
    while not frames and time.monotonic() < deadline:
        time.sleep(0.01)
    thread.pause(True)
    time.sleep(0.2)
    for _ in range(3):
        before = len(frames)
        thread.step()
        while len(frames) == before and time.monotonic() < deadline:
            time.sleep(0.01)
    thread.stop()
    thread.join(3)
    assert frames[-3:] == [10, 20, 0]


def test_pictures_of_a_film_stand_as_long_as_they_should(tmp_path: Path, naps: list[float]) -> None:
    """Slides: given again meanwhile, so that a stop or another model is heard at once, and the last one, too."""
    where = slides(tmp_path / "v.mkv", [0.0, 3.0, 3.1])
    source = VideoSource(str(where), paced=True, loop=True)
    shown = []
    while not shown or shown[-1][0] != 20:
        frame = source.read()
        assert frame is not None and frame.media_time is not None
        shown.append((round(int(frame.image[0, 0, 0]), -1), frame.index, frame.media_time))
        assert sum(naps) == pytest.approx(frame.media_time, abs=0.01), "at its time"
    values, indices, times = zip(*shown, strict=True)
    assert values == (*[0] * (len(values) - 2), 10, 20) and len(values) > 15 and max(naps) <= 1.0
    assert indices == tuple(range(len(values))) and times[-2:] == pytest.approx((3.0, 3.1), abs=2e-3)


def test_the_last_slide_stands_as_long_as_the_file_says(tmp_path: Path, naps: list[float]) -> None:
    where = tmp_path / "v.gif"
    with av.open(str(where), "w") as out:
        stream = out.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb8"
        for index, seconds in enumerate((0, 4)):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 100 * index, np.uint8), format="bgr24")
            frame = frame.reformat(format="rgb8")
            frame.pts, frame.time_base = seconds * 100, Fraction(1, 100)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    source = VideoSource(str(where), paced=True, loop=True)
    seen = [bool(frame.image.any()) for _ in range(120) if (frame := source.read())]
    # 4 s of the first one, given every tenth of a second until the next is near.
    assert len(seen) == 120 and seen[:5] == [False] * 5
    changes = [index for index in range(1, 120) if seen[index] != seen[index - 1]]
    assert len(changes) >= 3 and 4.0 < sum(naps[: changes[1]]) < 10.0, changes


def test_hours_of_nothing_in_a_broken_file_are_not_waited_for(tmp_path: Path, naps: list[float]) -> None:
    source = VideoSource(str(slides(tmp_path / "v.mkv", [0.0, 20_000.0])), paced=True)
    frames = 1
    while (frame := source.read()) is not None and frame.image[0, 0, 0] < 5:
        frames += 1
        assert sum(naps) < 60 and frames < 400
    assert frame is not None and frame.media_time == pytest.approx(20_000)
    assert sum(naps) > 0.09 * frames, "as quickly as they should come, not all at once"


@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
def test_slides_without_times_of_their_own_go_on(tmp_path: Path, naps: list[float], codec: str) -> None:
    """AVI has none, and reordered pictures not even FFmpeg's: their times are counted on from the one before."""
    where = tmp_path / "v.avi"
    with av.open(str(where), "w") as out:
        stream = out.add_stream(codec, rate=Fraction(1, 2))
        stream.width, stream.height, stream.pix_fmt, stream.options = 64, 48, "yuv420p", {"bf": "2"}
        for value in range(0, 200, 40):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), value, np.uint8), format="bgr24")))
        out.mux(stream.encode(None))
    source = VideoSource(str(where), paced=True)
    shown = []
    while (frame := source.read()) is not None:
        shown.append(round(int(frame.image[0, 0, 0]), -1))
        assert len(shown) < 300
    assert list(dict.fromkeys(shown)) == [0, 40, 80, 120, 160]
