"""Films as others write them, and a server for them."""

from __future__ import annotations

from fractions import Fraction
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import av
import cv2
import numpy as np

from cpm_live.recording.video import VideoWriter

CLOCK = Fraction(1, 90_000)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None: ...


def film(
    path: Path, frames: int = 40, offset: float = 0.0, sound: float = 0.0, aspect: Fraction | None = None,
    options: dict[str, str] | None = None, codec: str = "libx264", rate: int = 20, title: str = "", gop: int = 100,
    step: int = 5,
) -> Path:  # fmt: skip
    """A film of ``rate`` pictures a second, as other programs write them; its first one is at ``offset`` seconds. Each
    is ``step`` brighter than the one before; after the brightest one it begins anew."""
    with av.open(str(path), "w", options=options or {}) as out:
        if title:
            out.metadata["title"] = title
        stream = out.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = gop
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        music = out.add_stream("aac", rate=48_000) if sound else None
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), step * index % 256, np.uint8), format="bgr24")
            frame.pts, frame.time_base = round((index / rate + offset) / CLOCK), CLOCK
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if music is not None:
            for start in range(0, int(48_000 * sound), 1024):
                silence = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
                silence.sample_rate, silence.pts, silence.time_base = 48_000, start, Fraction(1, 48_000)
                out.mux(music.encode(silence))
            out.mux(music.encode(None))
    return path


def picture(path: Path, value: int = 80) -> Path:
    cv2.imwrite(str(path), np.full((48, 64, 3), value, np.uint8))
    return path


def slides(path: Path, times: list[float]) -> Path:
    """A film whose pictures, each brighter than the one before, come at these times."""
    writer = VideoWriter(path)
    for index, seconds in enumerate(times):
        writer.write(np.full((48, 64, 3), 10 * index, np.uint8), seconds)
    writer.close()
    return path
