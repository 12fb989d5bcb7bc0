"""The sound of a film, for its annotated copy."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.filter import Graph

from cpm_live.capture.container import ANY_TITLE, demux, film_of, jumps, reason, shown_at

log = logging.getLogger("cpm_live.recording")

_RATES = (32_000, 44_100, 48_000)
"""Samples a second that every player takes; of others become as many as the last says."""
_BITS = 96_000
"""A second and channel of what is encoded here."""
_PIECE = 1024
"""Samples of a packet of AAC."""
_APART_S = 0.03
"""So far sound may come to be from its times: FFmpeg would let it be 0.1 s, which people see on lips, to the end."""
_PAUSE_S = 1.0
"""Gaps up to so long are filled with silence; after longer ones it begins anew: they may be hours, and a mistake. Times
that go back by more are another recording's, where films are joined."""


class Sound:
    """Packets of a film's sound, in step with its pictures.

    AAC and MP3 go over as they are, into MP4 if they begin with the pictures. Anything else becomes AAC, in mono or
    stereo, which every player knows. What is damaged is silent.

    Args:
        path: the film's.
        begins: when its first picture is shown, on the file's own clock, in seconds.
    """

    def __init__(self, path: Path, begins: float) -> None:
        self._begins, self._told, self._lost = begins, path.name, ""
        self._packets: Iterator[av.Packet] = iter(())
        self._next: av.Packet | None = None
        self._damaged = self._astray = 0
        self._film: av.container.InputContainer | None = None
        try:
            self._film = av.open(os.path.abspath(path), **ANY_TITLE)
        except (FFmpegError, OSError) as error:
            self._lose(reason(error))

    def join(self, copy: av.container.OutputContainer) -> None:
        """Become a track of a film of which nothing is written yet, if there is any sound."""
        heard = _track_of(self._film) if self._film is not None else None
        if self._film is None or heard is None:
            return
        if heard.codec_context is None:
            self._lose("this FFmpeg has no decoder for it")
            return
        # An MP4 that is written in fragments cannot say that a track begins late: its first packet is heard at once.
        at = float((heard.start_time or 0) * heard.time_base) if heard.time_base else 0.0
        late = copy.format.name == "mp4" and at - self._begins > _APART_S
        if _goes_over(heard.codec_context) and not late:
            track = copy.add_stream_from_template(heard)
            assert isinstance(track, av.AudioStream)
            packets = self._copied(self._film, heard, track)
        else:
            rate = heard.codec_context.sample_rate
            track = copy.add_stream("aac", rate=rate if rate in _RATES else _RATES[-1])
            mixed = _mixed(heard.codec_context)
            mono = heard.codec_context.layout.nb_channels == 1
            track.codec_context.layout = "mono" if mono else "stereo"
            track.codec_context.format = "fltp"
            track.bit_rate = _BITS if mono else 2 * _BITS
            packets = self._encoded(self._film, heard, track, mixed)
        self._packets = self._while_it_can_be_read(packets)
        self._next = next(self._packets, None)

    def until(self, seconds: float) -> Iterator[av.Packet]:
        """The packets that begin before a time, in seconds from the first picture; each is given once."""
        while self._next is not None and (shown_at(self._next) or 0.0) < seconds:
            yield self._next
            self._next = next(self._packets, None)

    def end(self, why: str) -> None:
        """Nothing is heard any more of what may still be there.

        Args:
            why: for people, the end of a sentence.
        """
        if self._next is not None:
            self._packets, self._next = iter(()), None
            self._lose(why)

    def close(self) -> None:
        """Close the file."""
        self._packets, self._next = iter(()), None
        if self._film is not None:
            self._film.close()

    @property
    def lost(self) -> str:
        """What is missing of it, for people; empty where nothing is."""
        damaged = f"damaged pieces are silent: {self._damaged}" if self._damaged else ""
        astray = f"pieces that come again are left out: {self._astray}" if self._astray else ""
        return "; ".join(filter(None, (damaged, astray, self._lost)))

    def _lose(self, why: str) -> None:
        self._lost = why
        log.warning("the sound of %s: %s", self._told, why)

    def _while_it_can_be_read(self, packets: Iterator[av.Packet]) -> Iterator[av.Packet]:
        at = -1.0
        try:
            for packet in packets:
                begins = shown_at(packet) or 0.0
                # Before the first picture is what encoders need to begin, which would move all pictures of an MP4.
                if begins < 0:
                    continue
                if begins > at:
                    at = begins
                    yield packet
                else:
                    # A film that gets such a one is refused whole.
                    self._astray += 1
        except (FFmpegError, OSError) as error:
            self._lose(f"it ends at {max(0.0, at):.1f} s: {reason(error)}")

    def _read(self, film: av.container.InputContainer, heard: av.AudioStream) -> Iterator[av.Packet[av.AudioStream]]:
        """Its packets up to where another recording was joined on: when those are heard only the pictures will tell."""
        at = -math.inf
        for packet in demux(film, heard):
            if (told := shown_at(packet)) is not None:
                before, at = at, told - self._begins
                if at < before - _PAUSE_S and jumps(film):
                    self._lose(f"it ends at {max(0.0, before):.1f} s, where times jump")
                    return
            yield packet

    def _copied(
        self, film: av.container.InputContainer, heard: av.AudioStream, track: av.AudioStream
    ) -> Iterator[av.Packet]:
        for packet in self._read(film, heard):
            # Where a piece was cut out of a film, what a decoder needs before the next one comes first.
            if packet.pts is None or not packet.time_base or packet.is_discard:
                continue
            packet.pts -= round(self._begins / packet.time_base)
            packet.dts, packet.stream = packet.pts, track
            yield packet

    def _encoded(
        self, film: av.container.InputContainer, heard: av.AudioStream, track: av.AudioStream, mixed: str
    ) -> Iterator[av.Packet]:
        steps: _Steps | None = None
        for packet in self._read(film, heard):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError as error:
                log.info("the sound of %s: left out a piece: %s", self._told, reason(error))
                self._damaged += 1
                continue
            for frame in frames:
                if steps is None and frame.time is not None:
                    yield from _silence(track, frame.time - self._begins)
                kind = (frame.format.name, frame.layout.name, frame.sample_rate)
                if steps is None or steps.kind != kind or abs(steps.gap(frame, self._begins)) > _PAUSE_S:
                    # Broadcasts go from two channels to six and back.
                    for ready in steps.rest() if steps is not None else ():
                        yield from track.encode(ready)
                    steps = _Steps(kind, track, mixed)
                for ready in steps.put(frame, self._begins):
                    yield from track.encode(ready)
        for ready in steps.rest() if steps is not None else ():
            yield from track.encode(ready)
        yield from track.encode(None)


