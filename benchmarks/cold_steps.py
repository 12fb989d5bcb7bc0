"""Why a frame takes a millisecond more than its network: the steps around it find the processor's caches full of it.

    python benchmarks/cold_steps.py [ROUNDS]

Each round runs the body network, then cropping and decoding, then both at once again, and the whole pipeline on the
demo's figure. Frames in which the finder runs are left out. Medians in microseconds.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from cpm_live.capture.demo import DemoSource
from cpm_live.core.crop import Crop
from cpm_live.core.decode import decode
from cpm_live.engines.look import crop_batch, middles
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.pipeline.options import Options

FRAMES = 60


def main() -> None:
    """Print a table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    source = DemoSource("body", frames=FRAMES, paced=False)
    frames = [frame for _ in range(FRAMES) if (frame := source.read()) is not None]
    took: dict[str, list[float]] = defaultdict(list)

    def timed(name: str, step: Callable[..., Any], *given: Any) -> Any:
        started = time.perf_counter()
        out = step(*given)
        took[name].append((time.perf_counter() - started) * 1e6)
        return out

    with PoseMachine("body", "cpu", options=Options(people=1)) as machine:
        size = machine.engine.preset.size
        crop = Crop(frames[0].width / 2, frames[0].height / 2, 0.9 * frames[0].height, size)
        picture = np.zeros((1, 3, size, size), np.uint8)
        for number in range(rounds):
            frame = frames[number % len(frames)]
            beliefs = timed("network", machine.engine.infer, picture, middles(1, size))
            timed("crop, just after it", crop_batch, frame.image, [crop], size)
            timed("decode, just after that", decode, beliefs)
            timed("crop again", crop_batch, frame.image, [crop], size)
            timed("decode again", decode, beliefs)
            machine.engine.infer(picture, middles(1, size))
            started = time.perf_counter()
            result = machine(frame)
            whole = (time.perf_counter() - started) * 1e6
            if not result.steps_ms["find"]:
                known = {step: result.steps_ms[step] * 1e3 for step in ("crop", "engine", "decode")}
                took["pipeline"].append(whole)
                for step, micros in known.items():
                    took[f"  its {step}"].append(micros)
                took["  all else"].append(whole - sum(known.values()))
    for name, times in took.items():
        print(f"{name:24}{median(times):8.0f}")


if __name__ == "__main__":
    main()
