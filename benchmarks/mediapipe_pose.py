"""Our whole pipeline against MediaPipe Pose (full), per frame of a webcam clip, in one run.

    python -m venv /tmp/mp && /tmp/mp/bin/pip install mediapipe==0.10.21
    python benchmarks/mediapipe_pose.py /tmp/mp/bin/python CLIP [CLIP...]

MediaPipe lives in a venv of its own, since it wants another NumPy and OpenCV. Both read the same frames and
take turns of twenty, so that a busy machine slows both alike. Both follow one person from frame to frame.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

TURN = 20

# Runs in MediaPipe's venv: reads "first count" from its input, answers with milliseconds per frame.
THEIRS = """
import json, sys, time
import cv2, mediapipe
pose = mediapipe.solutions.pose.Pose(model_complexity=1)
frames = []
for clip in json.loads(sys.argv[1]):
    film = cv2.VideoCapture(clip)
    while True:
        there, frame = film.read()
        if not there:
            break
        frames.append(frame)
print(json.dumps({"ready": mediapipe.__version__, "frames": len(frames)}), flush=True)
for line in sys.stdin:
    first, count = map(int, line.split())
    times, seen = [], 0
    for frame in frames[first:first + count]:
        started = time.perf_counter()
        result = pose.process(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
        times.append((time.perf_counter() - started) * 1e3)
        seen += result.pose_landmarks is not None
    print(json.dumps({"times": times, "seen": seen}), flush=True)
"""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", help="of MediaPipe's venv")
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--engine", default="cpu")
    parser.add_argument("--threads", type=int, default=0)
    asked = parser.parse_args()
    clips = [str(clip.resolve()) for clip in asked.clips]
    theirs = subprocess.Popen(
        [asked.python, "-c", THEIRS, json.dumps(clips)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert theirs.stdin is not None and theirs.stdout is not None
    ready = theirs.stdout.readline()
    if not ready:
        sys.exit(f"{asked.python} does not run MediaPipe; see this file's first lines")
    told = json.loads(ready)

    import cv2
    import numpy as np
    import onnxruntime

    from cpm_live import PoseMachine
    from cpm_live.capture.video import VideoSource
    from cpm_live.core.frame import Frame
    from cpm_live.pipeline.options import Options

    frames: list[Frame] = []
    for clip in clips:
        source = VideoSource(clip)
        while (frame := source.read()) is not None:
            frames.append(frame)
        source.close()
    if told["frames"] != len(frames):
        print(f"warning: MediaPipe's OpenCV reads {told['frames']} frames, we read {len(frames)}", file=sys.stderr)
    machine = PoseMachine("body", asked.engine, asked.threads, options=Options(people=1))
    ours: list[float] = []
    network: list[float] = []
    other: list[float] = []
    seen = their_seen = 0
    for first in range(0, len(frames), TURN):
        theirs.stdin.write(f"{first} {TURN}\n")
        theirs.stdin.flush()
        answer = json.loads(theirs.stdout.readline())
        other += answer["times"]
        their_seen += answer["seen"]
        time.sleep(0.02)
        for frame in frames[first : first + TURN]:
            started = time.perf_counter()
            result = machine(frame)
            ours.append((time.perf_counter() - started) * 1e3)
            network.append(result.steps_ms["engine"])
            seen += bool(result.poses)
        time.sleep(0.02)
    theirs.stdin.close()
    theirs.wait(10)
    height, width = frames[0].image.shape[:2]
    info = machine.engine.describe()
    print(f"{len(clips)} clips, {len(frames)} frames of {width}x{height}; OpenCV {cv2.__version__}, "
          f"ONNX Runtime {onnxruntime.__version__}, {info.threads} threads")  # fmt: skip
    print(f"{'ms per frame':44}{'p50':>8}{'p95':>8}{'mean':>8}{'seen in':>9}")
    rows = (
        (f"MediaPipe {told['ready']} Pose (full)", other, their_seen),
        (f"cpm-live body, whole pipeline ({info.kind})", ours, seen),
        ("  of that the pose network", network, seen),
    )
    for name, times, count in rows:
        p50, p95 = np.percentile(times, (50, 95))
        print(f"{name:44}{p50:8.2f}{p95:8.2f}{np.mean(times):8.2f}{count:9}")
    print(f"MediaPipe's median over ours: {np.median(other) / np.median(ours):.2f}")


if __name__ == "__main__":
    main()
