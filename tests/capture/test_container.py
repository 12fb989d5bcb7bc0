"""Files as others write them: what they say of themselves is not always so."""

from __future__ import annotations

import threading
from fractions import Fraction
from functools import partial
from http.server import ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest

from cpm_live.capture import container
from cpm_live.capture.base import SourceLost
from cpm_live.capture.images import ImageSource
from cpm_live.capture.video import VideoSource
from cpm_live.core.address import file_name, without_password
from cpm_live.core.errors import InputError
from tests.capture.films import QuietHandler, film


def _read(source: VideoSource) -> list[float | None]:
    times = []
    try:
        while (frame := source.read()) is not None:
            times.append(frame.media_time)
    except SourceLost:
        pass  # how a live stream ends
    source.close()
    return times


@pytest.mark.parametrize(
    ("name", "more"), [("late.mkv", {"offset": 100.0}), ("song.mkv", {"sound": 6.0}), ("song.mp4", {"sound": 6.0})]
)
def test_a_film_is_as_long_as_its_pictures(tmp_path: Path, name: str, more: dict[str, float]) -> None:
    """However long its sound is, and wherever its times begin: else it would pass for cut off."""
    source = VideoSource(str(film(tmp_path / name, **more)))  # type: ignore[arg-type]
    assert source.info.frames is not None and abs(source.info.frames - 40) <= 1
    assert len(_read(source)) == 40


@pytest.mark.parametrize(("told", "size"), [(4096, 4096), (0, 0), (-38, 0), (None, 0)])
def test_what_is_sent_without_an_end_has_no_size(told: int | None, size: int) -> None:
    """Whichever PyAV says so: up to 18 by a negative number, from 19 on by None."""
    assert container.size(SimpleNamespace(size=told)) == size  # type: ignore[arg-type]


def test_pictures_that_a_trim_has_hidden_do_not_count(tmp_path: Path) -> None:
    """A trim without encoding keeps all pictures from the last key frame on, and hides those before the cut."""
    whole, trimmed = film(tmp_path / "whole.mp4", 100), tmp_path / "trimmed.mp4"
    with av.open(str(whole)) as given, av.open(
        str(trimmed), "w", options={"avoid_negative_ts": "disabled"}
    ) as out:  # fmt: skip
        stream = out.add_stream_from_template(given.streams.video[0])
        cut = round(3.0 / given.streams.video[0].time_base)
        for packet in given.demux(video=0):
            if packet.pts is not None and packet.dts is not None:
                packet.pts, packet.dts, packet.stream = packet.pts - cut, packet.dts - cut, stream
                out.mux(packet)
    source = VideoSource(str(trimmed))
    read = len(_read(source))
    assert read < 60, "the file does hide some: else this shows nothing"
    assert source.info.frames is not None and abs(source.info.frames - read) <= 2


def test_pictures_with_exif_beside_them_are_read(tmp_path: Path) -> None:
    """PyAV does not know that kind of side data; phones write it into every picture."""
    jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
    tiff = b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"
    exif = b"Exif\x00\x00" + tiff
    path = tmp_path / "photo.jfif"
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:])
    source = VideoSource(str(path))
    frame = source.read()
    assert frame is not None and frame.image.shape == (48, 64, 3)
    source.close()


def test_a_tile_is_not_taken_for_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dependent = SimpleNamespace(disposition=av.stream.Disposition.dependent | av.stream.Disposition.default)
    assert container.is_tile(dependent)  # type: ignore[arg-type]
    path = film(tmp_path / "a.mp4", 2)
    VideoSource(str(path)).close()
    monkeypatch.setattr(container, "is_tile", lambda video: True)
    with pytest.raises(InputError, match=r"stored in tiles .HEIC, AVIF.; convert it to JPEG or PNG"):
        VideoSource(str(path))


