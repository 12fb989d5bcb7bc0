"""Keypoint files back from the disk: JSON lines and tables, as they were written or as somebody changed them."""

from __future__ import annotations

import codecs
import csv
import json
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from io import BufferedReader, TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpm_live.core import own_skeleton
from cpm_live.core.crop import Box, Crop, resized_points
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Pose, Result, Side
from cpm_live.core.skeleton import SKELETONS, Skeleton

Size = tuple[int, int]
Key = tuple[int, str | None]
"""The number of a frame and, of pictures, the name: tables of several folders that were joined have numbers twice."""
_NEEDED = ("index", "skeleton", "id", "joint", "x", "y", "score")
"""Columns that a table cannot be without."""
_NOTHING = ("", "NA", "NaN", "nan")
"""What programs write where there is nothing."""
_LEAST = 1e-6
"""Joints without a place have score 0: they are not seen, also where no threshold is told."""
_SHAPE = "rows of x, y and score"


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose joints the lines hold, and from which score on they count as seen; the hands' beside them, if any."""

    skeleton: Skeleton
    joint: float
    hollow: float
    hands: Whose | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """One pose of a line; joints (K, 3) in pixels, score 0 where there is none; the box, where the file has one."""

    id: int
    side: Side
    body: int | None
    joints: NDArray[np.float32]
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """What a file says of one frame; ``size`` is of the picture that its pixels are of, where the file tells."""

    whose: Whose
    poses: tuple[Kept, ...]
    hands: tuple[Kept, ...]
    size: Size | None


class KeypointFile:
    """The lines of a file by the number of their frame and, of pictures, by their name.

    Args:
        path: ``.csv`` is a table, all else are JSON lines.
        known: the skeletons by name, with their thresholds, where the file does not tell them.

    Raises:
        InputError: unreadable, or a line that is none; the message names it.
    """

    def __init__(self, path: Path, known: Mapping[str, Whose]) -> None:
        self.path = path
        self.lines: dict[Key, Line] = {}
        self._numbered: dict[int, Key] = {}
        self._named: dict[str, Key] = {}
        try:
            # Read once, from front to back: it may be a pipe.
            with path.open("rb") as raw, TextIOWrapper(raw, _encoding(raw), newline="") as file:
                if path.suffix.lower() == ".csv":
                    names = file.readline()
                    rows = csv.DictReader(chain([names], file), delimiter=max(",;\t", key=names.count))
                    self._read_table(rows, known)
                else:
                    self._read_lines(file)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from None
        except UnicodeError:
            raise InputError(f"{path} is no keypoint file, or not in UTF-8; save it as UTF-8") from None
        except csv.Error as error:
            raise InputError(f"{path} is no keypoint file: {error}") from None
        self.used: set[Key] = set()

    def of(self, frame: Frame, name: str | None = None, alone: bool = False) -> Result:
        """What the file says of a frame, in its pixels; nobody where it says nothing.

        Args:
            name: the picture's, which counts more than its number.
            alone: it is all there is, so that a file about one picture is about it, also where it has another name.
        """
        key = self._key(frame.index, None if alone and len(self.lines) == 1 else name)
        line = None if key is None else self.lines.get(key)
        if key is None or line is None:
            return Result(frame, (), next(iter(SKELETONS.values())), "", 1, 0.0)
        self.used.add(key)
        whose, hands, size = line.whose, line.whose.hands, (frame.width, frame.height)
        result = Result(
            frame, _poses(line.poses, whose, line.size, size), whose.skeleton, "", 1, max(whose.joint, _LEAST),
            hollow_threshold=max(whose.hollow, _LEAST),
        )  # fmt: skip
        if hands is None:
            return result
        return replace(
            result, hands=_poses(line.hands, hands, line.size, size), hand_skeleton=hands.skeleton, hand_stages=1,
            hand_thresholds=(max(hands.joint, _LEAST), max(hands.hollow, _LEAST)),
        )  # fmt: skip

    def _key(self, index: int, name: str | None) -> Key | None:
        if name in self._named:
            return self._named[name]
        key = self._numbered.get(index)
        # What has another picture's name is not this one's, whatever its number: pictures come and go.
        return None if key is not None and None not in (name, key[1]) else key

    # -- JSON lines -------------------------------------------------------------------------------

    def _read_lines(self, file: Iterable[str]) -> None:
        whose: Whose | None = None
        size: Size | None = None
        for number, text in enumerate(file, 1):
            if not text.strip():
                continue
            where = f"{self.path}, line {number}"
            try:
                line = json.loads(text)
                if not isinstance(line, dict):
                    raise ValueError("no object")
                if "header" in line:
                    whose, size = _header(line["header"]), _size(line["header"])
                    continue
                if whose is None:
                    raise ValueError("there is no header before it; the first line of a keypoint file is one")
                hands = [_kept(pose, whose.hands.skeleton) for pose in line.get("hands") or []] if whose.hands else []
                poses = [_kept(pose, whose.skeleton) for pose in line["poses"]]
                own = Line(whose, (*poses,), (*hands,), _size(line) or size)
                self._add(_whole(line["index"]), line.get("file"), own)
            except KeyError as error:
                raise InputError(f"{where}: {error} is missing") from None
            except (ValueError, TypeError, ArithmeticError, RecursionError, InputError) as error:
                raise InputError(f"{where}: {error}") from None
        if whose is None:
            raise InputError(f"{self.path} is no keypoint file: it is empty")

    def _add(self, index: int, name: str | None, line: Line) -> None:
        key = index, name
        self.lines[key], self._numbered[index] = line, key
        if name is not None:
            self._named[name] = key

    # -- tables -----------------------------------------------------------------------------------

    def _read_table(self, rows: csv.DictReader[str], known: Mapping[str, Whose]) -> None:
        if missing := [name for name in _NEEDED if name not in (rows.fieldnames or [])]:
            raise InputError(f"{self.path} is no table of keypoints: it has no column {missing[0]!r}")
        frames: dict[Key, _Rows] = {}
        for number, row in enumerate(rows, 2):
            where = f"{self.path}, line {number}"
            if not any(row.values()):
                continue  # below a spreadsheet's last one
            try:
                if row["skeleton"] not in known:
                    raise ValueError(f"{row['skeleton']!r} is no skeleton that is known; give its recipe with --model")
                name = _cell(row, "file").removeprefix("./") or None
                frames.setdefault((_whole(row["index"]), name), _Rows()).add(row, known[row["skeleton"]].skeleton)
            except (ValueError, TypeError, AttributeError) as error:
                raise InputError(f"{where}: {error}") from None
        for index, name in list(frames):
            self._add(index, name, frames.pop((index, name)).line(known))


