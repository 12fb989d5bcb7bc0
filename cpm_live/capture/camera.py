"""Cameras, by index or by name."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.capture.base import SourceInfo, SourceLost
from cpm_live.capture.permission import HOW_TO_ALLOW, may_use_cameras
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame

PATIENCE_S = 1.0
"""A camera that gives no picture for so long has stopped; a single one may be broken."""


@dataclass(frozen=True, slots=True)
class Device:
    """A camera that the system lists.

    Attributes:
        index: what OpenCV opens.
        name: what the maker calls it.
        backend: OpenCV's backend number that the index belongs to.
    """

    index: int
    name: str
    backend: int


def list_cameras() -> list[Device]:
    """The cameras of this machine; an empty list where there are none."""
    from cv2_enumerate_cameras import enumerate_cameras

    wanted = {"win32": cv2.CAP_MSMF, "darwin": cv2.CAP_AVFOUNDATION}.get(sys.platform, cv2.CAP_V4L2)
    devices: dict[int, Device] = {}
    for camera in enumerate_cameras(wanted):
        devices.setdefault(camera.index, Device(camera.index, str(camera.name), int(camera.backend or wanted)))
    return [devices[index] for index in sorted(devices)]


def find_camera(text: str, devices: list[Device] | None = None) -> Device:
    """A camera by index (``0``) or part of its name.

    Raises:
        InputError: none fits; the message lists what exists.
    """
    known = list_cameras() if devices is None else devices
    if text.isdecimal():
        index = int(text)
        for device in known:
            if device.index == index:
                return device
        if known or sys.platform.startswith("linux"):
            raise InputError(f"no camera {index}; {_listing(known)}")
        return Device(index, f"Camera {index}", cv2.CAP_ANY)
    fitting = [device for device in known if text.lower() in device.name.lower()]
    if not fitting:
        raise InputError(f"no camera named {text!r}; {_listing(known)}")
    return fitting[0]


def _listing(devices: list[Device]) -> str:
    if not devices:
        return "this machine lists none; plug one in, or open a file or the demo"
    return "this machine has " + ", ".join(f"{device.index}: {device.name}" for device in devices)


class CameraSource:
    """A camera through OpenCV, MJPG at the chosen size.

    Args:
        device: which camera.
        size: wanted width and height; the nearest the camera offers is what comes.

    Raises:
        InputError: absent, busy, or not permitted.
    """

    def __init__(self, device: Device, size: tuple[int, int] = (640, 480), fps: float = 30.0) -> None:
        self.device = device
        if not may_use_cameras():
            raise InputError(f"camera {device.index} ({device.name}) {HOW_TO_ALLOW}")
        self._capture = cv2.VideoCapture(device.index, device.backend)
        if self._capture.isOpened():
            self._ask_for(size, fps)
        image = self._grab() if self._capture.isOpened() else None
        if image is None:
            self._capture.release()
            raise InputError(f"camera {device.index} ({device.name}) {_why_not(device)}")
        self._index = 0
        # Elsewhere numbers are places in the system's list, and say nothing about who is who.
        self._twins = set(self._of_my_name()) if sys.platform.startswith("linux") else None
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.info = SourceInfo(
            "camera", device.name, live=True, mirror=True, width=image.shape[1], height=image.shape[0],
            fps=float(rate) if rate and rate > 0 else fps,
        )  # fmt: skip

    def _ask_for(self, size: tuple[int, int], fps: float) -> None:
        if self.device.backend != cv2.CAP_MSMF:
            # MJPG must be asked for before the size: uncompressed 720p does not fit through USB 2. (Media Foundation
            # chooses by itself, and takes no wish.)
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        width, height = cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT
        # Both sides or none: most systems wait for both.
        for wishes in (((width, size[0]), (height, size[1])), ((cv2.CAP_PROP_FPS, fps),)):
            # Media Foundation takes seconds to start the camera anew for each wish, also for one that is fulfilled.
            if any(abs(self._capture.get(what) - wish) > 0.5 for what, wish in wishes):
                for what, wish in wishes:
                    self._capture.set(what, wish)

    def read(self) -> Frame | None:
        """The camera's next frame."""
        image = self._grab()
        if image is None:
            raise SourceLost(f"camera {self.device.index} ({self.device.name}) stopped delivering; check its cable")
        # OpenCV may reuse its buffer only if it is handed back in, which it is not: no copy needed.
        frame = Frame(np.asarray(image, np.uint8), self._index, time.perf_counter_ns())
        self._index += 1
        return frame

    def name_now(self, asked: str) -> str:
        """What opens this camera once more. A cable that is out for an instant gives it another number, as the system
        keeps the old one for whoever still has the camera open. Others of its name that were there before are others.
        """
        by_number = (asked.partition(":")[2] or "0").strip().isdecimal()
        if self._twins is None or not by_number:
            return asked
        there = self._of_my_name()
        if self.device.index in there:
            return f"camera:{self.device.index}"
        return next((f"camera:{index}" for index in there if index not in self._twins), asked)

    def _of_my_name(self) -> list[int]:
        return [device.index for device in list_cameras() if device.name == self.device.name]

    def _grab(self) -> NDArray[np.generic] | None:
        """The next picture; None where none comes for a while."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            ok, image = self._capture.read()
            if ok and image is not None:
                return image
            if time.monotonic() > deadline:
                return None
            time.sleep(0.02)

    def close(self) -> None:
        """Let go of the camera."""
        self._capture.release()


def _why_not(device: Device) -> str:
    if sys.platform.startswith("linux"):
        node = Path(f"/dev/video{device.index}")
        if not node.exists():
            return f"is absent ({node} does not exist); plug it in, or open a file or the demo"
        if not os.access(node, os.R_OK | os.W_OK):
            return f"may not be opened: no permission for {node}; add yourself to the group 'video'"
    return "cannot be opened; another program may be using it, or the system's privacy settings forbid it"