def test_pictures_of_a_folder_that_are_not_read_are_told(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    for name in ("b.heic", "c.avif", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert ImageSource(tmp_path).left_out == ["b.heic", "c.avif"]


def test_a_recorded_stream_has_its_own_times_where_nobody_watches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file without a length, as browsers record: a batch reads faster or slower than it plays."""
    film(tmp_path / "live.mkv", options={"live": "1"})
    # As of one that a server sends for as long as it lasts.
    monkeypatch.setattr(container, "is_whole", lambda _: False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://anna:secret@127.0.0.1:{server.server_port}/live.mkv"
    source = VideoSource(url)
    assert source.endless
    assert "secret" not in source.info.label and source.info.label.startswith("http://127.0.0.1")
    times = _read(source)
    assert times == pytest.approx([index / 20 for index in range(40)], abs=0.002)
    assert set(_read(VideoSource(url, paced=True))) == {None}, "who watches is told how old a picture is"
    with pytest.raises(InputError) as refused:
        VideoSource(url.replace("live", "none"))
    server.shutdown()
    assert "secret" not in str(refused.value) and "none.mkv" in str(refused.value)


@pytest.mark.parametrize("name", ["a.ts", "a.mkv"])
def test_a_film_is_one_where_its_server_only_sends_it_from_its_beginning(tmp_path: Path, name: str) -> None:
    """It was taken for a live stream: rushed through, lost, and begun again."""
    film(tmp_path / name, options={"live": "1"} if name.endswith("mkv") else {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    source = VideoSource(f"http://127.0.0.1:{server.server_port}/{name}", paced=True, loop=True)
    assert not source.endless and not source.info.live
    times = [frame.media_time for frame in islice(iter(source.read, None), 50)]
    source.close()
    server.shutdown()
    assert len(times) == 50, "it goes on from its beginning"
    assert times[1] - times[0] == pytest.approx(0.05, abs=0.011)


@pytest.mark.parametrize(("kind", "size", "whole"), [
    ("mpegts", 90_000, True), ("gif", 900, True), ("mpegts", -38, False), ("mpegts", 2**63 - 1, False),
    ("h264", 2**31 - 1, False), ("sdp", 148, False), ("hls", 400, False), ("mpjpeg", 9000, False),
    ("jpeg_pipe", 9000, False),
])  # fmt: skip
def test_a_size_alone_makes_no_film(kind: str, size: int, whole: bool) -> None:
    """Descriptions of streams have one of their own, and some cameras invent one."""
    opened = SimpleNamespace(size=size, duration=None, format=SimpleNamespace(name=kind))
    assert container.is_whole(opened) is whole
    assert container.is_whole(SimpleNamespace(size=size, duration=2_000_000, format=opened.format))


def test_a_gif_of_one_picture_is_fetched_once(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "one.gif"), "w") as out:
        stream = out.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gray"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64), 90, np.uint8), format="gray")))
        out.mux(stream.encode(None))
    asked: list[str] = []

    class Counting(QuietHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Counting, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    source = VideoSource(f"http://127.0.0.1:{server.server_port}/one.gif", paced=True, loop=True)
    assert source.info.kind == "image" and all(source.read() is not None for _ in range(4))
    source.close()
    server.shutdown()
    assert asked == ["/one.gif"]


def test_passwords_are_not_shown() -> None:
    assert without_password("rtsp://a:b@host:554/x?y=1") == "rtsp://host:554/x?y=1"
    assert without_password("http://a:b@host/c@d") == "http://host/c@d"
    for same in ("rtsp://host/x", "me@home.mp4", "http://host/a@b", "http://host:80/a@b", "http://[::1]:80/a@b"):
        assert without_password(same) == same


@pytest.mark.parametrize(
    "where",
    [
        *(f"rtsp://admin:to{sign}p#s3cret@host/x" for sign in ("#", "?", "/", "[", "@", "\\")),
        "rtsp://admin:1#s3cret@host/x",
        "http://host/video.cgi?user=admin&pwd=s3cret&channel=1",
        "rtsp://host:554/user=admin_password=s3cret_channel=1_stream=0.sdp",
        "https://host/live.m3u8?access_token=s3cret",
        "srt://host:9000?mode=caller&passphrase=s3cret",
        "http://host/videostream.cgi?loginuse=admin&loginpas=s3cret",
    ],
)
def test_no_spelling_of_a_password_is_shown(where: str) -> None:
    assert "s3cret" not in without_password(where) and "host" in without_password(where)


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("http://host/a/photo%20of%20me.jpg?size=large#x", "photo of me.jpg"),
        ("http://anna:secret@host:80/picture/", "picture"),
        ("http://anna:secret@host:80/?picture=3", "host:80"),
        ("http://[broken/a.jpg", "http://[broken/a.jpg"),
    ],
)
def test_what_lies_behind_a_url_has_a_name(where: str, name: str) -> None:
    assert file_name(where) == name


def test_a_stream_that_is_silent_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "TIMEOUT", 0.3)
    with pytest.raises(InputError, match=r"no answer for 0\.3 seconds"):
        VideoSource("udp://127.0.0.1:23457")


@pytest.mark.parametrize(
    ("aspect", "shown"),
    [(Fraction(4, 3), (85, 48)), (Fraction(8, 9), (64, 54)), (Fraction(1, 255), (64, 48)), (None, (64, 48))],
)
def test_pixels_that_are_not_square_are_shown_square(
    tmp_path: Path, aspect: Fraction | None, shown: tuple[int, int]
) -> None:
    """A circle on an old camcorder's tape is one on the screen, and for the network."""
    source = VideoSource(str(film(tmp_path / "dv.mp4", 2, aspect=aspect)))
    frame = source.read()
    source.close()
    assert frame is not None
    assert (frame.width, frame.height) == (source.info.width, source.info.height) == shown


def test_a_squeezed_picture_is_stretched_as_a_whole() -> None:
    lying = np.zeros((40, 60, 3), np.uint8)
    lying[:, :10] = 255
    picture = av.VideoFrame.from_ndarray(lying, format="bgr24")
    shown = container.as_shown(picture, 2.0)
    assert shown.shape == (40, 120, 3)
    assert shown[:, :18].min() > 200 and shown[:, 22:].max() < 60


@pytest.mark.parametrize(
    ("height", "told", "matrix"), [(720, None, 709), (480, None, 601), (720, 5, 601), (480, 1, 709)]
)
def test_colours_of_films_that_do_not_say_how_they_are_stored_are_those_of_players(
    height: int, told: int | None, matrix: int
) -> None:
    """Of HD films that say nothing FFmpeg thinks as of SD ones: reds and greens are off by 20 levels and more."""
    green = {601: (144.6, 53.8, 34.2), 709: (172.6, 41.7, 26.5)}[matrix]  # of pure green, in studio range
    picture = av.VideoFrame(64 * 16, height, "yuv420p")
    for plane, value in zip(picture.planes, green, strict=True):
        plane.update(bytes((round(value),)) * plane.buffer_size)
    if told is not None:
        picture.colorspace = told
    assert np.abs(container.as_shown(picture).mean((0, 1)) - (0, 255, 0)).max() < 5


def test_a_camcorders_tape_has_25_pictures_a_second(tmp_path: Path) -> None:
    """And not thousands, for which the film of it would be marked as one that few players take."""
    with av.open(str(tmp_path / "a.dv"), "w") as out:
        stream = out.add_stream("dvvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        for index in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((576, 720, 3), 40 * index, np.uint8), format="bgr24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    source = VideoSource(str(tmp_path / "a.dv"))
    assert (source.info.fps, source.info.frames) == (25, 5) and len(_read(source)) == 5


def test_a_picture_that_is_nothing_is_the_one_before(tmp_path: Path) -> None:
    """Theora has it so where nothing moves, as on a screen: such a film passed for damaged."""
    with av.open(str(tmp_path / "a.nut"), "w") as out:
        stream = out.add_stream("mpeg4", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(20):
            for packet in stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")):
                nothing = av.Packet(b"")
                nothing.pts, nothing.dts, nothing.time_base = packet.pts, packet.dts, packet.time_base
                nothing.stream = stream
                out.mux(nothing if index % 4 else packet)
    source = VideoSource(str(tmp_path / "a.nut"))
    assert _read(source) == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8]) and not source.left_out
    assert source.ends >= 0.95


def test_a_track_that_comes_up_in_the_middle_is_no_end() -> None:
    """PyAV looks it up in a list that it made before, and past its end: at times that is an IndexError."""
    packet, end = SimpleNamespace(dts=1, size=1), SimpleNamespace(dts=None, size=0)
    tries = iter([[packet, None], [packet, end, None]])

    def demux(_: object) -> object:
        for given in next(tries):
            if given is None:
                raise IndexError("list index out of range")
            yield given

    film = SimpleNamespace(demux=demux)
    assert list(container.demux(film, None)) == [packet, packet, end]  # type: ignore[arg-type]
