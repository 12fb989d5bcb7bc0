"""Whole-pipeline agreement with the reference labels of the webcam clips.

    python scripts/webcam_agreement.py ../shared/data/webcam [body|hand] [clip ...]

Body: share of shoulders, elbows and wrists within 0.2 torso of the reference; the torso is
|left shoulder - right hip|, or 1.5 x shoulder width where the reference has no hips. A frame where
nobody is found counts its joints as wrong. Hand: share of reference hands of which most joints lie
within 0.2 of the box's longer side of the pose found.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from cpm_live.capture.video import VideoSource
from cpm_live.pipeline.machine import PoseMachine

ARMS = [f"{side}_{part}" for part in ("shoulder", "elbow", "wrist") for side in ("right", "left")]


def torso(body: dict[str, list[float]]) -> float:
    """The reference length of one labelled frame, in pixels."""
    if "left_shoulder" in body and "right_hip" in body:
        return float(np.hypot(*np.subtract(body["left_shoulder"][:2], body["right_hip"][:2])))
    return 1.5 * float(np.hypot(*np.subtract(body["left_shoulder"][:2], body["right_shoulder"][:2])))


def main(folder: Path, model: str = "body", clips: tuple[str, ...] = ()) -> None:
    reference = json.loads((folder / "reference.json").read_text())["clips"]
    machine = PoseMachine(model)
    hits: dict[str, list[bool]] = {}
    for clip in clips or sorted(reference):
        machine.reset()
        source = VideoSource(str(folder / f"{clip}.mkv"))
        good: list[bool] = []
        while (frame := source.read()) is not None:
            result = machine(frame)
            labels = reference[clip]["frames"].get(str(frame.index))
            if labels is None:
                continue
            points = result.poses[0].keypoints if result.poses else None
            if model == "body":
                limit = 0.2 * torso(labels["body"])
                for joint in ARMS:
                    if joint not in labels["body"]:
                        continue
                    at = labels["body"][joint][:2]
                    index = result.skeleton.index(joint)
                    hit = points is not None and float(np.hypot(*(points[index, :2] - at))) <= limit
                    hits.setdefault(joint.partition("_")[2], []).append(hit)
                    good.append(hit)
            else:
                for hand in labels["hands"]:
                    at = np.asarray(hand["keypoints"])
                    side = float(np.ptp(at, axis=0).max())
                    near = points is not None and np.hypot(*(points[:, :2] - at).T) <= 0.2 * side
                    good.append(bool(points is not None and np.mean(near) > 0.5))
        source.close()
        hits.setdefault("all", []).extend(good)
        print(f"{clip:10} {100 * np.mean(good) if good else float('nan'):5.1f} %  of {len(good)}")
    for name, row in hits.items():
        print(f"{name:10} {100 * np.mean(row):5.1f} %  of {len(row)}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "body", tuple(sys.argv[3:]))
