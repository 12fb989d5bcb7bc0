"""What each further person costs: the whole pipeline with 1, 2 and 4 figures in the picture, and where its time goes.

    python benchmarks/people.py [--engine cuda] [--finder cpu] [--models body hand] [--frames 300]

The built-in demo's figure (hand), once, side by side with its mirror image, and twice that below each other: so the
picture grows from 640x480 to 1280x960, too. The finder, and the body network that it asks for wrists, run where
they do in the app, unless --finder names another engine for them.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from statistics import fmean, median

import numpy as np

from cpm_live.capture.demo import DemoSource
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.engines.select import ENGINES
from cpm_live.pipeline.finder import open_finder
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.pipeline.options import Options

WARM = 30
STEPS = ("find", "crop", "engine", "decode")


def drawn(kind: str, people: int, count: int = 60) -> list[Frame]:
    """Frames of the demo with so many figures (1, 2 or 4)."""
    source, out = DemoSource(kind, frames=count, paced=False), []
    while (frame := source.read()) is not None:
        image = frame.image
        if people > 1:
            image = np.hstack([image, image[:, ::-1]])
        if people > 2:
            image = np.vstack([image, image])
        out.append(replace(frame, image=np.ascontiguousarray(image)))
    return out


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="auto", choices=ENGINES)
    parser.add_argument("--finder", choices=ENGINES)
    parser.add_argument("--models", nargs="+", default=["body", "hand"])
    parser.add_argument("--frames", type=int, default=300)
    asked = parser.parse_args()
    print(
        f"{'model':6}{'people':>7}{'seen':>6}{'p50 ms':>8}{'p95 ms':>8}{'mean fps':>9}  mean ms of " + ", ".join(STEPS)
    )
    for model in asked.models:
        try:
            named = (lambda: open_finder(kind=asked.finder)) if asked.finder else "auto"
            machine = PoseMachine(model, asked.engine, finder=named)
        except InputError as error:
            sys.exit(f"people: {error}")
        for people in (1, 2, 4):
            machine.options = Options(people=people)
            machine.reset()
            frames = drawn(machine.recipe.skeleton.name, people)
            took, seen, steps = [], [], dict.fromkeys(STEPS, 0.0)
            for number in range(WARM + asked.frames):
                started = time.perf_counter()
                result = machine(frames[number % len(frames)])
                if number < WARM:
                    continue
                took.append((time.perf_counter() - started) * 1e3)
                seen.append(len(result.poses))
                for name in STEPS:
                    steps[name] += result.steps_ms.get(name, 0.0)
            parts = ", ".join(f"{total / asked.frames:.2f}" for total in steps.values())
            print(
                f"{model:6}{people:7}{fmean(seen):6.1f}{median(took):8.2f}{np.percentile(took, 95):8.2f}"
                f"{1e3 / fmean(took):9.0f}  {parts}",
                flush=True,
            )
        machine.close()


if __name__ == "__main__":
    main()
