"""Video files: H.264 in MP4 or Matroska with real timestamps, playable even after a crash."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

from cpm_live.core.crop import fitted
from cpm_live.core.errors import InputError
from cpm_live.engines.select import physical_cores
from cpm_live.recording.sound import Sound

_CLOCK = Fraction(1, 90_000)
_LONGEST = round(6 * 3600 / _CLOCK)
"""MP4 counts a picture's length in 31 bits, and players what follows a longer one as one instant."""
_SRGB = 1
"""FFmpeg's number of BT.709's primaries and curve, which are sRGB's."""
_ROUNDED = 0x2 | 0x4000 | 0x40000
"""FFmpeg's numbers (of which older PyAV has no names) for bilinear, with all of the colours and rounded: else blue and
red are cut off, and whatever is grey turns greenish."""
_SECONDS_PER_PIXEL = 20e-9
"""Of one core, for the preset ``veryfast`` (measured on a 2-core Xeon with a noisy picture in Full HD; ``ultrafast``
takes half of it and three times the bytes)."""
SUFFIXES = (".mp4", ".mkv")


class _Disk:
    """A file for FFmpeg to write, which remembers what went wrong: of the last bytes of a film FFmpeg does not tell.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        # Unbuffered: what FFmpeg has let go of is on its way to the disk.
        self._file = path.open("wb", buffering=0)
        self.name = str(path)
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self.error = self.error or error
            raise
        return len(data)

    def seekable(self) -> bool:
        """Not where the file is a pipe."""
        return self._file.seekable()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            self.error = self.error or error


class VideoWriter:
    """Encodes frames with the times they were taken.

    A webcam slows down in the dark; a constant frame rate would then play too fast, so each frame
    carries its own timestamp. MP4 is written in fragments, of which the end makes an ordinary film: a file cut off by
    a crash still plays.

    Args:
        path: ``.mp4`` or ``.mkv``.
        fps: nominal rate, a hint for the encoder.
        quality: x264's constant rate factor; lower is better and larger.
        live: frames come whether there is time for them or not: where the pictures are large for this machine they are
            pressed less hard, into files a few times as large.
        sound: of the film that the pictures are of; it ends with them, and is closed with the writer.

    Raises:
        InputError: another suffix, or the file cannot be written.
    """

    def __init__(
        self, path: Path, fps: float = 30.0, quality: int = 20, live: bool = False, sound: Sound | None = None
    ) -> None:
        if path.suffix.lower() not in SUFFIXES:
            raise InputError(f"cannot write {path}: use a name that ends in {' or '.join(SUFFIXES)}")
        # Flushed: FFmpeg would keep up to 256 KiB to itself, half a minute of a calm picture. Nor does it wait, up to
        # 10 s, for sound where there is none: pictures and sound come in order anyhow.
        options = {"flush_packets": "1", "max_interleave_delta": "1"}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._disk = _Disk(path)
            kind = "mp4" if path.suffix.lower() == ".mp4" else "matroska"
            if kind == "mp4":
                # Hybrid: the end makes an ordinary film of the fragments, in place. Else each is looked up by itself
                # when a film is opened, one a second of it, and tables of pictures that some programs want are empty.
                hybrid = "hybrid_fragmented+" if self._disk.seekable() else ""
                options["movflags"] = f"{hybrid}frag_keyframe+empty_moov+default_base_moof"
            self._container = av.open(self._disk, "w", kind, options=options)
        except (FFmpegError, OSError) as error:
            raise InputError(f"cannot write {path}: {error.strerror or error}") from None
        self.path = path
        self._fps = Fraction(max(1.0, fps)).limit_denominator(1001)
        self._quality, self._live, self._sound = quality, live, sound
        self._scaler = VideoReformatter()
        self._stream: av.VideoStream | None = None
        self._last, self._failed = -1, False
        self._ends = 0
        self._shown: av.VideoFrame | None = None
        self._key_at = 0
        self._size = (0, 0)
        self.frames = 0

    def write(self, image: NDArray[np.uint8], seconds: float) -> None:
        """Add a BGR frame (H, W, 3) at a time in seconds from the start.

        Frames of another size than the first are fitted into it; times that do not advance are moved
        by one tick.

        Raises:
            InputError: disk full or the like.
        """
        if self._stream is None:
            self._size = film_size(image.shape[1], image.shape[0])
            self._start()
        width, height = self._size
        if image.shape[:2] != (height, width):
            image = _fit(image, width, height)
        # FFmpeg reads the picture where it lies: PyAV copies it twice otherwise, and lets no other thread, the window's
        # neither, do anything meanwhile. What is made of it here has its own memory.
        frame = self._scaler.reformat(
            av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="bgr24"), width, height, "yuv420p",
            dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG, interpolation=_ROUNDED,
        )  # fmt: skip
        at = max(self._last + 1, round(seconds / _CLOCK))
        while self._shown is not None and at - self._last > _LONGEST:
            self._encode(self._shown, self._last + _LONGEST)
        self._encode(frame, at)
        self._shown = frame
        self.frames += 1

    def _encode(self, frame: av.VideoFrame, at: int) -> None:
        self._last = at
        frame.pts, frame.time_base = self._last, _CLOCK
        if self._shown is None or self._last - self._key_at >= 1 / _CLOCK:
            # A fragment ends with each key frame: at least every second, however slowly frames come.
            frame.pict_type, self._key_at = PictureType.I, self._last
        self._mux(frame)

    def _start(self) -> None:
        stream = self._container.add_stream("libx264", rate=self._fps)
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        stream.time_base = _CLOCK
        stream.codec_context.time_base = _CLOCK
        stream.codec_context.thread_count = max(2, min(4, physical_cores() // 2))
        # How the pictures were made from RGB: without it players take HD pictures for BT.709, which shifts colours.
        stream.codec_context.colorspace = Colorspace.ITU601
        stream.codec_context.color_range = ColorRange.MPEG
        stream.codec_context.color_primaries = _SRGB
        stream.codec_context.color_trc = _SRGB
        # No B-frames: a fragmented MP4 has no edit list, so reordering would shift all times. What x264 looks ahead
        # is lost in a crash.
        stream.options = {
            "crf": str(self._quality), "preset": self._preset(), "bf": "0", "forced-idr": "1", "rc-lookahead": "3",
        }  # fmt: skip
        self._stream = stream
        if self._sound is not None:
            self._sound.join(self._container)

    def _preset(self) -> str:
        """x264's: the encoder may take half of the cores, the rest is for camera, network and window."""
        load = self._size[0] * self._size[1] * float(self._fps) * _SECONDS_PER_PIXEL
        return "ultrafast" if self._live and load > physical_cores() / 2 else "veryfast"

    def _mux(self, frame: av.VideoFrame | None) -> None:
        assert self._stream is not None
        try:
            packets = self._stream.encode(frame)
        except (FFmpegError, OSError) as error:
            self._failed = True
            what = f"{self._size[0]}x{self._size[1]} pixels: {error.strerror or error}"
            raise InputError(f"cannot encode {what} (too little memory?); {self.path} ends there") from None
        try:
            for packet in packets:
                if packet.pts == self._last and self._ends > self._last:
                    packet.duration = self._ends - self._last
                # Not what is heard until the picture that was just encoded: of slides a minute lies between that and
                # what the encoder gives. A film that begins with its sound is moved by as much as that is late.
                self._mux_sound(packet.pts or 0)
                self._container.mux(packet)
            if frame is None:
                self._mux_sound(max(self._ends, self._last + round(1 / self._fps / _CLOCK)))
        except (FFmpegError, OSError) as error:
            self._failed = True
            raise self._refusal(error) from None

    def _mux_sound(self, until: int) -> None:
        for heard in self._sound.until(float(until * _CLOCK)) if self._sound is not None else ():
            self._container.mux(heard)

    def _refusal(self, error: FFmpegError | OSError) -> InputError:
        # Of a second failure FFmpeg only tells that something here failed.
        first = self._disk.error or error
        return InputError(f"cannot write {self.path}: {first.strerror or first}")

    def close(self, ends: float = 0.0) -> None:
        """Write what the encoder still holds and end the file.

        Args:
            ends: when the last picture is over, in seconds from the start, if that is known; else it stays for as long
                as one does at the nominal rate.

        Raises:
            InputError: disk full or the like.
        """
        self._ends = min(round(ends / _CLOCK), self._last + _LONGEST)
        try:
            # A container whose header could not be written crashes the process when it is given what is left.
            if self._stream is not None and not self._failed:
                self._mux(None)
        finally:
            self._stream = None
            if self._sound is not None:
                self._sound.close()
            try:
                self._container.close()
            except (FFmpegError, OSError) as error:
                raise self._refusal(error) from None
            finally:
                self._disk.close()
        if self._disk.error is not None:
            raise self._refusal(self._disk.error)


def film_size(width: int, height: int) -> tuple[int, int]:
    """Of a film that begins with a picture of this size: encoders take even ones."""
    return max(2, width & ~1), max(2, height & ~1)


def what_is_there(path: Path) -> tuple[int, float]:
    """How many pictures a film holds and when the last one is shown (s): for films whose end could not be written, of
    which the encoder and the last fragment took more than there is."""
    count, last = 0, 0.0
    try:
        with av.open(os.path.abspath(path)) as film:
            for packet in film.demux(video=0):
                if packet.size and packet.pts is not None and not packet.is_corrupt:
                    count, last = count + 1, float(packet.pts * packet.time_base)
    except (FFmpegError, OSError, IndexError):
        return count, last  # what came before the break
    return count, last


def _fit(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Scale into a frame of another size, black around; the odd pixel that encoders do not take is cut off."""
    import cv2

    x, y, wide, high = fitted((image.shape[1], image.shape[0]), (width, height))
    if (wide, high) == (image.shape[1], image.shape[0]) and wide >= width and high >= height:
        return image[:height, :width]
    out = np.zeros((height, width, 3), np.uint8)
    out[y : y + high, x : x + wide] = cv2.resize(image, (wide, high))
    return out
