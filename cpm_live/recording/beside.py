"""The keypoints of a film that is being recorded, in a file beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import Skeleton
from cpm_live.drawing.view import View
from cpm_live.recording.keypoints import KeypointWriter

SUFFIX = ".jsonl"


class KeypointsBeside:
    """Writes a line for each picture of a film.

    Coordinates are pixels of the film: mirrored where it is. Where another model, other thresholds or a mirror come,
    another header comes first.

    Args:
        path: the ``.jsonl`` file.

    Raises:
        InputError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: KeypointWriter | None = None
        self._head: tuple[Skeleton, dict[str, Any], Skeleton | None, dict[str, Any] | None] | None = None

    def write(self, result: Result, view: View, seconds: float) -> None:
        """One line, at a time of the film.

        Raises:
            InputError: disk full or the like.
        """
        about = {
            "model": result.model,
            "width": result.frame.width,
            "height": result.frame.height,
            "mirrored": view.mirror,
            "smoothing": result.smoothing,
            "joint_threshold": result.joint_threshold,
            "hollow_threshold": result.hollow_threshold,
        }
        hands = dict(zip(("joint_threshold", "hollow_threshold"), result.hand_thresholds, strict=True))
        head = (result.skeleton, about, result.hand_skeleton, hands if result.hand_skeleton is not None else None)
        if self._writer is None:
            # Each line at once: like the film, what a crash leaves is good.
            self._writer = KeypointWriter(self.path, *head, at_once=True)
        elif head != self._head and result.stage_count:
            # (A picture that no model has looked at, as while another one is loaded, says nothing of the next.)
            self._writer.head(*head)
        self._head = head if result.stage_count else self._head
        if view.mirror:
            poses, found = (tuple(_mirrored(p, result.frame.width) for p in s) for s in (result.poses, result.hands))
            result = replace(result, poses=poses, hands=found)
        self._writer.write(result, seconds)

    def close(self) -> None:
        """End the file.

        Raises:
            InputError: disk full or the like.
        """
        if self._writer is not None:
            self._writer.close()


def _mirrored(pose: Pose, width: int) -> Pose:
    """With its joints and box where a mirror shows them."""
    joints = pose.keypoints.copy()
    joints[:, 0] = width - 1 - joints[:, 0]
    x, y, wide, high = pose.box
    return replace(pose, smoothed=joints, box=(width - 1 - x - wide, y, wide, high))
