"""Synthetic scenes for scripts/follow_report.py: crossings, exits, still people, and rooms without people.

Made from the webcam clips and the validation photographs of ../shared/data; nothing is stored.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.capture.video import VideoSource
from cpm_live.core.frame import Frame

Image = NDArray[np.uint8]
FPS = 30.0
WALL = (190, 196, 196)
WIDTH, HEIGHT = 640, 480


def clip_frames(folder: Path, clip: str) -> list[Image]:
    """All pictures of a clip."""
    source = VideoSource(str(folder / f"{clip}.mkv"))
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame.image)
    source.close()
    return frames


def as_frame(image: Image, index: int, fps: float = FPS) -> Frame:
    """A frame of a file that plays at ``fps``."""
    return Frame(image, index, index, index / fps)


@dataclass(frozen=True, slots=True)
class Change:
    """A clip, changed a little: what follows from it should not hang on that.

    Attributes:
        late: frames that are left out at the beginning.
        gamma: above 1 is darker.
        scale: of the picture's sides.
    """

    late: int = 0
    mirrored: bool = False
    gamma: float = 1.0
    scale: float = 1.0

    def image(self, image: Image) -> Image:
        """A frame as changed."""
        if self.gamma != 1:
            table = np.round(255 * (np.arange(256) / 255) ** self.gamma).astype(np.uint8)
            image = np.asarray(cv2.LUT(image, table), np.uint8)
        if self.scale != 1:
            image = np.asarray(
                cv2.resize(image, None, fx=self.scale, fy=self.scale, interpolation=cv2.INTER_AREA), np.uint8
            )
        return np.ascontiguousarray(image[:, ::-1]) if self.mirrored else image

    def points(self, points: Any, image: Image) -> NDArray[np.float64]:
        """Where points (..., 2 or more) of the frame ``image`` as it was lie in the changed one: (..., 2)."""
        out = (np.asarray(points, np.float64)[..., :2] + 0.5) * self.scale - 0.5
        if self.mirrored:
            out[..., 0] = round(image.shape[1] * self.scale) - 1 - out[..., 0]
        return out

    def side(self, side: str) -> str:
        """Which hand that is in the changed clip."""
        return {"left": "right", "right": "left"}[side] if self.mirrored else side


@dataclass(frozen=True, slots=True)
class Crossing:
    """Two people who slide over each other.

    Attributes:
        names: of the two clips; the second one is in front.
        speed: pixels per frame of each.
        back: whether they turn round when one hides the other, instead of passing.
    """

    names: tuple[str, str]
    speed: float
    back: bool = False


_CUT = 340
"""Width of the piece of each clip that slides: the person and a little wall."""


def crossing(clips: tuple[list[Image], list[Image]], scene: Crossing) -> Iterator[tuple[Image, tuple[float, float]]]:
    """Frames (480, 960, 3) and where the two people's middles are in each (x, x)."""
    width = 960
    far = width - _CUT
    frames = int(far / scene.speed)
    start = (WIDTH - _CUT) // 2 + 10
    for index in range(frames):
        travelled = scene.speed * index
        if scene.back:
            half = far / 2
            travelled = half - abs(half - travelled)
        canvas = np.full((HEIGHT, width, 3), WALL, np.uint8)
        lefts = (travelled, far - travelled)
        for clip, left in zip(clips, lefts, strict=True):
            picture = clip[_to_and_fro(index, len(clip))][:, start : start + _CUT]
            canvas[:, round(left) : round(left) + _CUT] = picture
        yield canvas, (lefts[0] + _CUT / 2, lefts[1] + _CUT / 2)


def _to_and_fro(index: int, length: int) -> int:
    """Plays a clip forwards and backwards without a jump."""
    index %= 2 * length - 2
    return index if index < length else 2 * length - 2 - index


def exits(clip: list[Image], dark: int) -> tuple[list[Image], int, int]:
    """The clip's middle, ``dark`` black frames, the middle again; and the two frames where that changes."""
    part = clip[10:40]
    black = [np.zeros_like(part[0]) for _ in range(dark)]
    return [*part, *black, *part], len(part), len(part) + dark


def still(picture: Image, frames: int, seed: int = 0) -> Iterator[Image]:
    """One picture as a camera would show it again and again: sensor noise, then JPEG."""
    rng = np.random.default_rng(seed)
    for _ in range(frames):
        noisy = np.clip(picture + rng.normal(0, 5.0, picture.shape), 0, 255).astype(np.uint8)
        _, data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 85])
        yield np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def empty_rooms(data: Path, most: int = 400) -> Iterator[tuple[str, Image]]:
    """Pieces of the validation photographs that lie beside their person, enlarged to a webcam's size.

    Sports pictures may show bystanders there; the offices of ``webcam-pseudo`` hardly do.
    """
    table: dict[str, Any] = json.loads((data / "body_val.json").read_text())
    images = {entry["id"]: entry for entry in table["images"]}
    wanted: dict[str, tuple[str, tuple[int, int, int, int]]] = {}
    for person in table["annotations"]:
        entry = images[person["image_id"]]
        piece = _largest_beside(person["bbox"], entry["width"], entry["height"])
        if piece is not None:
            wanted[entry["file_name"]] = entry["source"], piece
    count = 0
    for path in sorted(data.glob("images-*.tar")):
        with tarfile.open(path) as archive:
            for member in archive:
                if member.name not in wanted or count >= most:
                    continue
                file = archive.extractfile(member)
                assert file is not None
                picture = np.asarray(cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR), np.uint8)
                source, (x, y, w, h) = wanted[member.name]
                count += 1
                yield source, fit(picture[y : y + h, x : x + w])


def fit(picture: Image, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """Scaled to fill a webcam's picture, what is too much cut off."""
    scale = max(width / picture.shape[1], height / picture.shape[0])
    large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(large[:height, :width], np.uint8)


def _largest_beside(box: list[float], width: int, height: int) -> tuple[int, int, int, int] | None:
    """The largest piece left of, right of or above a box that is grown by a quarter; None if all are slivers."""
    x, y, w, h = box
    # Labels hold joints, not outlines: a head and hands stick out of the box.
    grow = 0.25 * max(w, h)
    x0, y0, x1 = max(0.0, x - grow), max(0.0, y - grow), min(float(width), x + w + grow)
    pieces = [(0, 0, int(x0), height), (int(x1), 0, width - int(x1), height), (0, 0, width, int(y0))]
    best = max(pieces, key=lambda piece: min(piece[2], piece[3]))
    return best if min(best[2], best[3]) >= 0.2 * min(width, height) and min(best[2], best[3]) >= 40 else None
