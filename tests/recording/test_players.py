"""What other programs make of our films."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import av
import numpy as np
import pytest

from cpm_live.recording.video import VideoWriter


def _boxes(path: Path) -> list[bytes]:
    """The names of an MP4's parts, from the outside."""
    data, names, at = path.read_bytes(), [], 0
    while at < len(data):
        names.append(data[at + 4 : at + 8])
        size = int.from_bytes(data[at : at + 4], "big")
        at += size if size > 1 else int.from_bytes(data[at + 8 : at + 16], "big")
    return names


def test_an_mp4_that_was_ended_is_an_ordinary_one(tmp_path: Path) -> None:
    """Of one in fragments nobody knows the number of pictures, and a browser looks each second of it up by itself."""
    writer = VideoWriter(tmp_path / "a.mp4")
    for index in range(90):
        writer.write(np.full((48, 64, 3), 2 * index, np.uint8), index / 30)
    assert b"moof" in (tmp_path / "a.mp4").read_bytes(), "until then it is in fragments, for a crash"
    writer.close()
    assert b"moof" not in (names := _boxes(tmp_path / "a.mp4")) and names.count(b"mdat") == 1
    with av.open(str(tmp_path / "a.mp4")) as film:
        video = film.streams.video[0]
        assert video.frames == 90 and video.start_time == 0 and float(video.duration * video.time_base) == 3.0


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
def test_a_pipe_gets_fragments(tmp_path: Path) -> None:
    """There is no going back in one."""
    pipe, got = tmp_path / "a.mp4", tmp_path / "got.mp4"
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.write_bytes(pipe.read_bytes()), daemon=True)
    reader.start()
    writer = VideoWriter(pipe)
    for index in range(60):
        writer.write(np.full((48, 64, 3), 2 * index, np.uint8), index / 30)
    writer.close()
    reader.join(10)
    with av.open(str(got)) as film:
        assert sum(1 for _ in film.decode(video=0)) == 60


def test_grey_stays_grey(tmp_path: Path) -> None:
    """Not rounded, every picture has a tint of green."""
    writer = VideoWriter(tmp_path / "a.mkv", quality=1)
    levels = range(0, 256, 15)
    for index, level in enumerate(levels):
        writer.write(np.full((48, 64, 3), level, np.uint8), index / 30)
    writer.close()
    with av.open(str(tmp_path / "a.mkv")) as film:
        for picture, level in zip(film.decode(video=0), levels, strict=True):
            luma, *chroma = (float(np.frombuffer(plane, np.uint8)[: plane.width].mean()) for plane in picture.planes)
            assert chroma == [128, 128] and abs((luma - 16) / 219 * 255 - level) < 1
