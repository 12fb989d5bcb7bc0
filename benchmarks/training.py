"""How many crops a second a GPU trains on, step by step as Python starts it and with recorded passes (CUDA graphs).

    python benchmarks/training.py [--preset lite] [--size 192] [--batch 16 32 64 128] [--seconds 4]

One batch of drawn figures, used again and again: what making batches costs is not in it (that is
``benchmarks/workers.py``), everything else of a step is. Ends with a check that both ways learn the same.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from cpm_live.core.skeleton import BODY
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS
from cpm_live.training.dataset import Sample
from cpm_live.training.device import Device, choose
from cpm_live.training.loop import Budget, Trainer
from cpm_live.training.plan import Plan
from cpm_live.training.synthetic import draw_sample
from cpm_live.training.task import Drawn, PoseTask, Task


class Again(PoseTask):
    """Its first batch of each size, again and again."""

    def draw(self, size: int) -> Drawn:
        """See ``Task.draw``."""
        if getattr(self, "_kept", None) is None:
            self._kept = super().draw(size)
        return self._kept


def figures(count: int) -> list[Sample]:
    """Drawn bodies as a data set would hold them."""
    rng = np.random.default_rng(5)
    out = []
    for number in range(count):
        image, joints = draw_sample("body", rng, lambda: np.full((64, 64, 3), 90, np.uint8))
        jpeg = cv2.imencode(".jpg", image)[1].tobytes()
        out.append(Sample(f"{number}.jpg", jpeg, joints, (0, 0, *image.shape[1::-1]), "drawn"))
    return out


def trainer(preset: str, size: int, batch: int, device: Device, folder: Path) -> Trainer:
    """A fresh network that is about to learn one batch by heart."""
    torch.manual_seed(0)
    shape = replace(PRESETS[preset].with_joints(len(BODY)), size=size)
    plan = Plan(batch=batch, rate=1e-3, sizes=((1.0, size),), synthetic=0.0, place=0.01, evaluate_every=1e6)
    samples = figures(8)

    def task(rng: np.random.Generator) -> Task:
        return Again(BODY, shape, plan, samples, [], rng)

    return Trainer(build(shape), task, plan, folder, Budget(epochs=1e9), device=device)


def steps(one: Trainer, until: Callable[[int, float], bool]) -> tuple[list[float], float]:
    """Train until ``until(steps, seconds)``; each step's sum of all stages' losses, and the seconds that they took.

    What the trainer writes when it is stopped does not count.
    """
    losses: list[torch.Tensor] = []
    started = time.monotonic()
    took = 0.0

    def stop() -> bool:
        nonlocal took
        if not until(len(losses), time.monotonic() - started):
            return False
        # Steps are only handed to the GPU: they are done when it is.
        torch.cuda.synchronize()
        took = time.monotonic() - started
        return True

    one.run(lambda progress: losses.append(progress.on_device.sum()), stop)
    return [float(loss) for loss in losses], took


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="lite", choices=[name for name in PRESETS if name != "finder"])
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--batch", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--seconds", type=float, default=4.0)
    given = parser.parse_args()
    if not torch.cuda.is_available():
        print("needs an NVIDIA GPU: there is nothing to record on a CPU")
        return 1
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {given.preset} at {given.size} px, bf16")
    with tempfile.TemporaryDirectory() as name:
        for batch in given.batch:
            for graphs in (False, True):
                one = trainer(given.preset, given.size, batch, choose("cuda", graphs=graphs), Path(name))
                _, begun = steps(one, lambda count, _: count >= 8)
                losses, took = steps(one, lambda _, seconds: seconds > given.seconds)
                each = took / len(losses)
                how = "recorded" if graphs else "one by one"
                memory = torch.cuda.max_memory_allocated() / 2**30
                torch.cuda.reset_peak_memory_stats()
                print(
                    f"batch {batch:4d}, {how:10}: {1000 * each:6.2f} ms a step, {batch / each:6.0f} crops/s, "
                    f"first 8 steps {begun:.1f} s, {memory:.1f} GiB",
                    flush=True,
                )
                del one
                torch.cuda.empty_cache()
        curves = []
        for graphs in (False, True):
            one = trainer(given.preset, given.size, 16, choose("cuda", graphs=graphs), Path(name))
            curves.append(steps(one, lambda count, _: count >= 30)[0])
    apart = max(abs(a - b) / a for a, b in zip(*curves, strict=True))
    print(f"the same 30 steps both ways: losses {curves[0][0]:.4f} to {curves[0][-1]:.4f}, at most {apart:.1%} apart")
    return 0 if apart < 0.1 else 1


if __name__ == "__main__":
    sys.exit(main())
