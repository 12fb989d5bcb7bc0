"""Video files and network streams, decoded by PyAV."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import VideoReformatter

from cpm_live.capture import container
from cpm_live.capture.base import SourceInfo, SourceLost
from cpm_live.capture.pace import LONGEST, Pace
from cpm_live.core.address import file_name, is_stream, without_password
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame

log = logging.getLogger("cpm_live.capture")

_REORDERED = 64
"""Packets that may come before those whose pictures are shown earlier, and more."""
_HELD_S = 0.1
"""A single picture is given so often, and one that stands for long, that switching models acts on it at once."""
_LONGEST_SLIDE = 20.0
"""Seconds that one picture of a film stands at most: hours of nothing are a broken file's."""
_ANEW_S = 1.0
"""Times that go back by more begin anew: pictures that were reordered do not."""
_AS_GOOD_S, _ALIKE_S = 0.002, 1e-4
"""Times in files are rounded; those of two pictures may so become one, of which the second is told as so much later."""
_FURTHER_BACK = tuple(2.0**n for n in range(13))
"""Seconds before a time that is sought, one after the other."""
_DAMAGE_LIMIT = 100
"""A live stream loses packets now and then; after so many bad ones in a row it is opened again."""


class VideoSource:
    """A video file or a stream.

    Args:
        where: path or URL.
        paced: give each frame at its time, as live use wants; otherwise as fast as they decode.
        loop: begin again at the end (live use).

    Both are for what has an end: files, also those behind a URL. A live stream comes as it comes; one that comes in
    segments (HLS) is paced. A picture behind a URL is fetched once: where a film would begin again it is held, and so
    is, live, a picture of a film that stands for over a second (slides).

    Attributes:
        left_out: the pieces that cannot be decoded, by their time; the pictures around them are given all the same.
        joined, begins: see :class:`~cpm_live.capture.base.Film`; after a jump times go on, and a length is not known.

    Raises:
        InputError: missing, unreadable, or without a video track.
    """

    def __init__(self, where: str, paced: bool = False, loop: bool = False) -> None:
        self.where, self.remote = where, is_stream(where)
        self._shown = without_password(where) if self.remote else where
        if not self.remote and not Path(where).is_file():
            if Path(where).exists():
                raise InputError(f"{where} is no regular file; cameras are camera:0, camera:1 and so on")
            raise InputError(f"no file {where}; check the path")
        self._index, self._further = 0, False
        self.endless = self.joined = self._still = False
        self._held: np.ndarray | None = None
        self.left_out: list[str] = []
        self._pace, self._scaler = Pace(), VideoReformatter()
        self._ahead: deque[av.VideoFrame | SourceLost | None] = deque()
        self._open()
        try:
            self._begin(paced, loop)
        except BaseException:
            self.close()
            raise

    def _begin(self, paced: bool, loop: bool) -> None:
        """Look at the first picture, and tell from it what this is."""
        first = self._decode()
        self._ahead.append(first)
        if self.remote and container.is_pictures(self._container):
            # A file's length is known; a second picture in it is the preview that phones put behind a photograph.
            second = None if container.size(self._container) else self._second()
            self._ahead.append(second)
            self._still, self.endless = second is None, second is not None
        elif self.remote and not self.endless and not self._container.duration:
            # Perhaps a GIF of one picture, which is fetched once, too.
            self._ahead.append(second := self._second())
            self._still = second is None
        segmented = container.segmented(self._container)
        self.paced, self.loop = paced and (segmented or not self.endless), loop and not self.endless
        video = self._video
        self._aspect = container.pixel_aspect(video)
        height, width = self._shown_picture(first).shape[:2] if first is not None else (0, 0)
        rate = container.rate(video)
        # A person who watches wants to know how old a picture is, a file wants the pictures' own times.
        self._as_they_come = (
            self.endless and not segmented and (paced or not container.has_times(self._container))
        )  # fmt: skip
        self.info = SourceInfo(
            "image" if self._still else "stream" if self.remote else "video",
            self._shown if self.remote else Path(self.where).name,
            live=self.endless,
            mirror=False,
            width=width,
            height=height,
            fps=rate,
            frames=None if self.endless else container.frame_count(self._container, video, rate),
            seconds=0.0 if self.remote or self._still else container.length(self._container, video),
            files=() if self.remote else (Path(self.where),),
            late=0.0 if self.endless else container.late(self._container, self._told(first)),
        )

    def _connect(self, patience: float) -> av.container.InputContainer:
        self._patience = patience
        scheme, rest, path = self.where.partition("://")
        options = {}
        if scheme.lower().startswith("rtsp"):
            options = {"rtsp_transport": "tcp"}
        elif scheme.lower().startswith("http"):
            # A server ends the connection of a film that was paused for long; the film goes on where it was.
            options = {"reconnect": "1", "reconnect_delay_max": "2"}
        # Absolute: FFmpeg takes the start of a name like 12:30.mp4 for a protocol. It knows small schemes only.
        where = scheme.lower() + rest + path if self.remote else os.path.abspath(self.where)
        timeout = (patience, patience) if self.remote else None
        return av.open(where, timeout=timeout, options=options, **container.ANY_TITLE)

    def _open(self) -> None:
        try:
            self._container = self._connect(container.patience(self.where))
            if self.remote and container.segmented(self._container) and self._patience < container.SEGMENT_TIMEOUT:
                self._container.close()
                self._container = self._connect(container.SEGMENT_TIMEOUT)
        except (FFmpegError, OSError, ValueError) as error:
            kind = "stream" if self.remote else "video file"
            why = container.reason(error, self._patience)
            raise InputError(f"cannot open {self._shown} as a {kind}: {why}") from None
        try:
            self._video = video = self._film()
        except InputError:
            self._container.close()
            raise
        self.endless = self.remote and not container.is_whole(self._container)
        self._colours = container.colours(self._container, video)
        # Not by frame: those threads hold back a picture per core, which a live stream would show as lag, and after
        # a damaged piece they lose all that they hold.
        video.thread_type = "SLICE"
        self._promised: deque[tuple[float, float]] = deque(maxlen=_REORDERED)
        self._frames = self._pictures(video)
        self.begins: float | None = None
        self._shift = 0.0
        self._over: float | None = None
        self._due: float | None = None
        self._since: float | None = None
        self._last: float | None = None
        self._pace.restart()

    def _film(self) -> av.VideoStream:
        video = container.film_of(self._container)
        if video is None or container.is_text(self._container):
            raise InputError(f"{self._shown} has no video track")
        if video.codec_context is None:
            raise InputError(f"cannot decode {self._shown}: this FFmpeg has no decoder for it")
        if container.is_tile(video):
            raise InputError(f"{self._shown} is a picture stored in tiles (HEIC, AVIF); convert it to JPEG or PNG")
        return video

    def _pictures(self, video: av.VideoStream, sought: float | None = None) -> Generator[av.VideoFrame]:
        """All pictures; what is damaged is left out, unless nothing else is there (in a stream: for long).

        Args:
            sought: see :func:`container.packets`; something else was there, before.
        """
        in_a_row, error, whole = 0, None, sought is not None
        for packet in container.packets(self._container, video, self._promised, sought):
            try:
                pictures = packet.decode()
            except av.error.InvalidDataError as damage:
                at = container.shown_at(packet)
                error, piece = damage, f"the piece at byte {packet.pos}" if at is None else f"the piece at {at:.2f} s"
                if self.endless:
                    in_a_row += 1
                    if in_a_row > _DAMAGE_LIMIT:
                        raise
                elif piece not in self.left_out:
                    # Once: a film goes round for days, and is gone through to and fro.
                    log.warning("%s: left out %s: %s", self._shown, piece, container.reason(damage))
                    self.left_out.append(piece)
                continue
            in_a_row, whole = 0, whole or bool(pictures)
            yield from pictures
        if error is not None and not whole:
            raise error

    def _decode(self) -> av.VideoFrame | None:
        try:
            return next(self._frames, None)
        except (FFmpegError, OSError) as error:
            if self.remote:
                why = container.reason(error, self._patience)
                cure = "" if self.endless or self._index else "; if it is a film, download it and open the file"
                raise SourceLost(f"stream {self._shown} was lost: {why}{cure}") from None
            if self._index == 0:
                raise InputError(f"cannot decode {self._shown}: {container.reason(error)}") from None
            raise InputError(f"{self._shown} is damaged after frame {self._index}: {container.reason(error)}") from None

    def _second(self) -> av.VideoFrame | SourceLost | None:
        """The picture after the first one; where none comes in time what is to be said when its turn comes."""
        try:
            return self._decode()
        except SourceLost as error:
            return error

    def _is_over(self) -> bool:
        """Whether a stream that gives no more pictures was ended by its sender; FFmpeg hides from us what went wrong
        with one in segments, but the list of those then says that it is whole."""
        if not container.segmented(self._container):
            return True
        try:
            with self._connect(self._patience) as again:
                return bool(again.duration)
        except (FFmpegError, OSError, ValueError) as error:
            log.info("%s: %s", self._shown, container.reason(error, self._patience))
            return False

    @property
    def current(self) -> Path:
        """The picture's name, where it is one; as of a folder's pictures."""
        return Path(file_name(self.where) if self.remote else self.where)

    @property
    def ends(self) -> float:
        """When what was read so far is over, in seconds from the first picture: the last one may stay for long. 0 where
        the pictures have no times of their own."""
        if self._as_they_come:
            return 0.0
        first = (self.begins or 0.0) + self._shift
        last = first + (self._last or 0.0)
        # Not of what a damaged end promises: of the pictures that were given.
        ends = max((end for begin, end in self._promised if begin <= last + 1e-3), default=last) - first
        # Of reordered pictures it is when they come that is promised, which may be long after the film.
        return min(ends, max(self.info.seconds, last - first)) if self.info.seconds else ends

    def read(self) -> Frame | None:
        """The next decoded frame; None at the end of a file."""
        self._pace.enter()
        frame = self._next()
        self._pace.leave()
        return frame

    def _next(self) -> Frame | None:
        picture = self._ahead.popleft() if self._ahead else None if self._still else self._decode()
        if isinstance(picture, SourceLost):
            raise picture
        if picture is None:
            if self.endless:
                raise SourceLost(f"stream {self._shown} ended", ended=self._is_over())
            if self._index == 0:
                raise InputError(f"{self._shown} holds no video frames")
            if not self.loop:
                return None
            if self._still and self._held is not None:
                time.sleep(_HELD_S)
                return self._frame(self._held, (self._last or 0.0) + _HELD_S)
            # The last picture, which may be the only one, is shown for as long as it should, or as the others.
            if self._over is None:
                self._over = max(self.ends, (self._last or 0.0) + 1 / (self.info.fps or 30.0))
            if slide := self._until(self._over):
                return slide
            self.close()
            self._open()
            return self._next()
        seconds = self._seconds_of(picture) if self._due is None else self._due
        if slide := self._until(seconds):
            self._ahead.appendleft(picture)
            self._due = seconds
            return slide
        self._due = self._since = None
        image = np.ascontiguousarray(self._shown_picture(picture), np.uint8)
        if self._still or self.paced:
            self._held = image
        return self._frame(image, seconds)

    def _until(self, seconds: float) -> Frame | None:
        """Wait for the next picture's time, where there is a pace; the last picture again where that is long."""
        further, self._further = self._further, False
        if not self.paced:
            return None
        ahead = self._pace.ahead(seconds)
        if further:
            self._pace.skip(ahead)
        elif self._held is not None and not self.endless and ahead > LONGEST:
            then = (self._last or 0.0) + _HELD_S
            self._since = (self._last or 0.0) if self._since is None else self._since
            if then - self._since < _LONGEST_SLIDE:
                self._pace.wait(then)
                return self._frame(self._held, then)
        self._pace.wait(seconds)
        return None

    def seek(self, seconds: float, before: bool = False, wanted: Callable[[], bool] = lambda: True) -> None:
        """See :meth:`Seekable.seek`; the first or the last picture where there is none at that time."""
        if self.begins is None:
            # Nothing was read yet: the first picture is the one that waits.
            self.begins = self._told(self._ahead[0]) if self._ahead else None
        first = self.begins or 0.0
        latest = first + seconds + (-_AS_GOOD_S if before else _AS_GOOD_S)
        self._ahead.clear()
        starts = [latest - back for back in (1 / (self.info.fps or 30.0), *_FURTHER_BACK) if latest - back > first]
        found: list[av.VideoFrame] = []
        for start in (*starts, first, None):
            # Formats that are gone through by packets begin at the first picture after one that needs no other: where
            # that is too late, and where all is damaged, further back is more. In the end all is decoded.
            found = self._decode_from(start, latest, wanted) or found
            at = self._told(found[0]) if found else None
            if not wanted() or (at is not None and at <= latest):
                break
        self.begins, self._shift, self._held = first, 0.0, None
        self._ahead.extend(found)
        self._last = self._due = self._since = self._over = None
        self._pace.restart()
        if found and (at := self._told(found[0])) is not None:
            self._pace.skip(max(0.0, at - first))

    def _decode_from(self, start: float | None, latest: float, wanted: Callable[[], bool]) -> list[av.VideoFrame]:
        """The last picture that is not later than ``latest``, and the one after it if that was met; from a time of the
        file's own on, or from its beginning."""
        shown: list[av.VideoFrame] = []
        try:
            if start is None:
                self.close()
                self._open()
            else:
                self._frames.close()
                self._container.seek(int(start * av.time_base))
                self._frames = self._pictures(self._video, latest)
            while wanted() and (picture := self._decode()) is not None:
                told = self._told(picture)
                if told is None or told > latest:
                    return [*shown, picture]
                shown = [picture]
        except (FFmpegError, InputError) as error:
            log.info("%s: %s", self._shown, error)
        return shown

    def next_picture(self) -> None:
        """The next read gives another picture, whenever that is due. (Not of a live stream, which has its own time.)"""
        self._further = not self.endless

    def _shown_picture(self, picture: av.VideoFrame) -> np.ndarray:
        return container.as_shown(picture, self._aspect, self._scaler, self._colours)

    def _frame(self, image: np.ndarray, seconds: float) -> Frame:
        self._last = seconds
        frame = Frame(image, self._index, time.perf_counter_ns(), None if self._as_they_come else seconds)
        self._index += 1
        return frame

    def _seconds_of(self, picture: av.VideoFrame) -> float:
        """When a picture is shown, in seconds from the first; later than the one before, whatever the file says."""
        at = self._told(picture)
        if self.begins is None:
            self.begins = at or 0.0
        seconds = at - self.begins - self._shift if at is not None else 0.0
        if self._last is not None:
            next_one = self._last + 1 / (self.info.fps or 30.0)
            far = seconds - self._last > container.JUMP_S or seconds - self._last < -_ANEW_S
            if far and container.jumps(self._container):
                log.warning("%s: times jump by %.0f s after %.2f s", self._shown, seconds - self._last, self._last)
                self._shift += seconds - next_one
                self.joined, seconds = True, next_one
                if self.info.seconds:
                    # Nor do places in one part follow from times of another.
                    self.info = replace(self.info, seconds=0.0)
            if at is None or seconds <= self._last:
                alike = at is not None and seconds > self._last - _AS_GOOD_S
                seconds = self._last + _ALIKE_S if alike else next_one
        return seconds

    def _told(self, picture: av.VideoFrame | SourceLost | None) -> float | None:
        """When a picture is shown, as the file says."""
        if picture is None or isinstance(picture, SourceLost):
            return None
        if self._container.format.name != "avi":
            return picture.time
        # AVI knows no times of showing; those that FFmpeg makes up jump to and fro where pictures are reordered.
        return None if picture.dts is None or not picture.time_base else float(picture.dts * picture.time_base)

    def close(self) -> None:
        """Close the file or connection."""
        # What decodes is held by what it has half done.
        self._frames.close()
        self._ahead.clear()
        self._container.close()
