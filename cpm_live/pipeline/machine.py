"""PoseMachine: from a frame to a result. The Python API's door."""

from __future__ import annotations

import time
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.frame import Frame
from cpm_live.core.pose import Pose, Result
from cpm_live.engines.base import Engine
from cpm_live.engines.recipe import Recipe, find
from cpm_live.engines.select import open_engine
from cpm_live.pipeline.decode import decode
from cpm_live.pipeline.locate import Locator, pose_box


class PoseMachine:
    """Finds the pose in frames of one source, following the person from frame to frame.

    Example:
        >>> machine = PoseMachine("body", engine="cpu")
        >>> result = machine(frame_bgr)
        >>> result.poses[0].keypoints  # (K, 3): x, y in frame pixels, score
        >>> result.poses[0].beliefs  # (T, K+1, h, w)

    Args:
        model: a shipped model's name, the path of a recipe, or a :class:`Recipe`.
        engine: ``auto``, ``cpu`` or ``torch``, or an :class:`Engine` already made.

    Raises:
        InputError: unknown model or engine, unreadable weights.
    """

    def __init__(self, model: str | Recipe = "body", engine: str | Engine = "auto", threads: int = 0) -> None:
        self.recipe = find(model) if isinstance(model, str) else model
        self.engine = open_engine(self.recipe, engine, threads) if isinstance(engine, str) else engine
        preset = self.engine.preset
        recipe = self.recipe
        self.locator = Locator(
            preset.size, preset.stride, recipe.margin, recipe.follow_threshold, recipe.find_threshold
        )
        self._count = 0

    def __call__(self, frame: Frame | NDArray[np.uint8]) -> Result:
        """Find the pose in a frame, or in a BGR uint8 array (H, W, 3).

        Frames of one source follow each other; call :meth:`reset` before unrelated pictures. Where the
        first look finds somebody, the same frame is looked at once more, closer.
        """
        if not isinstance(frame, Frame):
            # The caller's array stays writable: only this view of it is not.
            frame = Frame(np.ascontiguousarray(frame).view(), self._count, time.monotonic_ns())
        self._count += 1
        started = time.monotonic_ns()
        steps = {"wait": (started - frame.captured_ns) / 1e6, "crop": 0.0, "engine": 0.0, "decode": 0.0}
        was_following = self.locator.following
        pose = self._look(frame, steps)
        if pose is not None and not was_following:
            pose = self._look(frame, steps) or pose
        return Result(
            frame=frame,
            poses=() if pose is None else (pose,),
            skeleton=self.recipe.skeleton,
            model=self.recipe.name,
            stage_count=self.engine.preset.stages,
            joint_threshold=self.recipe.joint_threshold,
            steps_ms=MappingProxyType(steps),
            finished_ns=time.monotonic_ns(),
        )

    def find(self, frame: Frame | NDArray[np.uint8], tries: int = 8) -> Result:
        """Find the pose in an unrelated picture: forget what was followed, try up to ``tries`` places."""
        self.reset()
        result = self(frame)
        for _ in range(tries - 1):
            if result.poses:
                break
            result = self(result.frame)
        return result

    def _look(self, frame: Frame, steps: dict[str, float]) -> Pose | None:
        crop = self.locator.next_crop(frame.width, frame.height)
        t0 = time.perf_counter()
        picture = np.ascontiguousarray(crop.extract(frame.image).transpose(2, 0, 1))[None]
        t1 = time.perf_counter()
        centre = np.full((1, 2), (crop.size - 1) / 2, np.float32)
        beliefs = self.engine.infer(picture, centre)[0]
        t2 = time.perf_counter()
        joints = len(self.recipe.skeleton)
        found = decode(beliefs[:, :joints])
        found[..., :2] = crop.cells_to_frame(found[..., :2])
        present = self.locator.update(found[-1], frame.width, frame.height)
        t3 = time.perf_counter()
        steps["crop"] += (t1 - t0) * 1e3
        steps["engine"] += (t2 - t1) * 1e3
        steps["decode"] += (t3 - t2) * 1e3
        if not present:
            return None
        box = pose_box(found[-1], self.recipe.joint_threshold)
        return Pose(self.locator.track, box or crop.box, found, beliefs, crop)

    def reset(self) -> None:
        """Forget whom the machine was following."""
        self.locator.reset()

    def close(self) -> None:
        """Close the engine."""
        self.engine.close()
