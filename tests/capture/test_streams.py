"""Streams as the world has them: in segments, joined, silent, or no film at all but a picture."""

from __future__ import annotations

import gc
import json
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest

from cpm_live.capture import container, video
from cpm_live.capture import thread as capture_thread
from cpm_live.capture.base import Source, SourceInfo, SourceLost
from cpm_live.capture.open import SourceRequest, open_source
from cpm_live.capture.thread import CaptureThread
from cpm_live.capture.video import VideoSource
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.recording.batch import run_batch
from tests.capture.films import QuietHandler, film
from tests.capture.test_thread import FakeCamera, Log, wait_until
from tests.fakes import DotEngine

FPS = 5


@contextmanager
def _served(folder: Path, playlist: tuple[float, int] | None = None) -> Iterator[tuple[str, list[str]]]:
    """A server of a folder, and what it was asked for; ``playlist``: seconds and number of segments of a live one."""
    asked: list[str] = []
    began = time.monotonic()

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if playlist is None or not self.path.endswith(".m3u8"):
                super().do_GET()
                return
            seconds, count = playlist
            last = min(1 + int((time.monotonic() - began) / seconds), count - 1)
            lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{seconds:.0f}",
                     f"#EXT-X-MEDIA-SEQUENCE:{max(0, last - 3)}"]  # fmt: skip
            for number in range(max(0, last - 3), last + 1):
                lines += [f"#EXTINF:{seconds:.3f},", f"s{number}.ts"]
            self.send_response(200)
            self.end_headers()
            self.wfile.write("\n".join([*lines, ""]).encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@contextmanager
def _sent(pieces: list[bytes], silent: bool) -> Iterator[str]:
    """The address of somebody who sends these to whoever connects first; ``silent``: and then stays, saying nothing."""
    over = threading.Event()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def send() -> None:
            connection, _ = listening.accept()
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.02)
            over.wait(20 if silent else 0)
            connection.close()

        threading.Thread(target=send, daemon=True).start()
        yield f"tcp://127.0.0.1:{listening.getsockname()[1]}"
        over.set()