def _silence(track: av.AudioStream, seconds: float) -> Iterator[av.Packet]:
    """From the first picture on; made as it is asked for, since it may be for hours."""
    to = track.codec_context
    for start in range(0, max(0, math.floor(seconds * to.sample_rate)) // _PIECE * _PIECE, _PIECE):
        nothing = np.zeros((to.layout.nb_channels, _PIECE), np.float32)
        frame = av.AudioFrame.from_ndarray(nothing, to.format.name, to.layout.name)
        frame.pts, frame.sample_rate, frame.time_base = start, to.sample_rate, Fraction(1, to.sample_rate)
        yield from track.encode(frame)


def _track_of(film: av.container.InputContainer) -> av.AudioStream | None:
    """What players let be heard, of the pictures' own broadcast where a file has several; of a kind that nobody here
    can decode only where there is no other."""
    best = film.streams.best("audio", related=film_of(film))
    known = [stream for stream in film.streams.audio if stream.codec_context is not None]
    return best if isinstance(best, av.AudioStream) and (best in known or not known) else next(iter(known), None)


def _goes_over(codec: av.AudioCodecContext) -> bool:
    """Whether MP4 and Matroska take it, and players too."""
    if codec.name == "aac":
        # In broadcasts what it is made of stands in each packet, and not where films have it.
        return bool(codec.extradata)
    return codec.name in ("mp3", "mp3float") and codec.sample_rate in _RATES


def _mixed(codec: av.AudioCodecContext) -> str:
    """What FFmpeg's ``pan`` makes of channels that FFmpeg cannot mix by itself, for a track; empty where it can.

    Called before anything else asks for the layout, and before anything is decoded: PyAV frees a list of channels in
    an order of their own (7.1 in MOV) with each layout that it has given, each frame has one, and the process ends.
    """
    layout = codec.layout
    names, told = [channel.name for channel in layout.channels], layout.name
    listed, around = " channels (" in told, told.startswith("ambisonic")
    if names:
        codec.layout = f"{len(names)} channels" if listed else told
    if not (listed or around):
        return ""
    if len(names) == 1:
        return "mono|c0=c0"
    # The first of those that are for all around hears everything.
    parts = {f"c{n}": name for n, name in enumerate(names[:1] if around else names) if not name.startswith("LFE")}
    left = [part for part, name in parts.items() if "R" not in name or name.startswith("USR")]
    right = [part for part, name in parts.items() if "L" not in name]
    return "|".join(["stereo", *(f"c{n}<{'+'.join(side or parts)}" for n, side in enumerate((left, right)))])


class _Steps:
    """From sound as a film has it to sound as a track wants it: begun at 0, gaps filled with silence.

    Args:
        kind: the frames' sample format, layout and samples a second.
        track: whose kind they become.
        mixed: see :func:`_mixed`.
    """

    def __init__(self, kind: tuple[str, str, int], track: av.AudioStream, mixed: str) -> None:
        self.kind = kind
        form, layout, rate = kind
        clock = Fraction(1, rate)
        self._graph, self._clock = Graph(), clock
        self._after: int | None = None
        to = track.codec_context
        nodes = [
            self._graph.add_abuffer(format=form, layout=layout, sample_rate=rate, time_base=clock),
            *([self._graph.add("pan", mixed)] if mixed else []),
            self._graph.add("atrim", "start=0"),
            self._graph.add("aresample", f"{to.sample_rate}:async=1:min_hard_comp={_APART_S}"),
            self._graph.add("aformat", f"sample_fmts={to.format.name}:channel_layouts={to.layout.name}"),
            self._graph.add("abuffersink"),
        ]
        self._graph.link_nodes(*nodes).configure()

    def gap(self, frame: av.AudioFrame, begins: float) -> float:
        """Seconds between a frame and what came before it."""
        # Of several frames in one packet only the first has a time.
        if frame.time is None or self._after is None:
            return 0.0
        return frame.time - begins - float(self._after * self._clock)

    def put(self, frame: av.AudioFrame, begins: float) -> Iterator[av.AudioFrame]:
        """What one more frame makes ready."""
        at = frame.time
        frame.pts = (self._after or 0) if at is None else round((at - begins) / self._clock)
        frame.time_base = self._clock
        self._after = frame.pts + frame.samples
        self._graph.push(frame)
        yield from self._ready()

    def rest(self) -> Iterator[av.AudioFrame]:
        """What was held back."""
        self._graph.push(None)
        yield from self._ready()

    def _ready(self) -> Iterator[av.AudioFrame]:
        while True:
            try:
                ready = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            assert isinstance(ready, av.AudioFrame)
            yield ready
