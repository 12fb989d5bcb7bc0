"""Scenes: what a webcam might see, made of labelled pictures, for the finder to search.

Whole webcam frames keep their rooms; people of the sports pictures and hands of the gesture sets are
pasted at any size and place over other pictures. Pasted rectangles without anybody see to it that an
edge alone is not taken for a person.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import PAD_VALUE, Box
from cpm_live.drawing import figures
from cpm_live.training.augment import cut_out, recolour
from cpm_live.training.dataset import Damage
from cpm_live.training.finder_data import HAND_KIND, PERSON, Labelled, Picture

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Thing:
    """Someone to find: centre and longer side of the box of the visible joints, in scene pixels."""

    kind: int
    x: float
    y: float
    size: float
    side: int


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture for the finder.

    Attributes:
        image: (size, size, 3) uint8 BGR.
        things: who is to be found.
        ignore: per kind, boxes (x, y, w, h) in scene pixels where the answer is not known.
    """

    image: Image
    things: tuple[Thing, ...]
    ignore: tuple[tuple[Box, ...], tuple[Box, ...]]


@dataclass(frozen=True, slots=True)
class Settings:
    """How scenes are made: shares are probabilities.

    Attributes:
        whole: share of scenes that begin with a whole webcam frame.
        empty: share of the others that nobody is pasted into.
        person_size, hand_size: longer side of a pasted box as a share of the scene, drawn log-evenly.
    """

    whole: float = 0.5
    empty: float = 0.15
    person_size: tuple[float, float] = (0.15, 1.3)
    hand_size: tuple[float, float] = (0.055, 0.5)


