"""Turn a training run's averaged weights into the shipped model: fp16 safetensors, ONNX, figures inside.

    python scripts/release_weights.py body runs/body ../shared/data

Measures the fp16 weights on the validation split and writes the figures into the metadata of both
files under resources/weights.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from cpm_live.engines import recipe as recipes
from cpm_live.engines.export import export
from cpm_live.engines.select import open_engine
from cpm_live.evaluation.evaluate import measure, report
from cpm_live.network import checkpoint
from cpm_live.training import dataset


def main(model: str, run: Path, data: Path, limit: int = 0) -> None:
    recipe = recipes.find(model)
    machine, header = checkpoint.load(run / "ema.safetensors")
    checkpoint.save(recipe.weights, machine.state_dict(), replace(header, figures={}), half=True)
    export(recipe.weights, recipe.onnx)
    engine = open_engine(recipe, "cpu", 1)
    samples = dataset.load(data, recipe.skeleton, "val")[: limit or None]
    errors = measure(engine.infer, samples, recipe.skeleton, engine.preset.size, engine.preset.stride)
    figures = report(errors, recipe.skeleton, recipe.name)
    machine, header = checkpoint.load(recipe.weights)
    checkpoint.save(recipe.weights, machine.state_dict(), replace(header, figures=figures), half=True)
    export(recipe.weights, recipe.onnx)
    print(header.provenance)
    print(figures)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:5]))
