"""How large is it? Two ways for a finder to say so: a map of the logarithm of the size, and a belief map per scale.

python benchmarks/finder_sizes.py DATA [EPOCHS [PRECISION]]

Both start from the shipped finder's trunk and middle layers, with fresh first and last layers, and learn from
as many scenes at 192 px. *Scales*: belief maps an octave apart for each kind, each Gaussian in
place and in the logarithm of the size; their sum is the belief in a centre, their mean place the size.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cpm_live.core import finder_maps
from cpm_live.engines.recipe import find
from cpm_live.evaluation.evaluate import Infer
from cpm_live.network import checkpoint
from cpm_live.network.cpm import PoseNetwork, build
from cpm_live.network.presets import PRESETS, Preset
from cpm_live.training import finder_data
from cpm_live.training.device import choose
from cpm_live.training.finder_data import Picture
from cpm_live.training.finder_targets import draw_targets, spot
from cpm_live.training.finder_task import SIDE_WEIGHT, FinderTask
from cpm_live.training.loop import Progress, Trainer
from cpm_live.training.plan import Plan
from cpm_live.training.planes import planes
from cpm_live.training.scenes import Scene, SceneMaker, Settings
from cpm_live.training.schedule import Budget
from cpm_live.training.task import Drawn

OCTAVES = np.arange(-4.5, 1.0, dtype=np.float32)
WIDTH = 0.6
"""Of the Gaussian in the logarithm of the size, in octaves: so wide, the maps' sum hardly depends on the size."""
KINDS = len(finder_maps.KINDS)


def split(scenes: list[Scene], size: int, stride: int) -> Tensor:
    """What the scale maps (N, 2 * S, h, w) of a batch should be."""
    cells = size // stride
    maps = np.zeros((len(scenes), KINDS, len(OCTAVES), cells, cells), np.float32)
    for n, scene in enumerate(scenes):
        for thing in scene.things:
            like = np.exp(-((np.log2(thing.size / size) - OCTAVES) ** 2) / (2 * WIDTH**2))
            drawn = spot(thing, cells, stride) * like[:, None, None]
            maps[n, thing.kind] = np.maximum(maps[n, thing.kind], drawn)
    return torch.from_numpy(maps).flatten(1, 2)


def join(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale maps (N, T, 2 * S + 2, h, w) as the finder's own six (``core.finder_maps``)."""
    scales = np.maximum(maps[:, :, : KINDS * len(OCTAVES)], 0.0)
    scales = scales.reshape(*maps.shape[:2], KINDS, len(OCTAVES), *maps.shape[-2:])
    total = scales.sum(axis=3)
    size = np.einsum("ntkshw,s->ntkhw", scales, OCTAVES) / np.maximum(total, 1e-6) + finder_maps.SIZE_OFFSET
    belief = total / (WIDTH * np.sqrt(2 * np.pi))
    return np.concatenate([belief, maps[:, :, -2:-1], size, maps[:, :, -1:]], axis=2).astype(np.float32)


class ScalesTask(FinderTask):
    """The finder's task with a belief map per scale."""

    def __init__(
        self, preset: Preset, plan: Plan, train: list[Picture], val: list[Picture], rng: np.random.Generator
    ) -> None:
        super().__init__(preset, plan, train, val, rng)
        self._maker = SceneMaker(train, Settings())

    def draw(self, size: int) -> Drawn:
        """See :meth:`FinderTask.draw`."""
        scenes = [self._maker.make(size, self._rng) for _ in range(self._plan.batch)]
        targets = draw_targets(scenes, size, self._preset.stride)
        beliefs, mask, values, near = (
            torch.from_numpy(array)
            for array in (targets.beliefs, targets.belief_mask, targets.values, targets.value_mask)
        )
        truth = torch.cat([split(scenes, size, self._preset.stride), beliefs[:, KINDS:]], dim=1)
        mask = torch.cat([mask[:, :KINDS].repeat_interleave(len(OCTAVES), dim=1), mask[:, KINDS:]], dim=1)
        side, near = values[:, -1:], near[:, -1:]

        def losses(maps: Tensor) -> Tensor:
            focus = torch.cat([1 + self._plan.peak_weight * truth[:, :-1], torch.ones_like(truth[:, -1:])], dim=1)
            error = (maps[:, :, :-1] - truth[:, None]).square() * (focus * mask)[:, None]
            turned = (maps[:, :, -1:] - side[:, None]).square() * near[:, None]
            # As many maps as the other finder's: each counts as much beside the sides.
            belief = error.sum(dim=2).mean(dim=(0, 2, 3)) / (KINDS + 1)
            total: Tensor = belief + SIDE_WEIGHT * turned.sum(dim=(0, 2, 3, 4)) / near.sum().clamp(min=1)
            return total

        images = planes([scene.image for scene in scenes])
        return Drawn(images, np.zeros((len(scenes), 2), np.float32), losses)

    def evaluate(self, infer: Infer) -> dict[str, Any]:
        """See :meth:`FinderTask.evaluate`."""
        return super().evaluate(lambda images, centres: join(infer(images, centres)))


def network(preset: Preset) -> PoseNetwork:
    """A finder with the shipped one's trunk and middle layers."""
    machine = build(preset)
    shipped, _ = checkpoint.load(find("finder").weights)
    lent = {k: v for k, v in shipped.state_dict().items() if k.startswith("trunk.") or ".look." in k}
    machine.load_state_dict(lent, strict=False)
    return machine


def main() -> None:
    """Train both and print recall and precision."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    data, epochs = Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    precision = sys.argv[3] if len(sys.argv) > 3 else "auto"
    torch.set_num_threads(1)
    train, val = finder_data.load(data, "train"), finder_data.load(data, "val")
    plan = replace(Plan.from_table(dict(find("finder").train)), sizes=((1.0, 192),), evaluate_every=1e9)
    preset = PRESETS["finder"]
    ways = {
        "log-size map": (preset, FinderTask),
        f"{len(OCTAVES)} scales": (replace(preset, joints=KINDS * len(OCTAVES), extra=1), ScalesTask),
    }
    for name, (shape, task) in ways.items():
        with tempfile.TemporaryDirectory() as folder:
            torch.manual_seed(plan.seed)

            def make(rng: np.random.Generator, shape: Preset = shape, task: type[FinderTask] = task) -> FinderTask:
                return task(shape, plan, train, val, rng)

            device = choose("cpu", precision)
            trainer = Trainer(network(shape), make, plan, Path(folder), Budget(epochs=epochs), device=device)
            latest: list[Progress] = []
            figures = trainer.run(lambda progress, latest=latest: latest.append(progress))
        print(f"{name}: {latest[-1].epoch:.2f} epochs")
        for group, kinds in figures["per_group"].items():
            row = [f"{k} recall {100 * v['recall']:.1f} precision {100 * v['precision']:.1f}" for k, v in kinds.items()]
            print(f"    {group:8} " + ", ".join(row), flush=True)


if __name__ == "__main__":
    main()