class SceneMaker:
    """Makes scenes from pictures.

    Args:
        pictures: of one split.
    """

    def __init__(self, pictures: list[Picture], settings: Settings) -> None:
        self._settings = settings
        self._damage = Damage()
        self._whole = [p for p in pictures if p.whole]
        self._people = [p for p in pictures if not p.whole and p.things[0].kind == PERSON]
        self._hands = [p for p in pictures if not p.whole and p.things[0].kind == HAND_KIND]
        if not (self._whole or self._people or self._hands):
            raise ValueError("no picture to make scenes of")

    def make(self, size: int, rng: np.random.Generator) -> Scene:
        """One scene of this side."""
        canvas = _Canvas(size, rng)
        if self._whole and rng.random() < self._settings.whole:
            self._lay_whole(canvas, rng)
            if rng.random() < 0.3:
                self._paste_somebody(canvas, rng)
        else:
            self._lay_ground(canvas, rng)
            for _ in range(int(rng.integers(0, 3))):
                self._paste_nothing(canvas, rng)
            if rng.random() >= self._settings.empty:
                for _ in range(int(rng.choice([1, 2, 3, 4], p=[0.45, 0.3, 0.17, 0.08]))):
                    self._paste_somebody(canvas, rng)
        canvas.letterbox()
        return canvas.finish()

    def _pick(self, pictures: list[Picture], rng: np.random.Generator) -> tuple[Picture, Image]:
        start = int(rng.integers(len(pictures)))
        return self._damage.pick(pictures, start, lambda picture: picture.sample)

    def _lay_whole(self, canvas: _Canvas, rng: np.random.Generator) -> None:
        picture, image = self._pick(self._whole, rng)
        size = canvas.size
        if rng.random() < 0.5:
            self._lay_ground(canvas, rng)
        scale = size / max(image.shape[:2]) * float(np.exp(rng.uniform(np.log(0.22), np.log(1.5))))
        slack = size - np.array(image.shape[1::-1]) * scale
        at = slack * rng.uniform(0, 1, 2)
        canvas.paste(image, picture, scale, at, whole=True, mirror=rng.random() < 0.5)

    def _lay_ground(self, canvas: _Canvas, rng: np.random.Generator) -> None:
        kind = rng.random()
        size = canvas.size
        if kind < 0.25:
            canvas.image[:] = figures.draw_room(size, size)
        elif kind < 0.5 and (room := self._room(rng)) is not None:
            canvas.image[:] = cv2.resize(room, (size, size))
        elif kind < 0.58 or not (self._whole or self._people):
            canvas.image[:] = rng.integers(0, 256, 3)
        else:
            canvas.image[:] = _tiles(self._pick(self._whole or self._people, rng)[1], size, rng)

    def _room(self, rng: np.random.Generator) -> Image | None:
        """A part of a webcam frame beside the person in it."""
        for _ in range(4 if self._whole else 0):
            picture, image = self._pick(self._whole, rng)
            if not picture.known[PERSON]:
                continue
            points = np.concatenate([thing.points for thing in picture.things])
            height, width = image.shape[:2]
            left, right = int(points[:, 0].min() - 14), int(points[:, 0].max() + 14)
            start, end = (0, left) if left > width - right else (right, width)
            longest = min(end - start, height)
            if longest < 48:
                continue
            edge = int(rng.integers(48, longest + 1))
            x, y = int(rng.integers(start, end - edge + 1)), int(rng.integers(0, height - edge + 1))
            return image[y : y + edge, x : x + edge]
        return None

    def _paste_nothing(self, canvas: _Canvas, rng: np.random.Generator) -> None:
        """A rectangle of something that is nobody."""
        size = canvas.size
        w, h = (int(v) for v in rng.uniform(0.1, 0.7, 2) * size)
        x, y = int(rng.integers(-w // 2, size - w // 2)), int(rng.integers(-h // 2, size - h // 2))
        source = self._people or self._whole or self._hands
        patch = _tiles(self._pick(source, rng)[1], max(w, h), rng)[:h, :w]
        canvas.cover(patch, x, y)

    def _paste_somebody(self, canvas: _Canvas, rng: np.random.Generator) -> None:
        if not (self._people or self._hands):
            return
        size = canvas.size
        person = bool(self._people) and (not self._hands or rng.random() < 0.6)
        picture, image = self._pick(self._people if person else self._hands, rng)
        low, high = self._settings.person_size if person else self._settings.hand_size
        points = picture.things[0].points
        if len(points) < 3:
            return
        box = float(max(np.ptp(points, axis=0).max(), 8.0))
        scale = size / box * float(np.exp(rng.uniform(np.log(low), np.log(high))))
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        wanted = rng.uniform(0.05, 0.95, 2) * size
        if person and scale * box > 0.8 * size:
            # Larger than the picture: as at a webcam, the head is in it and the feet are not.
            wanted[1] = rng.uniform(0.5, 0.9) * size
        mirror = rng.random() < 0.5
        if mirror:
            middle[0] = image.shape[1] - 1 - middle[0]
        matte = cut_out(image) if not person and rng.random() < 0.7 else None
        canvas.paste(image, picture, scale, wanted - middle * scale, whole=False, mirror=mirror, matte=matte)


class _Canvas:
    """A scene in the making: its pixels, and who is where and still to be seen."""

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self.size, self._rng = size, rng
        self.image: Image = np.full((size, size, 3), PAD_VALUE, np.uint8)
        self._things: list[tuple[Labelled, NDArray[np.float32], NDArray[np.bool_]]] = []
        self._ignore: tuple[list[Box], list[Box]] = ([], [])
        self._window = (0.0, 0.0, float(size), float(size))

    def paste(
        self,
        image: Image,
        picture: Picture,
        scale: float,
        at: NDArray[np.floating],
        whole: bool,
        mirror: bool,
        matte: NDArray[np.float32] | None = None,
    ) -> None:
        """A picture with all that is labelled in it, its corner at ``at``; ``matte``: what of it is pasted."""
        rng, size = self._rng, self.size
        if mirror:
            image = np.asarray(cv2.flip(image, 1), np.uint8)
            matte = None if matte is None else np.asarray(cv2.flip(matte, 1), np.float32)
        matrix = np.array([[scale, 0, at[0]], [0, scale, at[1]]])
        flags = cv2.INTER_AREA if scale < 0.6 else cv2.INTER_LINEAR
        if scale < 0.6:
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=flags)
            # Resizing keeps the corners of pixels in place, labels and masks the middles.
            matrix[:, :2], matrix[:, 2] = np.eye(2), at + (1 - scale) / 2
        else:
            small = image
        warped = np.asarray(cv2.warpAffine(small, matrix, (size, size), flags=cv2.INTER_LINEAR), np.uint8)
        height, width = image.shape[:2]
        x0, y0 = max(0, round(at[0])), max(0, round(at[1]))
        x1, y1 = min(size, round(at[0] + width * scale)), min(size, round(at[1] + height * scale))
        if x1 - x0 < 4 or y1 - y0 < 4:
            return
        mask = np.zeros((size, size), np.float32)
        if matte is not None:
            shape = np.array([[scale, 0, at[0]], [0, scale, at[1]]])
            mask = np.asarray(cv2.warpAffine(matte, shape, (size, size), flags=cv2.INTER_LINEAR), np.float32)
        elif whole or rng.random() < 0.4:
            mask[y0:y1, x0:x1] = 1
        else:
            # A soft edge, now an ellipse and now a rectangle.
            inset = max(2, int(0.08 * min(x1 - x0, y1 - y0)))
            if rng.random() < 0.5:
                centre = (int(at[0] + width * scale / 2), int(at[1] + height * scale / 2))
                axes = (int(max(width * scale * 0.5 - inset / 2, 2)), int(max(height * scale * 0.5 - inset / 2, 2)))
                cv2.ellipse(mask, centre, axes, 0, 0, 360, 1.0, -1)
            else:
                mask[y0 + inset // 2 : y1 - inset // 2, x0 + inset // 2 : x1 - inset // 2] = 1
            mask = np.asarray(cv2.blur(mask, (inset, inset)), np.float32)
            mask[:y0] = mask[y1:] = 0
            mask[:, :x0] = mask[:, x1:] = 0
        self._blend(warped, mask, (max(0, x0 - 1), max(0, y0 - 1), x1 + 1, y1 + 1))
        self._hide(mask > 0.5)
        box = (float(x0), float(y0), float(x1 - x0), float(y1 - y0))
        for kind in (PERSON, HAND_KIND) if matte is None else ():
            if not picture.known[kind]:
                self._ignore[kind].append(box)
        for thing in picture.things:
            points = thing.points.copy()
            if mirror:
                points[:, 0] = width - 1 - points[:, 0]
            points = (points * scale + at).astype(np.float32)
            side = -thing.side if mirror else thing.side
            self._things.append((Labelled(thing.kind, points, side), points, np.ones(len(points), np.bool_)))

    def _blend(self, other: Image, mask: NDArray[np.float32], where: tuple[int, int, int, int]) -> None:
        """What the mask shows of another picture of the same size; it is 0 outside ``where`` (left, top, right,
        bottom): most of what is pasted is small."""
        left, top, right, bottom = where
        area = self.image[top:bottom, left:right]
        share = cv2.merge([mask[top:bottom, left:right]] * 3)
        area[:] = cv2.add(cv2.multiply(other[top:bottom, left:right], share, dtype=cv2.CV_32F),
                          cv2.multiply(area, 1 - share, dtype=cv2.CV_32F)).astype(np.uint8)  # fmt: skip

    def cover(self, patch: Image, x: int, y: int) -> None:
        """Pixels over whatever is there."""
        size = self.size
        x0, y0, x1, y1 = max(0, x), max(0, y), min(size, x + patch.shape[1]), min(size, y + patch.shape[0])
        if x1 <= x0 or y1 <= y0:
            return
        self.image[y0:y1, x0:x1] = patch[y0 - y : y1 - y, x0 - x : x1 - x]
        hidden = np.zeros((size, size), np.bool_)
        hidden[y0:y1, x0:x1] = True
        self._hide(hidden)

    def _hide(self, covered: NDArray[np.bool_]) -> None:
        limit = self.size - 1
        for _, points, seen in self._things:
            at = np.clip(np.rint(points), 0, limit).astype(int)
            seen &= ~covered[at[:, 1], at[:, 0]]

    def letterbox(self) -> None:
        """Grey bars, as frames that are not square have them."""
        rng, size = self._rng, self.size
        kind = rng.random()
        if kind < 0.3:
            return
        share = 0.75 if kind < 0.65 else 0.5625
        bar = int(size * (1 - share) / 2)
        if rng.random() < 0.88:
            self._window = (0.0, float(bar), float(size), float(size - bar))
            self.image[:bar] = self.image[size - bar :] = PAD_VALUE
        else:
            self._window = (float(bar), 0.0, float(size - bar), float(size))
            self.image[:, :bar] = self.image[:, size - bar :] = PAD_VALUE

    def finish(self) -> Scene:
        """The scene, with what can still be seen of everybody."""
        left, top, right, bottom = self._window
        things: list[Thing] = []
        for thing, points, seen in self._things:
            x, y = points[:, 0], points[:, 1]
            visible = seen & (x >= left) & (x < right) & (y >= top) & (y < bottom)
            if not visible.any():
                continue
            low, high = points[visible].min(axis=0), points[visible].max(axis=0)
            extent = float((high - low).max())
            # Enough of a body to be told; of a hand most.
            enough = visible.sum() >= 4 if thing.kind == PERSON else visible.mean() >= 0.6
            smallest = 0.08 if thing.kind == PERSON else 0.035
            if not enough or extent < smallest * self.size:
                pad = max(6.0, 0.3 * extent)
                self._ignore[thing.kind].append(
                    (low[0] - pad, low[1] - pad, high[0] - low[0] + 2 * pad, high[1] - low[1] + 2 * pad)
                )
                continue
            middle = (low + high) / 2
            things.append(Thing(thing.kind, float(middle[0]), float(middle[1]), extent, thing.side))
        image = recolour(self.image, self._rng)
        return Scene(image, tuple(things), (tuple(self._ignore[0]), tuple(self._ignore[1])))


def _tiles(image: Image, size: int, rng: np.random.Generator) -> Image:
    """Tiles of a picture in random order: its colours and textures without its people."""
    count = int(rng.integers(5, 10))
    edge = -(-size // count)
    large = np.asarray(cv2.resize(image, (count * edge, count * edge)), np.uint8)
    tiles = large.reshape(count, edge, count, edge, 3).swapaxes(1, 2).reshape(-1, edge, edge, 3)
    mixed = tiles[rng.permutation(len(tiles))].reshape(count, count, edge, edge, 3).swapaxes(1, 2)
    out = np.ascontiguousarray(mixed).reshape(count * edge, count * edge, 3)[:size, :size]
    if rng.random() < 0.5:
        out = np.asarray(cv2.GaussianBlur(out, (0, 0), rng.uniform(1, 6)), np.uint8)
    return out
