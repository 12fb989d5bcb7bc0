"""Which of a file's pictures are the film, and what is none."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from cpm_live.capture import container
from cpm_live.capture.images import ImageSource
from cpm_live.capture.open import SourceRequest, open_source
from cpm_live.capture.video import VideoSource
from cpm_live.core.errors import InputError
from tests.capture.films import CLOCK, film


def _qualities(path: Path) -> Path:
    """The same film twice, the small one first."""
    with av.open(str(path), "w") as out:
        streams = []
        for width in (64, 160):
            stream = out.add_stream("libx264", rate=20)
            stream.width, stream.height, stream.pix_fmt = width, 3 * width // 4, "yuv420p"
            streams.append(stream)
        for index in range(10):
            for stream in streams:
                picture = np.zeros((stream.height, stream.width, 3), np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
                frame.pts, frame.time_base = round(index / 20 / CLOCK), CLOCK
                out.mux(stream.encode(frame))
        for stream in streams:
            out.mux(stream.encode(None))
    return path


def _song(path: Path) -> Path:
    """With a cover."""
    cover = cv2.imencode(".jpg", np.full((300, 300, 3), 200, np.uint8))[1].tobytes()
    with av.open(str(path), "w", format="mp4") as out:
        sound, picture = out.add_stream("aac", rate=48_000), out.add_stream("mjpeg")
        picture.width = picture.height = 300
        picture.pix_fmt, picture.disposition = "yuvj420p", av.stream.Disposition.attached_pic.value
        out.start_encoding()
        packet = av.Packet(cover)
        packet.stream, packet.pts, packet.dts, packet.time_base = picture, 0, 0, CLOCK
        packet.is_keyframe = True
        out.mux(packet)
        for start in range(0, 48_000, 1024):
            silence = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
            silence.sample_rate, silence.pts, silence.time_base = 48_000, start, Fraction(1, 48_000)
            out.mux(sound.encode(silence))
        out.mux(sound.encode(None))
    return path


def test_the_best_of_several_qualities_is_shown(tmp_path: Path) -> None:
    """As lists of HLS streams have them, in any order."""
    source = VideoSource(str(_qualities(tmp_path / "both.mkv")))
    frame = source.read()
    assert frame is not None and (frame.width, frame.height) == (source.info.width, source.info.height) == (160, 120)
    source.close()


def test_a_songs_cover_is_no_film(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"song\.m4a has no video track"):
        VideoSource(str(_song(tmp_path / "song.m4a")))


def test_notes_are_no_film(tmp_path: Path) -> None:
    """FFmpeg paints the letters of text files."""
    (tmp_path / "notes.txt").write_text("hello\n" * 500)
    with pytest.raises(InputError, match=r"notes\.txt has no video track"):
        VideoSource(str(tmp_path / "notes.txt"))


def test_what_is_no_regular_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no regular file; cameras are camera:0"):
        VideoSource(str(tmp_path))


def test_schemes_in_capitals_are_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Connection refused"):
        open_source(SourceRequest("HTTP://127.0.0.1:9/film.mp4"))


def test_frame_two_comes_before_frame_ten(tmp_path: Path) -> None:
    names = ["f1.png", "f2.png", "f10.png", "f10b.png", "f010.png", "other.png"]
    for name in names:
        cv2.imwrite(str(tmp_path / name), np.zeros((8, 8, 3), np.uint8))
    order = [path.name for path in ImageSource(tmp_path).paths]
    assert order == ["f1.png", "f2.png", "f010.png", "f10.png", "f10b.png", "other.png"]


def test_a_picture_that_stays_for_long_is_not_a_piece_that_is_missing(tmp_path: Path) -> None:
    """Screen recorders write a picture when something changes."""
    path = tmp_path / "screen.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(20):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")
            frame.pts, frame.time_base = round(index / 20 / CLOCK), CLOCK
            for packet in stream.encode(frame):
                out.mux(packet)
        rest = list(stream.encode(None))
        rest[-1].duration = round(4 / (rest[-1].time_base or CLOCK))
        out.mux(rest)
    source = VideoSource(str(path))
    count = 0
    while source.read() is not None:
        count += 1
    assert count == 20 and source.ends == pytest.approx(4.95, abs=0.1)
    assert source.info.frames is not None and source.info.frames > 40, "what the header promises"
    source.close()


def test_a_film_that_begins_after_its_sound_is_whole(tmp_path: Path) -> None:
    path = film(tmp_path / "late.mkv", 40, offset=3.0, sound=5.0)
    assert VideoSource(str(path)).info.frames == pytest.approx(40, abs=1)


@pytest.mark.parametrize("alone", [False, True])
def test_a_film_beside_one_that_nobody_can_decode(tmp_path: Path, alone: bool) -> None:
    path = tmp_path / "both.mkv"
    with av.open(str(path), "w") as out:
        streams = [out.add_stream(codec, rate=20) for codec in (("libvpx",) if alone else ("libvpx", "mpeg4"))]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(10):
            for stream in streams:
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 9 * index, np.uint8), format="bgr24")
                out.mux(stream.encode(frame))
        for stream in streams:
            out.mux(stream.encode(None))
    path.write_bytes(path.read_bytes().replace(b"V_VP8", b"V_XY8"))
    if alone:
        with pytest.raises(InputError, match=r"cannot decode .*both\.mkv"):
            VideoSource(str(path))
        return
    source = VideoSource(str(path))
    count = 0
    while source.read() is not None:
        count += 1
    source.close()
    assert count == 10


def test_a_film_half_of_which_never_came_does_not_pass_for_whole(tmp_path: Path) -> None:
    """A download that was given its room first: the header is whole, and promises all of it."""
    path = film(tmp_path / "half.mp4", 100, codec="mpeg2video", options={"movflags": "+faststart"}, rate=25)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    source = VideoSource(str(path))
    count = 0
    while source.read() is not None:
        count += 1
    assert 10 < count < 90 and source.info.frames == pytest.approx(100, abs=2)
    assert source.ends < 0.9 * 4
    source.close()


@pytest.mark.skipif(not hasattr(av.stream, "Discard"), reason="PyAV before 18 fetches all of a stream")
def test_of_several_tracks_the_film_and_its_sound_are_fetched(tmp_path: Path) -> None:
    """Sound that goes on says that the sender is there, where pictures are rare."""
    with av.open(str(film(tmp_path / "song.mkv", 5, sound=1.0))) as opened:
        container.film_of(opened)
        assert [stream.discard for stream in opened.streams] == [av.stream.Discard.default] * 2
    with av.open(str(_qualities(tmp_path / "both.mkv"))) as opened:
        assert container.film_of(opened) is opened.streams.video[1]
        assert opened.streams.video[0].discard == av.stream.Discard.all
