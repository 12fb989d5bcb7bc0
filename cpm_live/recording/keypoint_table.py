"""Keypoints as a table (CSV), for spreadsheets and data frames: a row for every joint (the format is in the README)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import Skeleton
from cpm_live.recording.text_file import TextFile

COLUMNS = ("index", "time", "file", "skeleton", "id", "side", "body", "joint", "x", "y", "score", "width", "height")


class KeypointTable:
    """Writes results in order; a frame in which nobody is seen has no row.

    Args:
        path: the ``.csv`` file.
        every_stage: a row for every stage of every joint, with the stage's number, from 1, in a last column.

    Raises:
        InputError: the file cannot be written.
    """

    def __init__(self, path: Path, every_stage: bool = False) -> None:
        self._every_stage = every_stage
        self._file = TextFile(path, "keypoints")
        self._rows = csv.writer(self._file, lineterminator="\n")
        # Python before 3.13 quotes no carriage return, which readers take for the end of the row.
        self._quoted = csv.writer(self._file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        self._rows.writerow((*COLUMNS, "stage") if every_stage else COLUMNS)

    def write(self, result: Result, time: float, name: str | None = None) -> None:
        """The rows of a frame; see :meth:`KeypointWriter.write`."""
        frame = (result.frame.index, round(time, 6), _cell(name or ""))
        # In each row: a film's pictures may change their size, and then all of x and y do.
        size = (result.frame.width, result.frame.height)
        table = self._quoted if "\r" in frame[-1] else self._rows
        of_hands = result.of_hands()
        for one in (result, *([of_hands] if of_hands is not None else [])):
            for pose in one.poses:
                for stage in range(len(pose.stages)) if self._every_stage else (-1,):
                    number = (stage + 1,) if self._every_stage else ()
                    rows = _rows(pose, pose.points(stage), one.skeleton)
                    table.writerows((*frame, *row, *size, *number) for row in rows)

    def close(self) -> None:
        """End the file."""
        self._file.close()


def _cell(name: str) -> str:
    """A file's name that spreadsheets do not take for a formula; it still names the file."""
    return f"./{name}" if name.startswith(("=", "+", "-", "@")) else name


def _rows(pose: Pose, joints: NDArray[np.float32], skeleton: Skeleton) -> Iterator[tuple[object, ...]]:
    whose = (skeleton.name, pose.id, pose.side or "", "" if pose.body is None else pose.body)
    for joint, (x, y, score) in zip(skeleton.joints, joints.tolist(), strict=True):
        yield (*whose, joint, round(x, 2), round(y, 2), round(score, 4))
