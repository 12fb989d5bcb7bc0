"""Keypoints as JSON lines: a header, then one line for every frame (format: DESIGN section 11)."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import IO, Any

from cpm_live import __version__
from cpm_live.core.errors import InputError
from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import Skeleton

log = logging.getLogger("cpm_live.recording")


class KeypointWriter:
    """Writes results in order.

    Args:
        path: the ``.jsonl`` file.
        skeleton: whose joints the lines hold.
        about: more for the header: model, source, size...
        hands: the hands' skeleton, in "Body + hands": each line then has ``hands`` beside ``poses``, in the same
            form, and the header says which joints they have.

    Raises:
        InputError: the file cannot be written.
    """

    def __init__(self, path: Path, skeleton: Skeleton, about: dict[str, Any], hands: Skeleton | None = None) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Names of files that are not UTF-8 become JSON's own escapes.
            self._file: IO[str] = path.open("w", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror}") from None
        header = {
            "format": "cpm-live keypoints 1",
            "version": __version__,
            "skeleton": skeleton.name,
            "joints": list(skeleton.joints),
            "limbs": [list(limb) for limb in skeleton.limbs],
            **about,
        }
        self._hands = hands is not None
        if hands is not None:
            header["hands"] = {
                "skeleton": hands.name,
                "joints": list(hands.joints),
                "limbs": [list(limb) for limb in hands.limbs],
            }
        self._line({"header": header})

    def write(self, result: Result, time: float, name: str | None = None) -> None:
        """One line for a frame, empty ``poses`` where nobody is seen.

        Args:
            time: seconds from the start of the input.
            name: the picture's file name, for folders.
        """
        line: dict[str, Any] = {"index": result.frame.index, "time": round(time, 6)}
        if name is not None:
            line["file"] = name
        line["poses"] = [_pose(pose) for pose in result.poses]
        if self._hands:
            line["hands"] = [_pose(pose) for pose in result.hands]
        self._line(line)

    def _line(self, value: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(value, ensure_ascii=False) + "\n")
        except OSError as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """End the file."""
        try:
            self._file.close()
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> InputError:
        """What to say of a full disk; half a line at the end, which no reader of JSON lines takes, is cut off."""
        try:
            if self.path.is_file():
                with self.path.open("r+b") as file:
                    file.truncate(file.read().rfind(b"\n") + 1)
        except OSError as second:
            log.warning("%s may end in half a line: %s", self.path, second)
        return InputError(f"cannot write {self.path}: {error.strerror}")


def _pose(pose: Pose) -> dict[str, Any]:
    return {
        "id": pose.id,
        "box": [round(v, 2) for v in pose.box],
        "side": pose.side,
        "keypoints": [[round(float(x), 2), round(float(y), 2), round(float(s), 4)] for x, y, s in pose.keypoints],
    }