def test_a_live_stream_of_segments_is_paced_and_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each segment comes at once, and then nothing for as long as it lasts."""
    for number in range(6):
        film(tmp_path / f"s{number}.ts", 2 * FPS, 10 + 2.0 * number, rate=FPS)
    monkeypatch.setattr(container, "TIMEOUT", 0.5)
    with _served(tmp_path, (2.0, 6)) as (url, _):
        source = open_source(SourceRequest(f"{url}/live.m3u8"))
        assert source.info.live
        arrived = []
        for _ in range(6 * FPS):
            assert source.read() is not None
            arrived.append(time.monotonic())
        source.close()
    assert max(np.diff(arrived)) < 1.5, "no segment is waited for longer than it lasts"
    assert arrived[2 * FPS] - arrived[0] > 1, "a segment is not shown at once"


@pytest.mark.parametrize("over", [True, False])
def test_only_a_list_that_is_closed_ends_a_stream_of_segments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, over: bool
) -> None:
    """FFmpeg calls everything that goes wrong with one its end."""
    monkeypatch.setattr(container, "SEGMENT_TIMEOUT", 1.5)
    for number in range(2):
        film(tmp_path / f"s{number}.ts", FPS, 10.0 + number, rate=FPS)
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", "#EXT-X-MEDIA-SEQUENCE:0"]
    lines += [line for number in range(2) for line in ("#EXTINF:1.0,", f"s{number}.ts")]
    (tmp_path / "live.m3u8").write_text("\n".join(lines) + "\n")
    with _served(tmp_path) as (url, _):
        source = VideoSource(f"{url}/live.m3u8")
        assert source.endless
        if over:
            (tmp_path / "live.m3u8").write_text("\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n")
        with pytest.raises(SourceLost) as lost:
            for _ in range(2 * FPS + 1):
                source.read()
        source.close()
    assert lost.value.ended is over


def test_a_photograph_with_its_preview_behind_it_is_one_picture(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    # As large as a photograph, or FFmpeg sees the second one at once and takes both for a film.
    sizes = ((960, 1280), (24, 32))
    jpegs = [cv2.imencode(".jpg", rng.integers(0, 255, (*size, 3), np.uint8))[1].tobytes() for size in sizes]
    (tmp_path / "photo").write_bytes(b"".join(jpegs))
    with _served(tmp_path) as (url, _):
        source = open_source(SourceRequest(f"{url}/photo"))
        shapes = [frame.image.shape[:2] for _ in range(3) if (frame := source.read()) is not None]
        source.close()
    assert shapes == [(960, 1280)] * 3 and source.info.kind == "image"


@pytest.mark.parametrize(("pictures", "silent"), [(1, True), (12, False)])
def test_a_camera_that_sends_bare_jpegs_is_no_photograph(
    monkeypatch: pytest.MonkeyPatch, pictures: int, silent: bool
) -> None:
    monkeypatch.setattr(container, "TIMEOUT", 2.0)
    jpeg, given = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes(), 0
    with _sent([jpeg] * pictures, silent) as url:
        source = open_source(SourceRequest(url))
        assert source.info.kind == "stream" and source.info.live
        with pytest.raises(SourceLost, match="was lost" if silent else "ended") as lost:
            for _ in range(pictures + 1):
                frame = source.read()
                assert frame is not None and frame.media_time is None, "shown as it comes"
                given += 1
        source.close()
    assert given == pictures and lost.value.ended is not silent


@pytest.mark.parametrize("name", ["p.jpg", "p.jpg?size=large", "p.png"])
def test_a_link_to_a_picture_is_fetched_once(tmp_path: Path, name: str) -> None:
    assert cv2.imwrite(str(tmp_path / name.partition("?")[0]), np.full((48, 64, 3), 90, np.uint8))
    with _served(tmp_path) as (url, asked):
        source = open_source(SourceRequest(f"{url}/{name}"))
        asked_before = len(asked)
        frames = [source.read() for _ in range(4)]
        source.close()
        assert len(asked) == asked_before and not source.info.live
        once = open_source(SourceRequest(f"{url}/{name}", live=False))
        assert once.info.kind == "image" and once.read() is not None and once.read() is None
        run_batch(open_source(SourceRequest(f"{url}/{name}", live=False)),
                  PoseMachine("body", engine=DotEngine()), tmp_path / "out.png", tmp_path / "k.jsonl")  # fmt: skip
    assert [frame.index for frame in frames if frame is not None] == [0, 1, 2, 3]
    assert cv2.imread(str(tmp_path / "out.png")).shape == (48, 64, 3)
    _, line = (json.loads(text) for text in (tmp_path / "k.jsonl").read_text().splitlines())
    assert line["file"] == name.partition("?")[0]


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_joined_recordings_go_on_as_one(tmp_path: Path, order: str) -> None:
    """Forwards by an hour; and backwards, which FFmpeg takes for a clock that ran over: a day forwards."""
    parts = {"a": film(tmp_path / "a.ts", 10, 5.0, rate=FPS), "b": film(tmp_path / "b.ts", 10, 3605.0, rate=FPS)}
    (tmp_path / "both.ts").write_bytes(b"".join(parts[one].read_bytes() for one in order))
    source = VideoSource(str(tmp_path / "both.ts"))
    times = [frame.media_time for _ in range(30) if (frame := source.read()) is not None]
    source.close()
    assert len(times) == 20 and source.joined
    assert times == pytest.approx([index / FPS for index in range(20)], abs=0.05)


@pytest.mark.parametrize("suffix", [".avi", ".mp4", ".mkv"])
def test_titles_from_before_unicode_are_no_reason_to_refuse_a_film(tmp_path: Path, suffix: str) -> None:
    path = film(tmp_path / f"old{suffix}", 5, 0.0, rate=FPS, title="CafX au lait")
    content = path.read_bytes()
    assert b"CafX" in content
    path.write_bytes(content.replace(b"CafX", b"Caf\xe9"))
    source = VideoSource(str(path))
    assert sum(source.read() is not None for _ in range(5)) == 5
    source.close()


def test_a_stream_that_falls_silent_has_not_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An overnight run must not report success because the network went away."""
    monkeypatch.setattr(container, "TIMEOUT", 1.0)
    content = film(tmp_path / "s.ts", 30, 0.0, rate=FPS).read_bytes()
    with _sent([content], silent=True) as url:
        source = open_source(SourceRequest(url, live=False))
        with pytest.raises(SourceLost, match="was lost: no answer for 1 seconds"):
            run_batch(source, PoseMachine("body", engine=DotEngine()), None, tmp_path / "k.jsonl")
    assert len((tmp_path / "k.jsonl").read_text().splitlines()) > 20, "what came is kept"