class _Rows:
    """The rows of one frame."""

    def __init__(self) -> None:
        self._poses: dict[tuple[str, int, Side, int | None], dict[int, array[float]]] = {}
        self._size: Size | None = None

    def add(self, row: Mapping[str, str], skeleton: Skeleton) -> None:
        body = _cell(row, "body")
        whose = skeleton.name, _whole(row["id"]), _side(row.get("side")), _whole(body) if body else None
        # Of several stages the last one counts.
        stage = _whole(_cell(row, "stage") or "1")
        stages = self._poses.setdefault(whose, {})
        if (joints := stages.get(stage)) is None:
            # Not NumPy's: a table has millions of rows, and single numbers take it long.
            joints = stages[stage] = array("f", bytes(12 * len(skeleton)))
        at = 3 * skeleton.index(row["joint"])
        joints[at], joints[at + 1], joints[at + 2] = _number(row["x"]), _number(row["y"]), _number(row["score"])
        # The same in all rows of a frame.
        if self._size is None and _cell(row, "width") and _cell(row, "height"):
            self._size = _positive(row["width"], row["height"])

    def line(self, known: Mapping[str, Whose]) -> Line:
        poses: dict[str, list[Kept]] = {}
        beside: list[Kept] = []
        for (skeleton, number, side, body), stages in self._poses.items():
            kept = Kept(number, side, body, _clean(np.reshape(stages[max(stages)], (-1, 3))))
            (poses.setdefault(skeleton, []) if body is None else beside).append(kept)
        # Hands alone, or a table of hands at wrists without the bodies' rows.
        name = next(iter(poses), "hand")
        whose = replace(known[name], hands=known["hand"]) if beside and name != "hand" else known[name]
        own = poses.get(name, []) + ([] if whose.hands else beside)
        return Line(whose, tuple(own), tuple(beside) if whose.hands else (), self._size)


# -- parts ----------------------------------------------------------------------------------------


def _header(header: object) -> Whose:
    if not isinstance(header, dict):
        raise ValueError("the header is no object")
    hands = header.get("hands")
    return replace(_whose(header), hands=_whose(hands) if hands else None)


def _whose(header: Mapping[str, Any]) -> Whose:
    name, joints, limbs = header["skeleton"], header["joints"], header.get("limbs") or []
    skeleton = SKELETONS.get(name)
    if skeleton is None or not skeleton.has(joints):
        try:
            named = [[joints[a], joints[b]] for a, b in limbs]
        except (IndexError, TypeError, ValueError):
            raise ValueError("limbs are pairs of places in joints, from 0; one of them is not") from None
        skeleton = own_skeleton.from_table(str(name), {"joints": joints, "limbs": named})
    return Whose(skeleton, float(header.get("joint_threshold", 0.0)), float(header.get("hollow_threshold", 0.0)))


