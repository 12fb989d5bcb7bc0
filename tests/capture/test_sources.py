from __future__ import annotations

import threading
from fractions import Fraction
from functools import partial
from http.server import ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av import VideoFrame

from cpm_live.capture.base import Source
from cpm_live.capture.demo import DemoSource
from cpm_live.capture.images import ImageSource
from cpm_live.capture.open import SourceRequest, is_camera, is_demo, open_source
from cpm_live.capture.video import VideoSource
from cpm_live.core.address import is_stream
from cpm_live.core.errors import InputError
from cpm_live.recording.video import VideoWriter
from tests.capture.films import QuietHandler, picture, slides


@pytest.fixture(params=["demo", "image", "folder", "video"])
def finite(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Source, int]:
    """Every kind of source that ends, and how many frames it has: one contract for all."""
    if request.param == "demo":
        return DemoSource(frames=5, paced=False), 5
    if request.param == "image":
        return ImageSource(picture(tmp_path / "a.png")), 1
    if request.param == "folder":
        for name in ("b.png", "a.jpg", "c.bmp"):
            picture(tmp_path / name)
        (tmp_path / "notes.txt").write_text("not a picture")
        return ImageSource(tmp_path), 3
    return VideoSource(str(slides(tmp_path / "v.mp4", [0, 0.1, 0.2, 0.5]))), 4


@pytest.mark.parametrize("piece", [20, 38, 39])
def test_a_damaged_piece_of_a_video_is_left_out_and_told(tmp_path: Path, piece: int) -> None:
    """Also one of the last, which decoders that work ahead would take others along with."""
    path = tmp_path / "clip.mp4"
    writer = VideoWriter(path)
    rng = np.random.default_rng(0)
    for index in range(40):
        writer.write(rng.integers(0, 255, (96, 128, 3), np.uint8), index / 30)
    writer.close()
    with av.open(str(path)) as container:
        pieces = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    at, size = pieces[piece]
    content[at : at + size] = bytes(size)
    path.write_bytes(content)
    source = VideoSource(str(path))
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame.index)
    source.close()
    assert frames == list(range(39)) and len(source.left_out) == 1
    assert source.left_out == [f"the piece at {piece / 30:.2f} s"]


