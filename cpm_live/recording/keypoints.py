"""Keypoints as JSON lines: a header, then one line for every frame (the format is in the README)."""

from __future__ import annotations

import json
import time as clocks
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpm_live import __version__
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import Skeleton
from cpm_live.recording.text_file import TextFile


def limits(joint: float, hollow: float) -> dict[str, float]:
    """For a header: from which score on a joint counts as seen, and from which as perhaps seen; all are written."""
    return {"joint_threshold": joint, "hollow_threshold": hollow}


def since(first: Frame) -> dict[str, str]:
    """For a header: the moment of time 0, by this machine's clock, where that is when the first frame was taken."""
    ago = timedelta(microseconds=(clocks.perf_counter_ns() - first.captured_ns) / 1e3)
    return {"started": (datetime.now(UTC) - ago).isoformat(timespec="milliseconds")}


class KeypointWriter:
    """Writes results in order.

    Args:
        path: the ``.jsonl`` file, or ``text_file.STANDARD_OUTPUT``.
        skeleton: whose joints the lines hold.
        about: more for the header: model, source, size...
        hands: the hands' skeleton, in "Body + hands": each line then has ``hands`` beside ``poses``, in the same
            form with the number of the body whose they are, and the header says which joints they have.
        more_hands: more about the hands.
        every_stage: each pose also has ``stages``: the joints of every stage, the first one first.
        at_once: each line is on its way to the disk when it is written.

    Raises:
        InputError: the file cannot be written.
        BrokenPipeError: nobody reads standard output any more.
    """

    def __init__(
        self,
        path: Path,
        skeleton: Skeleton,
        about: dict[str, Any],
        hands: Skeleton | None = None,
        more_hands: dict[str, Any] | None = None,
        every_stage: bool = False,
        at_once: bool = False,
    ) -> None:
        self._every_stage = every_stage
        self._file = TextFile(path, "keypoints", at_once)
        self.head(skeleton, about, hands, more_hands)

    def head(
        self,
        skeleton: Skeleton,
        about: dict[str, Any],
        hands: Skeleton | None = None,
        more_hands: dict[str, Any] | None = None,
    ) -> None:
        """Say what the lines from here on hold; arguments as for the writer, which begins with such a line."""
        header = {
            "format": "cpm-live keypoints 1",
            "version": __version__,
            "skeleton": skeleton.name,
            "joints": list(skeleton.joints),
            "limbs": [list(limb) for limb in skeleton.limbs],
            **about,
        }
        self._size = (about["width"], about["height"]) if "width" in about else None
        self._hands = hands is not None
        if hands is not None:
            header["hands"] = {
                "skeleton": hands.name,
                "joints": list(hands.joints),
                "limbs": [list(limb) for limb in hands.limbs],
                **(more_hands or {}),
            }
        self._line({"header": header})

    def write(
        self,
        result: Result,
        time: float,
        name: str | None = None,
        size: tuple[int, int] | None = None,
        index: int | None = None,
    ) -> None:
        """One line for a frame, empty ``poses`` where nobody is seen; with its size where the header has another.

        Args:
            time: seconds from the start of the input.
            name: the picture's file name, for pictures.
            size: width and height of what the joints are pixels of, where that is not the frame.
            index: the picture's number, where it is not its source's.
        """
        line: dict[str, Any] = {"index": result.frame.index if index is None else index, "time": round(time, 6)}
        if name is not None:
            line["file"] = name
        size = size or (result.frame.width, result.frame.height)
        if self._size not in (None, size):
            line["width"], line["height"] = size
        line["poses"] = [self._pose(pose) for pose in result.poses]
        if self._hands:
            line["hands"] = [self._pose(pose) | {"body": pose.body} for pose in result.hands]
        self._line(line)

    def _pose(self, pose: Pose) -> dict[str, Any]:
        row = {
            "id": pose.id,
            "box": [round(v, 2) for v in pose.box],
            "side": pose.side,
            "keypoints": _joints(pose.keypoints),
        }
        if self._every_stage:
            row["stages"] = [_joints(pose.points(stage)) for stage in range(len(pose.stages))]
        return row

    def _line(self, value: dict[str, Any]) -> None:
        self._file.write(json.dumps(value, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """End the file."""
        self._file.close()


def _joints(joints: NDArray[np.float32]) -> list[list[float]]:
    return [[round(float(x), 2), round(float(y), 2), round(float(s), 4)] for x, y, s in joints]