@pytest.mark.parametrize(("pieces", "whole"), [("..x..x.", True), ("..xx...", False)])
def test_only_damage_without_end_ends_a_live_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: str, whole: bool
) -> None:
    """Pieces get lost now and then. Here ``x`` is a picture, and more than two damaged pieces in a row are an end."""
    monkeypatch.setattr(video, "_DAMAGE_LIMIT", 2)

    def decode(piece: str) -> list[str]:
        if piece == ".":
            raise av.error.InvalidDataError(1, "damaged")
        return [piece]

    source = VideoSource(str(film(tmp_path / "a.mp4", 2)))
    source.close()
    packets = [SimpleNamespace(pts=None, dts=None, size=1, pos=0, decode=partial(decode, p)) for p in pieces]
    source.endless, source._container = True, SimpleNamespace(demux=lambda video: packets)  # type: ignore[assignment]
    with nullcontext() if whole else pytest.raises(av.error.InvalidDataError):
        assert list(source._pictures(source._video)) == ["x", "x"]


@pytest.mark.parametrize("steady", [True, False])
def test_what_breaks_off_at_once_again_is_not_asked_ever_faster(monkeypatch: pytest.MonkeyPatch, steady: bool) -> None:
    waits = (0.0, 0.05, 0.2, 9.0)
    monkeypatch.setattr(capture_thread, "_STEADY_S", 0.0 if steady else 60.0)
    monkeypatch.setattr(capture_thread, "BACK_OFF", waits)
    log, opened = Log(), []

    class Brief(FakeCamera):
        info = SourceInfo("stream", "Brief", live=True, mirror=False)

    def opener(request: SourceRequest) -> Brief:
        opened.append(time.monotonic())
        return Brief(1)

    thread = CaptureThread(SourceRequest("http://host/x"), log.frames.append, log.events.append, opener)
    thread.start()
    wait_until(lambda: len(opened) >= (8 if steady else 4))
    time.sleep(0.3)
    thread.stop()
    thread.join(2)
    if steady:
        assert len(opened) >= 8, "what had been well is mended as quickly each time"
    else:
        assert len(opened) == 4 and opened[3] - opened[2] > 0.15


def test_nothing_is_kept_of_a_stream_that_was_lost_and_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera's connection that breaks now and then, for days: each would leave its decoder and that one's threads."""
    monkeypatch.setattr(capture_thread, "BACK_OFF", (0.0,))
    jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
    part = b"--f\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(jpeg), jpeg)

    class Camera(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=f")
            self.end_headers()
            self.wfile.write(part * 3)

    log, opened, kept = Log(), [], []

    def opener(request: SourceRequest) -> Source:
        gc.collect()
        kept.append(sum(source() is not None for source in opened))
        source = open_source(request)
        opened.append(weakref.ref(source))
        return source

    with ThreadingHTTPServer(("127.0.0.1", 0), Camera) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        request = SourceRequest(f"http://127.0.0.1:{server.server_port}/camera")
        thread = CaptureThread(request, log.frames.append, log.events.append, opener)
        thread.start()
        wait_until(lambda: len(opened) >= 5)
        thread.stop()
        thread.join(5)
        server.shutdown()
    assert len(opened) >= 5
    assert max(kept) == 1, "the one that was lost just now, and none before it"


def test_a_film_whose_server_let_go_goes_on_where_it_was(tmp_path: Path) -> None:
    """As servers do with whoever paused for a minute."""
    data = film(tmp_path / "a.mkv", 2000, codec="mpeg4").read_bytes()
    asked: list[int] = []

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
            asked.append(begin)
            self.send_response(206)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(data) - begin))
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            # The first connection breaks off half way.
            self.wfile.write(data[begin : len(data) // 2 if len(asked) == 1 else None])
            self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = VideoSource(f"http://127.0.0.1:{server.server_port}/a.mkv")
        count = 0
        while source.read() is not None:
            count += 1
        source.close()
        server.shutdown()
    assert count == 2000 and len(data) // 2 in asked
