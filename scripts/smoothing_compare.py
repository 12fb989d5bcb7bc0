"""One-Euro against a constant-velocity Kalman filter: jitter of a still person against lag of a moving one.

    python scripts/smoothing_compare.py ../shared/data/webcam

Both filters smooth the same raw joints, offline. The product has the one that trembles less at the same lag.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from follow_report import lag
from follow_scenes import Image, as_frame, clip_frames, still
from numpy.typing import NDArray

from cpm_live.pipeline.machine import PoseMachine
from cpm_live.pipeline.options import Options
from cpm_live.pipeline.smooth import JUMP, Smoother

DT = 1 / 30
LEAST = 0.4
Way = NDArray[np.floating]
Filter = Callable[[Way, float], Way]


def raw_way(images: list[Image]) -> tuple[Way, float]:
    """Raw joints (frames, K, 3) of the first person, and their box's longer side."""
    machine = PoseMachine("body", options=Options(smoothing=0.0))
    poses = [machine(as_frame(image, index)).poses for index, image in enumerate(images)]
    way = np.array([p[0].keypoints if p else np.full((14, 3), np.nan) for p in poses])
    return way, float(np.median([max(p[0].box[2:]) for p in poses if p]))


def one_euro(smoothing: float) -> Filter:
    """The product's filter."""

    def run(way: Way, size: float) -> Way:
        smoother = Smoother(way.shape[1])
        return np.array([smoother(p.astype(np.float32), DT if n else 0.0, size, smoothing, LEAST)
                         for n, p in enumerate(way)])  # fmt: skip

    return run


def kalman(acceleration: float) -> Filter:
    """Constant velocity per joint; ``acceleration`` in box sides per second squared, measurement noise 1 % of the box.

    As in the product, joints that nobody believes in and joints that jump start afresh.
    """

    def run(way: Way, size: float) -> Way:
        step = np.array([[1.0, DT], [0.0, 1.0]])
        drive = np.array([[DT**4 / 4, DT**3 / 2], [DT**3 / 2, DT**2]]) * (acceleration * size) ** 2
        noise = (0.01 * size) ** 2
        out = way.copy()
        for joint in range(way.shape[1]):
            state, spread = np.zeros((2, 2)), np.eye(2)
            known = False
            for n in range(len(way)):
                at, sure = way[n, joint, :2], way[n, joint, 2] >= LEAST
                if not (known and sure) or np.hypot(*(at - state[0])) > JUMP * size:
                    state, spread, known = np.array([at, [0.0, 0.0]]), np.diag([noise, (2 * size) ** 2]), bool(sure)
                    continue
                state, spread = step @ state, step @ spread @ step.T + drive
                gain = spread[:, 0] / (spread[0, 0] + noise)
                state = state + gain[:, None] * (at - state[0])
                spread = spread - np.outer(gain, spread[0])
                out[n, joint, :2] = state[0]
        return out

    return run


def jitter(way: Way) -> float:
    """Standard deviation in pixels of the joints that are always sure, from the tenth frame on."""
    sure = (way[..., 2] >= 0.5).all(axis=0)
    return float(np.sqrt(way[10:, sure, :2].var(axis=0).sum(axis=-1)).mean())


def main(folder: Path) -> None:
    """Print both curves, and the Kalman filter's jitter where its lag is the One-Euro filter's."""
    rests = [raw_way(list(still(clip_frames(folder, clip)[20], 45))) for clip in ("again", "thanks")]
    moves = [raw_way(clip_frames(folder, clip)) for clip in ("brother", "no", "thanks")]
    print(f"raw                     jitter {np.mean([jitter(way) for way, _ in rests]):.2f} px, lag 0.00 frames")
    curves: dict[str, list[tuple[float, float]]] = {}
    for name, settings, make in (
        ("one-euro smoothing", (0.1, 0.25, 0.5, 0.75, 1.0), one_euro),
        ("kalman acceleration", (300.0, 100.0, 30.0, 10.0, 5.0, 3.0, 1.0, 0.3), kalman),
    ):
        for setting in settings:
            run = make(setting)
            behind = float(np.mean([lag(way, run(way, size)) for way, size in moves]))
            trembles = float(np.mean([jitter(run(way, size)) for way, size in rests]))
            curves.setdefault(name, []).append((behind, trembles))
            print(f"{name:19} {setting:5.2f} jitter {trembles:.2f} px, lag {behind:.2f} frames")
    theirs = sorted(curves["kalman acceleration"])
    for behind, trembles in curves["one-euro smoothing"]:
        other = float(np.interp(behind, [a for a, _ in theirs], [b for _, b in theirs]))
        print(f"at a lag of {behind:.2f} frames: one-euro {trembles:.2f} px, kalman {other:.2f} px")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