def test_damage_is_told_once_however_often_a_film_goes_round(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each round had a line of the log for each piece, and each seek past one told of it again."""
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as film:
        stream = film.add_stream("mjpeg", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for index in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * index, np.uint8), format="bgr24")
            frame.pts = index
            for packet in stream.encode(frame):
                broken = av.Packet(b"no picture" if index in (4, 5) else bytes(packet))
                broken.pts, broken.dts, broken.time_base = packet.pts, packet.dts, packet.time_base
                broken.stream = stream
                film.mux(broken)
    source = VideoSource(str(path), loop=True)
    for index in range(25):
        assert source.read() is not None
        if index in (12, 20):
            source.seek(0.1)
    source.close()
    assert source.left_out == ["the piece at 0.20 s", "the piece at 0.25 s"]
    assert [record.getMessage().count("left out the piece") for record in caplog.records] == [1, 1]


def test_a_video_of_nothing_but_damage_is_refused(tmp_path: Path) -> None:
    path = slides(tmp_path / "clip.mp4", [0.0, 0.1, 0.2])
    with av.open(str(path)) as container:
        pieces = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    for at, size in pieces:
        content[at : at + size] = bytes(size)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"cannot decode .*clip\.mp4"):
        VideoSource(str(path))


def test_contract(finite: tuple[Source, int]) -> None:
    source, count = finite
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    assert [frame.index for frame in frames] == list(range(count))
    assert all(not frame.image.flags.writeable for frame in frames)
    assert all(a.captured_ns <= b.captured_ns for a, b in pairwise(frames))
    assert all(frame.media_time is not None for frame in frames)
    assert (frames[0].width, frames[0].height) == (source.info.width, source.info.height)
    assert source.info.frames in (count, None)
    assert source.read() is None
    source.close()
    source.close()


def _encoded(path: Path, frames: list[np.ndarray], options: dict[str, str]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.options = "yuv420p", options
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def test_times_go_forward_where_the_file_has_none(tmp_path: Path) -> None:
    """AVI with reordered pictures: FFmpeg makes up times that jump to and fro."""
    rng = np.random.default_rng(0)
    frames = [np.roll(rng.integers(0, 255, (48, 64, 3), np.uint8), 3 * i, axis=1) for i in range(20)]
    source = VideoSource(str(_encoded(tmp_path / "b.avi", frames, {"bf": "3"})))
    times = [frame.media_time for _ in range(30) if (frame := source.read()) is not None]
    assert np.allclose(np.diff(times), 0.04, atol=1e-3) and len(times) == 20


@pytest.mark.parametrize("rate", [60, 2000])
def test_two_pictures_of_one_time_move_none_of_the_others(tmp_path: Path, rate: int) -> None:
    """Matroska rounds to the millisecond. (Of 60 a second two in a row came at once, as after a webcam's pause.)"""
    times = [index / rate for index in range(40)]
    if rate < 1000:
        times[10] = times[11] - 0.0002
    # Four times slower before: what such a film has on average is no step from one picture to the next.
    times = [4 * (index - 40) / rate for index in range(40)] + times
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 60_000)
        for seconds in times:
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")
            frame.pts, frame.time_base = round((seconds - times[0]) * 60_000), Fraction(1, 60_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    source = VideoSource(str(path))
    told = [frame.media_time for _ in range(99) if (frame := source.read()) is not None]
    assert len(told) == len(times) and np.all(np.diff(told) > 0)
    assert np.abs(np.array(told) - times + times[0]).max() < 2e-3


def test_mirrored_files_are_mirrored_not_turned(tmp_path: Path) -> None:
    """Nor are those only turned that are both: a selfie camera's, held upright."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :32], image[:24, 32:] = 255, 80
    path = _encoded(tmp_path / "m.mp4", [image] * 3, {"crf": "1"})
    for matrix, expected in (
        ((-1, 0, 0, 1), image[:, ::-1]),
        ((1, 0, 0, -1), image[::-1]),
        ((-1, 0, 0, -1), image[::-1, ::-1]),
        ((0, 1, 1, 0), image.transpose(1, 0, 2)),
        ((0, -1, -1, 0), image[::-1, ::-1].transpose(1, 0, 2)),
    ):
        data = bytearray(path.read_bytes())
        at = data.index(b"tkhd") + 4 + 40  # the track header's display matrix: a b u c d v x y w
        for place, value in zip((0, 1, 3, 4), matrix, strict=True):
            data[at + 4 * place : at + 4 * place + 4] = int(value * 65536).to_bytes(4, "big", signed=True)
        (tmp_path / "turned.mp4").write_bytes(data)
        source = VideoSource(str(tmp_path / "turned.mp4"))
        # In one piece as it comes: NumPy would copy a turned view pixel by pixel.
        assert all(
            source._shown_picture(one).flags.c_contiguous for one in source._ahead if isinstance(one, VideoFrame)
        )
        frame = source.read()
        assert frame is not None and frame.image.shape == expected.shape, matrix
        assert np.abs(frame.image.astype(int) - expected).mean() < 12, matrix


def test_real_clip_decodes_whole_with_its_times(clips: Path) -> None:
    source = VideoSource(str(clips / "again.mkv"))
    frames = [frame for _ in range(1000) if (frame := source.read()) is not None]
    assert len(frames) == 77 and frames[0].image.shape == (480, 640, 3)
    times = [frame.media_time or 0.0 for frame in frames]
    assert times[0] == 0 and np.allclose(np.diff(times), 1 / 30, atol=2e-3)
    assert 40 < frames[30].image.mean() < 220


def test_variable_times_come_back(tmp_path: Path) -> None:
    times = [0.0, 0.033, 0.5, 0.55, 1.25]
    source = VideoSource(str(slides(tmp_path / "v.mkv", times)))
    assert [source.read().media_time for _ in times] == pytest.approx(times, abs=2e-3)  # type: ignore[union-attr]


def test_portrait_clips_of_phones_stand_upright(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "v.mp4")
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = 255  # the stored picture's top left is the shown picture's top right
    writer.write(picture, 0)
    writer.close()
    data = (tmp_path / "v.mp4").read_bytes()
    one, zero = b"\0\1\0\0", b"\0\0\0\0"
    lying = one + zero * 3 + one + zero * 3
    assert data.count(lying) == 4, "one matrix of the movie, one of the track; before them those of the fragments"
    at = data.rindex(lying)
    turned = zero + one + zero + b"\xff\xff\0\0" + zero * 4
    (tmp_path / "v.mp4").write_bytes(data[:at] + turned + data[at + len(turned) :])
    source = VideoSource(str(tmp_path / "v.mp4"))
    assert (source.info.width, source.info.height) == (48, 64)
    frame = source.read()
    assert frame is not None and frame.image.shape == (64, 48, 3)
    assert frame.image[8, 40, 0] > 200 and frame.image[8, 8, 0] < 50 and frame.image[56, 40, 0] < 50


def test_demo_knows_its_joints() -> None:
    source = DemoSource("body", frames=3, paced=False)
    first = source.read()
    assert first is not None
    joints = source.joints_at(0)
    assert joints.shape == (14, 2)
    # The wrist is painted in the style's skin colour, the background is not.
    x, y = np.round(joints[11]).astype(int)
    assert first.image[y, x, 2] > 180 and first.image[5, 5, 2] < 120
    assert DemoSource("hand").joints_at(10).shape == (21, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no source given"),
        ("nowhere.mp4", "no file or folder nowhere.mp4"),
        ("rtp://me:secret@host:5004", "cannot open rtp://host:5004: streams that can be read begin with rtsp://"),
        ("demo:cat", "unknown demo 'cat'; use demo:body or demo:hand"),
        ("camera:97", "no camera 97"),
        ("camera:Nonesuch 9000", "no camera named 'Nonesuch 9000'"),
        ("http://127.0.0.1:9/none.m3u8", "cannot open http://127.0.0.1:9/none.m3u8 as a stream"),
    ],
)
def test_wrong_sources_get_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        open_source(SourceRequest(text))
    assert "\n" not in str(caught.value)


def test_files_that_are_not_what_they_seem(tmp_path: Path) -> None:
    text = tmp_path / "a.mp4"
    text.write_text("this is not a video " * 50)
    with pytest.raises(InputError, match=r"cannot open .* as a video file"):
        open_source(SourceRequest(str(text)))
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG nonsense")
    with pytest.raises(InputError, match="cannot decode picture"):
        open_source(SourceRequest(str(picture)))
    with pytest.raises(InputError, match=r"cannot use .* as a path|no file or folder"):
        open_source(SourceRequest("x" * 5000))
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "._photo.jpg").write_bytes(b"what macOS leaves")
    with pytest.raises(InputError, match=r"no pictures .* in folder \S+empty$"):
        open_source(SourceRequest(str(empty)))
    (empty / "deeper").mkdir()
    with pytest.raises(InputError, match="folders in it are not looked into"):
        open_source(SourceRequest(str(empty)))


def test_damaged_video_says_where(clips: Path, tmp_path: Path) -> None:
    whole = (clips / "again.mkv").read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole[: len(whole) // 2])
    source = VideoSource(str(cut))
    count = 0
    try:
        while source.read() is not None:
            count += 1
    except InputError as error:
        assert f"after frame {count}" in str(error)
    assert 10 < count < 77


def test_a_file_behind_a_url_plays_to_its_end(tmp_path: Path) -> None:
    slides(tmp_path / "v.mkv", [0, 0.1, 0.2])
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v.mkv"
        source = open_source(SourceRequest(url, live=False))
        assert source.info.kind == "stream" and not source.info.live
        times = [frame.media_time for _ in range(9) if (frame := source.read()) is not None]
        assert times == pytest.approx([0, 0.1, 0.2], abs=2e-3)
        source.close()
        server.shutdown()


def test_streams_are_told_from_files() -> None:
    assert is_stream("rtsp://host/x") and is_stream("HTTP://host/x.m3u8")
    assert not is_stream("/videos/http.mp4") and not is_stream("C:\\clip.mp4")


def test_files_whose_names_begin_like_other_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_demo("demo:hand") and not is_demo("demo.mp4")
    assert is_camera("camera:1") and not is_camera("camera.mp4")
    monkeypatch.chdir(tmp_path)
    for name in ("demo.mp4", "12:30.mp4", " blank.mp4", "blank.mp4 "):
        slides(tmp_path / "film.mp4", [0, 0.1]).rename(name)
        source = open_source(SourceRequest(name))
        assert source.info.kind == "video"
        source.close()


def test_a_bad_picture_does_not_end_the_folder(tmp_path: Path) -> None:
    for name in ("b", "d"):
        picture(tmp_path / f"{name}.png")
    for name in ("a", "c", "e"):
        (tmp_path / f"{name}.png").write_bytes(b"no picture")
    source = ImageSource(tmp_path)
    names = []
    while source.read() is not None:
        names.append(source.current.name)
    assert names == ["b.png", "d.png"] and source.left_out == ["a.png", "c.png", "e.png"]
    live = ImageSource(tmp_path, hold=0.1)
    names = [live.current.name for _ in range(4) if live.read() is not None]
    assert names == ["b.png", "d.png", "b.png", "d.png"]
    for path in tmp_path.iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(InputError, match="cannot decode picture"):
        ImageSource(tmp_path)
