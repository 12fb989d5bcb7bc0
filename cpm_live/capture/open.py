"""From what a person types to an opened source."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cpm_live.capture.base import Source
from cpm_live.core.address import STREAM_SCHEMES, is_stream, without_password
from cpm_live.core.errors import InputError


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """What to open.

    Attributes:
        text: ``demo``, ``demo:hand``, ``camera``, ``camera:0``, ``camera:NAME``, a path or a URL.
        live: paced to real time and repeated for ever (the window), or once as fast as possible (``run``).
        size: wanted camera resolution.
        demo_kind: what plain ``demo`` shows: ``body`` or ``hand``.
        frames: how many the demo has where it is not live, for which it never ends.
    """

    text: str
    live: bool = True
    size: tuple[int, int] = (640, 480)
    demo_kind: str = "body"
    frames: int = 300

    def __post_init__(self) -> None:
        # Whoever has a Path gives it.
        object.__setattr__(self, "text", os.fspath(self.text))


def is_demo(text: str) -> bool:
    """Whether this names the built-in demo; ``demo.mp4`` is a file."""
    return text == "demo" or text.startswith("demo:")


def is_camera(text: str) -> bool:
    """Whether this names a camera; ``camera.mp4`` is a file."""
    return text == "camera" or text.startswith("camera:")


def demo_kind(request: SourceRequest) -> str:
    """``body`` or ``hand``: as the text says, else of the model. Other skeletons have no figure: they get the body's.

    Raises:
        InputError: the text says something else.
    """
    kinds = ("body", "hand")
    told = request.text.strip().partition(":")[2]
    if told and told not in kinds:
        raise InputError(f"unknown demo {told!r}; use demo:body or demo:hand")
    return told or (request.demo_kind if request.demo_kind in kinds else "body")


def open_source(request: SourceRequest) -> Source:
    """Open a source.

    Raises:
        InputError: it does not exist or cannot be used; one line saying what to do.
    """
    text = request.text.strip()
    if not text:
        raise InputError("no source given; use a file, a folder, a URL, camera:0 or demo")
    if is_demo(text):
        from cpm_live.capture.demo import DemoSource

        return DemoSource(demo_kind(request), frames=None if request.live else request.frames, paced=request.live)
    if is_camera(text):
        from cpm_live.capture.camera import CameraSource, find_camera

        return CameraSource(find_camera(text.partition(":")[2] or "0"), request.size)
    from cpm_live.capture.video import VideoSource

    if is_stream(text):
        return VideoSource(text, paced=request.live, loop=request.live)
    from cpm_live.capture.images import ImageSource, is_image

    try:
        # As it was given: names may begin or end with a blank.
        path = Path(request.text).expanduser()
        if not path.exists():
            path = Path(text).expanduser()
        folder, exists = path.is_dir(), path.exists()
    except (OSError, RuntimeError) as error:
        raise InputError(f"cannot use {text[:200]} as a path: {getattr(error, 'strerror', None) or error}") from None
    if folder or is_image(path):
        return ImageSource(path, hold=2.0 if request.live else None)
    if not exists and "://" in text:
        kinds = ", ".join(STREAM_SCHEMES)
        raise InputError(f"cannot open {without_password(text)}: streams that can be read begin with {kinds}")
    if not exists:
        # A word that looks like no path may be meant for something else.
        other = "" if path.suffix or path.name != text else " (cameras are camera:0, the demo is demo)"
        raise InputError(f"no file or folder {text}; check the path{other}")
    return VideoSource(str(path), paced=request.live, loop=request.live)