def _size(line: Mapping[str, Any]) -> Size | None:
    size = line.get("width"), line.get("height")
    return _positive(size[0], size[1]) if size[0] and size[1] else None


def _positive(width: Any, height: Any) -> Size:
    size = _whole(width), _whole(height)
    if min(size) < 1:
        raise ValueError(f"a picture's width and height are not {size[0]} and {size[1]}")
    return size


def _kept(pose: Mapping[str, Any], skeleton: Skeleton) -> Kept:
    rows = pose["keypoints"]
    if not isinstance(rows, list) or len(rows) != len(skeleton):
        found = len(rows) if isinstance(rows, list) else "no"
        raise ValueError(f"keypoints are {len(skeleton)} {_SHAPE}, one for each joint, not {found}")
    try:
        joints = np.array([[_number(value) for value in row] for row in rows]).reshape(len(skeleton), 3)
    except (ValueError, TypeError):
        raise ValueError(f"keypoints are {_SHAPE}; one of them is not") from None
    body, box = pose.get("body"), pose.get("box")
    if box and (not isinstance(box, list) or len(box) != 4):
        raise ValueError("a box is x, y, width and height")
    return Kept(
        _whole(pose.get("id", 0)), _side(pose.get("side")), None if body is None else _whole(body), _clean(joints),
        (_number(box[0]), _number(box[1]), _number(box[2]), _number(box[3])) if box else None,
    )  # fmt: skip


def _encoding(file: BufferedReader) -> str:
    """UTF-8, with the mark that Excel puts first, or the UTF-16 of PowerShell's ``>``."""
    return "utf-16" if file.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _cell(row: Mapping[str, str | None], column: str) -> str:
    """What a row says in a column that there need not be; R writes NA where it says nothing."""
    text = row.get(column)
    return "" if text is None or text in _NOTHING else text


def _number(value: object) -> float:
    """A number, be its comma decimal; what other programs write for none is none."""
    if value is None or value in _NOTHING:
        return float("nan")
    return float(value.replace(",", ".") if isinstance(value, str) else value)  # type: ignore[arg-type]


def _whole(value: object) -> int:
    """A whole number, also one that pandas has made 3.0 of."""
    try:
        whole = (number := _number(value)).is_integer()
    except ValueError:
        whole = False
    if not whole:
        raise ValueError(f"{value!r} is no whole number")
    return int(number)


def _side(value: object) -> Side:
    return "left" if value == "left" else "right" if value == "right" else None


def _clean(joints: object) -> NDArray[np.float32]:
    """Joints without a place are not seen; none is seen more surely than 1, after which it would be drawn larger."""
    with np.errstate(over="ignore"):
        out = np.array(joints, float).astype(np.float32)
    out[~np.isfinite(out).all(axis=-1)] = 0.0
    out[..., 2] = np.minimum(out[..., 2], 1.0)
    return out


def _poses(kept: Iterable[Kept], whose: Whose, told: Size | None, size: Size) -> tuple[Pose, ...]:
    """Poses in pixels of a picture of this size."""
    share = (size[0] / told[0], size[1] / told[1]) if told else (1.0, 1.0)
    poses = []
    for one in kept:
        joints, box = one.joints, _box(one.joints, one.box, whose.hollow)
        if share != (1.0, 1.0):
            joints = resized_points(joints, share)
            box = box[0] * share[0], box[1] * share[1], box[2] * share[0], box[3] * share[1]
        maps = np.zeros((1, len(joints) + 1, 1, 1), np.float32)
        poses.append(Pose(one.id, box, joints[None], maps, Crop.around(box, 8), one.side, body=one.body))
    return tuple(poses)


def _box(joints: NDArray[np.float32], told: Box | None, least: float) -> Box:
    """The box that the file tells, unless the joints were moved out of it; else that of the joints that are seen."""
    there = joints[(joints[:, 2] > 0) & (joints[:, 2] >= least), :2]
    if told is not None and np.isfinite(told).all() and told[2] > 0 and told[3] > 0:
        room = 0.25 * max(told[2:])
        low, high = (told[0] - room, told[1] - room), (told[0] + told[2] + room, told[1] + told[3] + room)
        if ((there >= low) & (there <= high)).all():
            return told
    if not len(there):
        return 0.0, 0.0, 1.0, 1.0
    (x, y), (right, bottom) = there.min(axis=0).tolist(), there.max(axis=0).tolist()
    return x, y, max(right - x, 1.0), max(bottom - y, 1.0)
