"""Keypoints as a table (CSV), for spreadsheets and data frames: a row for every joint (the format is in the README)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import Skeleton
from cpm_live.recording.text_file import TextFile

COLUMNS = ("index", "time", "file", "skeleton", "id", "side", "body", "joint", "x", "y", "score")


class KeypointTable:
    """Writes results in order; a frame in which nobody is seen has no row.

    Args:
        path: the ``.csv`` file.

    Raises:
        InputError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._file = TextFile(path, "keypoints")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(COLUMNS)

    def write(self, result: Result, time: float, name: str | None = None) -> None:
        """The rows of a frame; see :meth:`KeypointWriter.write`."""
        frame = (result.frame.index, round(time, 6), name or "")
        of_hands = result.of_hands()
        for one in (result, *([of_hands] if of_hands is not None else [])):
            self._rows.writerows((*frame, *row) for row in _rows(one.poses, one.skeleton))

    def close(self) -> None:
        """End the file."""
        self._file.close()


def _rows(poses: Iterable[Pose], skeleton: Skeleton) -> Iterator[tuple[object, ...]]:
    for pose in poses:
        whose = (skeleton.name, pose.id, pose.side or "", "" if pose.body is None else pose.body)
        for joint, (x, y, score) in zip(skeleton.joints, pose.keypoints.tolist(), strict=True):
            yield (*whose, joint, round(x, 2), round(y, 2), round(score, 4))
