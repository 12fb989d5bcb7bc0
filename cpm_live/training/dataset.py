"""COCO-keypoint data sets, as one folder with ``annotations.json`` or in the layout of ``shared/data``."""

from __future__ import annotations

import json
import logging
import tarfile
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box
from cpm_live.core.errors import InputError, printable
from cpm_live.core.skeleton import Skeleton, plain

log = logging.getLogger("cpm_live.training")


class UnreadableError(InputError):
    """A picture cannot be read: a file is damaged, where other errors say that the labels are wrong."""


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled person or hand.

    Attributes:
        name: the picture's file name, for messages.
        jpeg: the encoded picture.
        joints: (K, 3): x, y in pixels; v = 0 not labelled, 1 occluded, 2 visible.
        box: the annotation's box in pixels.
        source: which data set it came from.
        file: where the picture is read from when it is wanted, with ``jpeg`` empty: sets too large for memory.
        image_id: the picture's id in its data set, for predictions by others; -1 without one.
        head: length of the head segment as the data set gives it (MPII), in pixels; 0 where it does not.
        area: the person's area in pixels as the data set gives it (COCO); 0 where it does not.
        size: width and height of the picture that is labelled, as the data set gives them; zeros where it does not.
        crowd: the box is of a crowd (COCO's ``iscrowd``): whoever is found there counts neither way.
        category: the annotation's category id, for predictions that others measure.
        order: where our joints are among the annotation's, if its data set has them in another order.
    """

    name: str
    jpeg: bytes
    joints: NDArray[np.float32]
    box: Box
    source: str
    file: Path | None = None
    image_id: int | str = -1
    head: float = 0.0
    area: float = 0.0
    size: tuple[int, int] = (0, 0)
    crowd: bool = False
    category: int | str = 1
    order: tuple[int, ...] | None = None

    def image(self) -> NDArray[np.uint8]:
        """The picture, BGR."""
        try:
            encoded = self.file.read_bytes() if self.file is not None and not self.jpeg else self.jpeg
        except OSError as error:
            raise UnreadableError(f"cannot read {self.file}: {error.strerror}") from None
        data = np.frombuffer(encoded, np.uint8)
        try:
            image = cv2.imdecode(data, cv2.IMREAD_COLOR) if encoded else None
        except cv2.error:
            image = None  # of more pixels than OpenCV takes
        if image is None:
            raise UnreadableError(f"cannot decode {self.name}; remove it from the annotations or mend the file")
        width, height = self.size
        if width != height and image.shape[:2] == (width, height):
            # A camera's note has turned it; the labels were made for the picture as it lies in the file.
            turned = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
            image = image if turned is None else turned
        if width and image.shape[:2] != (height, width):
            raise InputError(
                f"{self.name} is {image.shape[1]}x{image.shape[0]}, its labels are for {width}x{height}; mend the "
                "annotations' width and height (and joints), or the file"
            )
        return image  # type: ignore[return-value]

    @property
    def corners(self) -> NDArray[np.float32]:
        """Those of the box (4, 2), for want of joints; none (0, 2) of a box without a size."""
        x, y, w, h = self.box
        there = w > 0 and h > 0
        return np.array([[x, y], [x + w, y], [x, y + h], [x + w, y + h]] if there else np.zeros((0, 2)), np.float32)


def load(folder: Path, skeleton: Skeleton, split: str) -> list[Sample]:
    """All samples of one split.

    Args:
        folder: either holds ``annotations.json`` and ``images/`` (then ``split`` is not used), or
            ``<skeleton>_<split>.json`` with ``images-*.tar`` or ``images/`` beside it.
        split: ``train`` or ``val``.

    Raises:
        InputError: nothing usable there; the message says what was looked for.
    """
    annotations, coco = _read(folder, skeleton, split)
    rows = _of_keypoints(coco)
    if not rows:
        raise InputError(f"{annotations} has no annotations")
    names = [image.get("file_name") for _, image in rows]
    if odd := [name for name in names if not isinstance(name, str)]:
        raise InputError(f"{annotations}: a picture's file_name is {odd[0]!r}; it must be a name")
    wanted = {str(name) for name in names}
    packed, files = _find_pictures(folder, wanted)
    if missing := sorted(wanted - packed.keys() - files.keys()):
        raise InputError(f"{len(missing)} pictures of {annotations} are missing, {missing[0]} first")
    order = _orders(coco.get("categories"), skeleton, annotations)
    samples = []
    for row, image in rows:
        try:
            if "keypoints" not in row:
                raise InputError(f"{annotations}: annotation {row.get('id')} has no keypoints; leave it out, or say in "
                                 "categories which have some")  # fmt: skip
            joints = _joints(row["keypoints"], len(skeleton))
            # Some write -1 for what is not labelled; here it would mean: labelled, and outside of the picture.
            joints[joints[:, 2] < 0, 2] = 0
            # Who has no box has that of the joints.
            x, y, w, h = (float(value) for value in row.get("bbox") or (0, 0, 0, 0))
            area = float(row.get("area") or 0)
            if not np.isfinite([*joints.flat, x, y, w, h, area]).all():
                raise ValueError("keypoints, bbox and area must be numbers")
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{annotations}: annotation {row.get('id')} is unusable: {error!r}") from None
        if len(joints) != len(skeleton):
            raise InputError(
                f"{annotations}: annotation {row.get('id')} has {len(joints)} keypoints, "
                f"the {skeleton.name} skeleton has {len(skeleton)}: {', '.join(skeleton.joints)}"
            )
        category = row.get("category_id", 1)
        if (own := order.get(category)) is not None:
            joints = joints[list(own)]
        name, source = image["file_name"], _source(image)
        samples.append(
            Sample(
                name,
                packed.get(name, b""),
                joints,
                (x, y, w, h),
                source,
                files.get(name),
                row["image_id"],
                area=area,
                size=_size(image),
                crowd=bool(row.get("iscrowd")),
                category=category,
                order=own,
            )
        )
    return samples


def readable(samples: list[Sample]) -> list[Sample]:
    """Those whose pictures can be read; the others are told in the log.

    Raises:
        InputError: none can be read, or one has another size than its labels are for.
    """
    bad: dict[str, str] = {}
    for sample in {sample.name: sample for sample in samples}.values():
        try:
            sample.image()
        except UnreadableError as error:
            bad[sample.name] = str(error)
    for line in bad.values():
        log.warning("left out: %s", line)
    left = [sample for sample in samples if sample.name not in bad]
    if samples and not left:
        raise InputError(f"none of {len(bad)} pictures can be read: {line}")
    return left


class Damage:
    """What of a training's pictures cannot be read: their turn is the next one's, in every process alike, since a
    damaged file must not end hours of work. Each is told once in the log.

    Args:
        most: so many pictures are no accident.
    """

    def __init__(self, most: float = float("inf")) -> None:
        self._most = most
        self._names: set[str] = set()

    def pick(self, items: Sequence[_T], place: int, sample_of: Callable[[_T], Sample]) -> tuple[_T, NDArray[np.uint8]]:
        """The item at this place, or the first after it whose picture can be read, with the picture.

        Raises:
            InputError: too many cannot be read, or the labels of one are wrong.
        """
        for number in range(place, place + len(items)):
            item = items[number % len(items)]
            sample = sample_of(item)
            try:
                return item, sample.image()
            except UnreadableError as error:
                last = error
                if sample.name not in self._names:
                    self._names.add(sample.name)
                    log.warning("left out: %s", error)
            if len(self._names) > self._most:
                break
        raise InputError(f"{len(self._names)} pictures cannot be read, too many to go on: {last}")


def load_empty(folder: Path, skeleton: Skeleton, split: str) -> list[Sample]:
    """The pictures of one split in which nobody is labelled, as samples without joints and box: whatever is found there
    is a false alarm. See :func:`load`."""
    annotations, coco = _read(folder, skeleton, split)
    taken = {row["image_id"] for row in coco["annotations"]}
    images = {i["file_name"]: i for i in coco["images"] if i["id"] not in taken and isinstance(i.get("file_name"), str)}
    packed, files = _find_pictures(folder, set(images))
    nobody = np.zeros((len(skeleton), 3), np.float32)
    # What is found there is of the category that the others have, if they have one.
    numbers = {row.get("category_id", 1) for row, _ in _of_keypoints(coco)}
    category = numbers.pop() if len(numbers) == 1 else 1
    order = _orders(coco.get("categories"), skeleton, annotations).get(category)
    return [
        Sample(name, packed.get(name, b""), nobody, (0.0, 0.0, 0.0, 0.0), _source(image), files.get(name), image["id"],
               size=_size(image), category=category, order=order)
        for name, image in images.items()
    ]  # fmt: skip


def _read(folder: Path, skeleton: Skeleton, split: str) -> tuple[Path, dict[str, Any]]:
    """The file of one split, and what it holds: ``images`` with ids, ``annotations`` of these images."""
    annotations = folder / "annotations.json"
    if not annotations.exists():
        annotations = folder / f"{skeleton.name}_{split}.json"
    if not annotations.exists():
        raise InputError(
            f"no data in {folder}: expected annotations.json (with images/) or {annotations.name} "
            "(with images-*.tar or images/); give the folder with --data"
        )
    try:
        coco: dict[str, Any] = json.loads(annotations.read_text(encoding="utf-8"))
        known = {image["id"]: image["id"] for image in coco["images"]}
        alike = {str(number): number for number in known}
        rows = [
            row | {"image_id": known.get(row["image_id"], alike.get(str(row["image_id"])))}
            for row in coco["annotations"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{annotations} is not a COCO keypoint file: {error!r}") from None
    coco["annotations"] = [row for row in rows if row["image_id"] is not None]
    if left := len(rows) - len(coco["annotations"]):
        if left == len(rows):
            raise InputError(f"{annotations}: none of its {left} annotations is of a picture that it lists")
        log.warning("%s: %d annotations of pictures that it does not list are left out", annotations, left)
    return annotations, coco


def _of_keypoints(coco: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The annotations that have keypoints, or should have, each with its image: not those of categories without any
    beside others with some, as of a project that has boxes of balls, too."""
    categories = coco.get("categories")
    listed = [entry for entry in categories if isinstance(entry, dict)] if isinstance(categories, list) else []
    without = {entry.get("id") for entry in listed if not entry.get("keypoints")}
    if len(without) == len(listed):
        without = set()
    images = {image["id"]: image for image in coco["images"]}
    rows = [row for row in coco["annotations"] if "keypoints" in row or row.get("category_id") not in without]
    if left := len(coco["annotations"]) - len(rows):
        log.info("%d annotations of categories without keypoints are left out", left)
    return [(row, images[row["image_id"]]) for row in rows]


def _source(image: dict[str, Any]) -> str:
    """Which data set a picture came from: as it says, else the first folder of its name."""
    name = image["file_name"]
    source = image.get("source") or name.partition("/")[0] if "/" in name else image.get("source", "data")
    return printable(str(source))


def _joints(values: Any, count: int) -> NDArray[np.float32]:
    """Rows of x, y, v; no row at all is how some write that nothing is labelled, null that one joint is not."""
    flat = [0 if value is None else value for value in np.ravel(np.asarray(values or [], object))]
    return np.asarray(flat or [0] * 3 * count, np.float32).reshape(-1, 3)


def _orders(categories: Any, skeleton: Skeleton, annotations: Path) -> dict[Any, tuple[int, ...]]:
    """By category: where our joints are among its keypoints, if it has the same ones in another order.

    Raises:
        InputError: some of its joints have our names and other places, and not all of ours are there.
    """
    out: dict[Any, tuple[int, ...]] = {}
    ours = [plain(joint) for joint in skeleton.joints]
    for category in categories if isinstance(categories, list) else []:
        named = category.get("keypoints") if isinstance(category, dict) else None
        if not isinstance(named, list) or len(named) != len(skeleton):
            continue
        names = [plain(str(name)) for name in named]
        if not set(names) & set(ours):
            log.warning(
                "%s: its joints (%s, ...) have other names than the %s skeleton's (%s, ...): taken in their order",
                annotations, named[0], skeleton.name, skeleton.joints[0],
            )  # fmt: skip
        if all(name == own or name not in ours for name, own in zip(names, ours, strict=True)):
            continue
        if set(names) != set(ours):
            raise InputError(
                f"{annotations}: its joints are {', '.join(names)}; the {skeleton.name} skeleton's are "
                f"{', '.join(skeleton.joints)}: name them so, in any order"
            )
        out[category.get("id")] = tuple(names.index(joint) for joint in ours)
    return out


def _size(image: dict[str, Any]) -> tuple[int, int]:
    """As the data set says it: also as ``640.0`` and ``"640"``; zeros where it does not."""
    try:
        width, height = float(image["width"]), float(image["height"])
    except (KeyError, TypeError, ValueError):
        return 0, 0
    return (int(width), int(height)) if width.is_integer() and height.is_integer() else (0, 0)


def _find_pictures(folder: Path, wanted: set[str]) -> tuple[dict[str, bytes], dict[str, Path]]:
    """By name: pictures out of archives, encoded, and where those in folders are."""
    found: dict[str, bytes] = {}
    files: dict[str, Path] = {}
    for archive in sorted(folder.glob("images-*.tar")):
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.name in wanted and (handle := tar.extractfile(member)) is not None:
                    found[member.name] = handle.read()
    for name in wanted - found.keys():
        if (path := next(filter(Path.is_file, _places(folder, name)), None)) is not None:
            files[name] = path
    return found, files


def _places(folder: Path, name: str) -> Iterator[Path]:
    """Where a picture may be: also one whose name comes from Windows, or from a Mac, which takes umlauts apart."""
    for spelt in dict.fromkeys((name, name.replace("\\", "/"))):
        for form in dict.fromkeys((spelt, *(unicodedata.normalize(kind, spelt) for kind in ("NFC", "NFD")))):
            yield folder / "images" / form
            yield folder / form
