"""The keypoints of a film that is being recorded, in a file beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cpm_live.core.crop import fitted, resized_points
from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import Skeleton
from cpm_live.drawing.view import View
from cpm_live.recording.keypoints import KeypointWriter, limits, since
from cpm_live.recording.video import film_size

SUFFIX = ".jsonl"


class KeypointsBeside:
    """Writes a line for each picture of a film.

    Coordinates are pixels of the film: mirrored where it is, and fitted into it where the picture was. Numbers are
    those of its pictures: a source's have gaps where one was skipped, and begin again with another source. Where
    another model, other thresholds or a mirror come, another header comes first.

    Args:
        path: the ``.jsonl`` file.

    Raises:
        InputError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: KeypointWriter | None = None
        self._size: tuple[int, int] | None = None
        self._pictures = 0
        self._since: dict[str, str] | None = None
        self._head: tuple[Skeleton, dict[str, Any], Skeleton | None, dict[str, Any] | None] | None = None

    def write(self, result: Result, view: View, seconds: float) -> None:
        """One line, at a time of the film.

        Raises:
            InputError: disk full or the like.
        """
        size = result.frame.width, result.frame.height
        self._size = film = self._size or film_size(*size)
        self._since = self._since or since(result.frame)
        about = {
            "model": result.model,
            **self._since,
            "width": film[0],
            "height": film[1],
            "mirrored": view.mirror,
            "smoothing": result.smoothing,
            **limits(result.joint_threshold, result.hollow_threshold),
        }
        hands = limits(*result.hand_thresholds) if result.hand_skeleton is not None else None
        head = result.skeleton, about, result.hand_skeleton, hands
        if self._writer is None:
            # Each line at once: like the film, what a crash leaves is good.
            self._writer = KeypointWriter(self.path, *head, at_once=True)
        elif head != self._head and result.stage_count:
            self._writer.head(*head)
        if result.stage_count:
            # A picture that no model has looked at, as while another one is loaded, says nothing of the next.
            self._head = head
        if view.mirror or size != film:
            place = fitted(size, film)
            poses, found = (tuple(_shown(p, size, place, view.mirror) for p in s) for s in (result.poses, result.hands))
            result = replace(result, poses=poses, hands=found)
        self._writer.write(result, seconds, size=film, index=self._pictures)
        self._pictures += 1

    def close(self) -> None:
        """End the file.

        Raises:
            InputError: disk full or the like.
        """
        if self._writer is not None:
            self._writer.close()


def _shown(pose: Pose, size: tuple[int, int], place: tuple[int, int, int, int], mirror: bool) -> Pose:
    """With its joints and box where the film shows them: its picture's size, and the place of that in the film."""
    joints = pose.keypoints.copy()
    x, y, wide, high = pose.box
    if mirror:
        joints[:, 0] = size[0] - 1 - joints[:, 0]
        x = size[0] - 1 - x - wide
    across, down = place[2] / size[0], place[3] / size[1]
    joints = resized_points(joints, (across, down))
    joints[:, :2] += place[:2]
    box = ((x + 0.5) * across - 0.5 + place[0], (y + 0.5) * down - 0.5 + place[1], wide * across, high * down)
    return replace(pose, smoothed=joints, box=box)
