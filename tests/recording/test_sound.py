"""Annotated films sound as the film that was annotated, in step with its pictures."""

from __future__ import annotations

import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from cpm_live.capture.video import VideoSource
from cpm_live.core.pose import Result
from cpm_live.engines.recipe import find
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.pipeline.options import Options
from cpm_live.recording.batch import Summary, run_batch
from cpm_live.recording.sound import Sound
from cpm_live.recording.video import VideoWriter, what_is_there
from tests.fakes import DotEngine

RATE, FLASH = 20, 1.0


def beeping(
    path: Path, codec: str = "aac", rate: int = 48_000, layout: str = "stereo", offset: float = 0.0,
    pictures: float = 2.0, seconds: float = 2.0, film: str = "libx264", silent: tuple[float, float] = (9.0, 9.0),
    hole: float = 0.0, more: dict[str, str] | None = None,
) -> Path:  # fmt: skip
    """A film that flashes once, and beeps at the same time; between the times of ``silent`` it has no sound
    at all, and after half a second a ``hole``, of seconds, for which only the sound's clock goes on."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(film, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        music = out.add_stream(codec, rate=rate, options=more or {})
        music.codec_context.layout = layout
        for index in range(round(pictures * RATE)):
            bright = np.full((96, 128, 3), 200 if index == round(FLASH * RATE) else 20, np.uint8)
            frame = av.VideoFrame.from_ndarray(bright, format="bgr24")
            frame.pts, frame.time_base = index + round(offset * RATE), Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        at = np.arange(round(seconds * rate)) / rate
        tone = np.where((at >= FLASH) & (at < FLASH + 0.1), 0.6 * np.sin(2000 * np.pi * at), 0).astype(np.float32)
        for start in range(0, len(tone), 1024):
            if silent[0] <= start / rate < silent[1]:
                continue
            piece = np.repeat(tone[start : start + 1024], av.AudioLayout(layout).nb_channels)
            samples = av.AudioFrame.from_ndarray(piece[None], "flt", layout)
            samples.sample_rate, samples.time_base = rate, Fraction(1, rate)
            samples.pts = start + round((offset + hole * (start > rate / 2)) * rate)
            out.mux(music.encode(samples))
        out.mux(music.encode(None))
    return path


def damaged(path: Path) -> Path:
    """A film whose sound is nothing from 0.2 to 0.5 s."""
    content = path.read_bytes()
    with av.open(str(path)) as film:
        for packet in film.demux(audio=0):
            if packet.pts is not None and 0.2 < float(packet.pts * packet.time_base) < 0.5:
                content = content.replace(bytes(packet), bytes(packet.size))
    path.write_bytes(content)
    return path


def annotated(path: Path, out: Path, pictures: int = 0, **options: bool) -> Summary:
    """The film, annotated in ``out``; it is stopped after so many pictures."""
    source, done = VideoSource(str(path)), 0

    def tell(count: int, _: Result) -> None:
        nonlocal done
        done = count

    with PoseMachine(find("body"), DotEngine(), options=Options(people=1)) as machine:
        summary = run_batch(source, machine, out, None, None, tell, lambda: 0 < pictures <= done, **options)
    source.close()
    return summary


def flashes(path: Path) -> list[float]:
    with av.open(str(path)) as film:
        return [p.time for p in film.decode(video=0) if p.time is not None and p.to_ndarray(format="gray").mean() > 100]


def heard(path: Path) -> tuple[str, float, float]:
    """The codec; when it beeps first; and when it is over."""
    first, over = -1.0, 0.0
    with av.open(str(path)) as film:
        track = film.streams.audio[0]
        for frame in film.decode(track):
            loud = np.nonzero(np.abs(frame.to_ndarray()[0]) > 0.2)[0]
            assert frame.time is not None
            if first < 0 and len(loud):
                first = frame.time + loud[0] / frame.sample_rate
            over = frame.time + frame.samples / frame.sample_rate
        return track.codec_context.name, first, over


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    ("name", "made", "becomes"),
    [
        ("phone.mp4", {}, "aac"),
        ("late.mkv", {"offset": 5.0}, "aac"),
        ("old.avi", {"codec": "libmp3lame", "film": "mpeg4", "rate": 44_100}, "mp3float"),
        ("camera.mov", {"codec": "pcm_s16le"}, "aac"),
        ("cinema.mkv", {"codec": "ac3", "layout": "5.1"}, "aac"),
        ("web.mkv", {"codec": "libopus"}, "aac"),
        ("broadcast.ts", {"offset": 3.0}, "aac"),
        ("toy.avi", {"codec": "pcm_u8", "film": "mpeg4", "rate": 8_000, "layout": "mono"}, "aac"),
        ("speech.mkv", {"codec": "libmp3lame", "rate": 8_000, "layout": "mono"}, "aac"),
        ("round.mkv", {"codec": "libopus", "layout": "quad", "more": {"mapping_family": "2"}}, "aac"),
    ],
)
def test_what_is_heard_is_in_step_with_the_pictures(
    tmp_path: Path, suffix: str, name: str, made: dict[str, object], becomes: str
) -> None:
    summary = annotated(beeping(tmp_path / name, **made), out := tmp_path / f"out{suffix}")  # type: ignore[arg-type]
    codec, beep, over = heard(out)
    (flash,) = flashes(out)
    # The first picture of an AVI that says when it is not shown may be lost to its decoder.
    assert flash == pytest.approx(FLASH, abs=1.1 / RATE) and codec == becomes
    assert beep == pytest.approx(flash, abs=0.03) and over == pytest.approx(2.0, abs=0.06)
    with av.open(str(out)) as film:
        assert next(film.decode(video=0)).time == 0
    assert not summary.sound_lost


@pytest.mark.parametrize("order", [0x00800008, 0x007E0008])
def test_channels_in_an_order_of_their_own(tmp_path: Path, order: int) -> None:
    """7.1 as recorders and FFmpeg before 8 write it into MOV: who looks at such a layout twice ends the process."""
    content = beeping(tmp_path / "a.mov", "pcm_s16le", layout="7.1").read_bytes()
    at = content.rindex(b"chan") + 8
    (tmp_path / "a.mov").write_bytes(content[:at] + order.to_bytes(4, "big") + content[at + 4 :])
    assert not annotated(tmp_path / "a.mov", tmp_path / "out.mp4").sound_lost
    assert heard(tmp_path / "out.mp4") == ("aac", pytest.approx(FLASH, abs=0.03), pytest.approx(2.0, abs=0.06))


def test_packets_of_aac_go_over_as_they_are(tmp_path: Path) -> None:
    """Nothing is lost by encoding twice what need not be."""
    annotated(beeping(tmp_path / "a.mp4"), tmp_path / "out.mp4")

    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as film:
            return [bytes(packet) for packet in film.demux(audio=0) if packet.size]

    # Less the one before the first picture that encoders begin with.
    assert packets(tmp_path / "out.mp4") == packets(tmp_path / "a.mp4")[1:]


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_sound_ends_with_the_pictures(tmp_path: Path, codec: str) -> None:
    film = beeping(tmp_path / "song.mov", codec, seconds=6.0)
    annotated(film, tmp_path / "whole.mp4")
    assert heard(tmp_path / "whole.mp4")[2] == pytest.approx(2.0, abs=0.06)
    annotated(film, tmp_path / "begun.mp4", pictures=24)
    assert heard(tmp_path / "begun.mp4")[1:] == pytest.approx((FLASH, 24 / RATE), abs=0.06)


def test_a_pause_in_the_sound_is_silence(tmp_path: Path) -> None:
    """Else what follows it comes too early."""
    film = beeping(tmp_path / "a.mkv", "ac3", silent=(0.3, 0.9))
    annotated(film, tmp_path / "out.mp4")
    assert heard(tmp_path / "out.mp4")[1] == pytest.approx(FLASH, abs=0.04)


def test_hours_without_sound_are_not_filled(tmp_path: Path) -> None:
    """Two hours of silence at once are gigabytes."""
    sound = Sound(beeping(tmp_path / "a.mkv", "ac3", hole=7200.0), 0.0)
    with av.open(str(tmp_path / "out.mkv"), "w") as out:
        sound.join(out)
        times = [float((packet.pts or 0) * packet.time_base) for packet in sound.until(1e6)]
    sound.close()
    assert len(times) < 120 and times[-1] == pytest.approx(7202.0, abs=0.1)


def test_a_film_without_sound_has_none_nor_one_that_is_not_to(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "silent.mp4")
    for index in range(5):
        writer.write(np.zeros((96, 128, 3), np.uint8), index / RATE)
    writer.close()
    assert not annotated(tmp_path / "silent.mp4", tmp_path / "a.mp4").sound_lost
    annotated(beeping(tmp_path / "loud.mp4"), tmp_path / "b.mp4", sound=False)
    for name in ("a.mp4", "b.mp4"):
        with av.open(str(tmp_path / name)) as film:
            assert not film.streams.audio and next(film.decode(video=0)).width == 128


def test_damaged_sound_is_silent_and_told(tmp_path: Path) -> None:
    """The film is whole; somebody may listen for what is missing."""
    summary = annotated(damaged(beeping(tmp_path / "a.mkv", "ac3")), tmp_path / "out.mp4")
    assert summary.frames == 40 and "damaged pieces are silent" in summary.sound_lost
    assert heard(tmp_path / "out.mp4")[1] == pytest.approx(FLASH, abs=0.04)


@pytest.mark.parametrize("later", [3605.0, 5.0])
def test_sound_ends_where_times_jump_and_that_is_told(tmp_path: Path, later: float) -> None:
    first = beeping(tmp_path / "a.ts", offset=100.0)
    content = first.read_bytes() + beeping(tmp_path / "b.ts", offset=later).read_bytes()
    (tmp_path / "both.ts").write_bytes(content)
    summary = annotated(tmp_path / "both.ts", tmp_path / "out.mp4")
    assert summary.frames == 80 and "times jump" in summary.sound_lost
    _, beep, over = heard(tmp_path / "out.mp4")
    assert beep == pytest.approx(FLASH, abs=0.04) and over <= 2.1 and len(flashes(tmp_path / "out.mp4")) == 2


def test_a_film_that_is_gone_meanwhile_has_no_sound(tmp_path: Path) -> None:
    sound = Sound(tmp_path / "gone.mp4", 0.0)
    writer = VideoWriter(tmp_path / "out.mp4", sound=sound)
    writer.write(np.zeros((96, 128, 3), np.uint8), 0.0)
    writer.close()
    assert "No such file" in sound.lost
    with av.open(str(tmp_path / "out.mp4")) as film:
        assert len(list(film.decode(video=0))) == 1


@pytest.mark.parametrize(("options", "code"), [([], 1), (["--no-sound"], 0)])
def test_a_lost_sound_is_told_in_the_terminal(tmp_path: Path, options: list[str], code: int) -> None:
    damaged(beeping(tmp_path / "a.mkv", "ac3", pictures=0.6, seconds=0.6))
    command = [sys.executable, "-m", "cpm_live", "run", "a.mkv", "--threads", "1", "--out", "o.mp4", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=tmp_path)
    assert done.returncode == code and ("damaged pieces are silent" in done.stderr) == bool(code), done.stderr


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("codec", ["aac", "ac3"])
def test_slides_stay_in_their_times_when_sound_begins_late(tmp_path: Path, suffix: str, codec: str) -> None:
    """What the encoder gives of pictures may be minutes behind: sound does not overtake it."""
    sound = Sound(beeping(tmp_path / "a.mkv", codec, seconds=30.0), -40.0)
    writer = VideoWriter(out := tmp_path / f"out{suffix}", sound=sound)
    for seconds in (slides := [0.0, 30.0, 60.0, 90.0, 120.0]):
        writer.write(np.zeros((96, 128, 3), np.uint8), seconds)
    writer.close()
    with av.open(str(out)) as film:
        packets = [(p.stream.type, float((p.pts or 0) * p.time_base)) for p in film.demux() if p.size]
    assert packets[0][0] == "video" and [at for kind, at in packets if kind == "video"] == slides
    assert heard(out)[1] == pytest.approx(40.0 + FLASH, abs=0.03)


def test_a_crash_costs_no_more_pictures_where_sound_is_over(tmp_path: Path) -> None:
    """FFmpeg would wait for 10 s whether more of it comes."""
    out = tmp_path / "out.mp4"
    film = beeping(tmp_path / "a.mkv", pictures=8.0, seconds=2.0)
    writer = VideoWriter(out, RATE, sound=Sound(film, 0.0))
    for index in range(8 * RATE):
        writer.write(np.zeros((96, 128, 3), np.uint8), index / RATE)
    (tmp_path / "cut.mp4").write_bytes(out.read_bytes())
    there = what_is_there(tmp_path / "cut.mp4")
    writer.close()
    assert there[1] > 5.5


@pytest.mark.parametrize("codec", ["ac3", "aac"])
@pytest.mark.parametrize("second", [0.0, -3.0])
def test_sound_of_another_recording_is_not_the_end_of_the_first(tmp_path: Path, codec: str, second: float) -> None:
    """Cameras begin each at the same time, and their sound ends before the pictures."""
    one = beeping(tmp_path / "a.ts", codec, offset=5.0, pictures=2.0, seconds=1.5).read_bytes()
    two = beeping(tmp_path / "b.ts", codec, offset=5.0 + second, pictures=6.0, seconds=6.0).read_bytes()
    (tmp_path / "both.ts").write_bytes(one + two)
    summary = annotated(tmp_path / "both.ts", tmp_path / "out.mp4")
    assert summary.frames == 160 and "times jump" in summary.sound_lost
    assert heard(tmp_path / "out.mp4")[1:] == (pytest.approx(FLASH, abs=0.04), pytest.approx(1.5, abs=0.1))


def test_pieces_that_are_lost_do_not_add_up(tmp_path: Path) -> None:
    """FFmpeg lets sound be 0.1 s early for the rest of a film before it mends that."""
    annotated(beeping(tmp_path / "a.mkv", "ac3", hole=0.08), tmp_path / "out.mp4")
    assert heard(tmp_path / "out.mp4")[1] == pytest.approx(FLASH + 0.08, abs=0.035)


def test_of_several_sounds_one_that_can_be_decoded(tmp_path: Path) -> None:
    """Phones and broadcasts have a second one of a newer kind."""
    first, second = beeping(tmp_path / "a.mkv", "ac3"), beeping(tmp_path / "b.mkv")
    with (
        av.open(str(first)) as one,
        av.open(str(second)) as two,
        av.open(str(tmp_path / "both.mp4"), "w") as out,
    ):
        tracks = [(one, s, out.add_stream_from_template(s)) for s in (one.streams.video[0], one.streams.audio[0])]
        tracks.append((two, two.streams.audio[0], out.add_stream_from_template(two.streams.audio[0])))
        for film, stream, track in tracks:
            film.seek(0)
            for packet in film.demux(stream):
                if packet.pts is not None:
                    packet.stream = track
                    out.mux(packet)
    content = (tmp_path / "both.mp4").read_bytes()
    (tmp_path / "both.mp4").write_bytes(content.replace(b"ac-3", b"new3").replace(b"dac3", b"dnew"))
    assert not annotated(tmp_path / "both.mp4", tmp_path / "out.mp4").sound_lost
    assert heard(tmp_path / "out.mp4")[1] == pytest.approx(FLASH, abs=0.03)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("codec", ["aac", "ac3", "libmp3lame"])
def test_what_is_heard_first_is_not_heard_too_early(tmp_path: Path, codec: str, suffix: str) -> None:
    """In an MP4 that does not begin with silence it is, and some players let all the rest follow at once."""
    film = beeping(tmp_path / "a.mkv", codec, silent=(0.0, FLASH))
    annotated(film, out := tmp_path / f"out{suffix}")
    with av.open(str(out)) as copy:
        packets = [p for p in copy.demux(audio=0) if p.size and p.pts is not None]
        lengths = {p.duration for p in packets}
        assert max(float(length * packets[0].time_base) for length in lengths if length) < 0.05
    assert heard(out)[1] == pytest.approx(FLASH, abs=0.03)


def cut_out(path: Path, start: float, end: float) -> Path:
    """The film without a piece of it, by its list of edits alone."""
    content = path.read_bytes()

    def boxes(at: int, over: int) -> bytes:
        out = b""
        while at < over:
            size, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
            inner = content[at + 8 : at + size]
            if kind in (b"moov", b"trak"):
                inner = boxes(at + 8, at + size)
            elif kind == b"edts":
                scale = content.index(b"mdhd", at) + 16
                first = int.from_bytes(inner[20:24], "big")
                second = first + round(end * int.from_bytes(content[scale : scale + 4], "big"))
                entries = struct.pack(">IIIIII", round(start * 1000), first, 1 << 16, 1500, second, 1 << 16)
                inner = struct.pack(">I4sII", 40, b"elst", 0, 2) + entries
            out += struct.pack(">I4s", len(inner) + 8, kind) + inner
            at += size
        return out

    path.write_bytes(boxes(0, len(content)))
    return path


def test_what_was_cut_out_of_a_film_is_not_missing(tmp_path: Path) -> None:
    """What a decoder needs before the next piece is there, and not to be heard."""
    film = cut_out(beeping(tmp_path / "a.mp4", pictures=4.0, seconds=4.0), 1.5, 2.5)
    summary = annotated(film, tmp_path / "out.mp4")
    assert not summary.sound_lost and summary.frames == pytest.approx(60, abs=2)
    assert heard(tmp_path / "out.mp4")[1:] == (pytest.approx(FLASH, abs=0.03), pytest.approx(3.0, abs=0.06))
