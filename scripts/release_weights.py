"""Turn a training run's averaged weights into the shipped model: fp16 safetensors, ONNX, model card.

    python scripts/release_weights.py body runs/body ../shared/data ["what else to know about this run"]

Measures the fp16 weights on the validation split and writes the figures into the metadata of both
files under resources/weights, and into the card beside them.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from cpm_live.engines import recipe as recipes
from cpm_live.engines.export import export
from cpm_live.engines.recipe import Recipe
from cpm_live.engines.select import open_engine
from cpm_live.evaluation.evaluate import measure, report
from cpm_live.network import checkpoint
from cpm_live.training import dataset

TERMS = {
    "body": "Leeds Sports Pose and Leeds Sports Pose Extended (Johnson and Everingham, BMVC 2010 and CVPR 2011: "
    "research use, cite), webcam frames of the Ultralytics hand-keypoints set with MediaPipe Pose labels "
    "(AGPL-3.0 header; research use), and figures drawn by our own code.",
    "hand": "Webcam, plain-wall and palm pictures of the Ultralytics hand-keypoints set (AGPL-3.0 header; research "
    "use; palms from 11k Hands: academic use), public sign and gesture sets, all with MediaPipe Hands labels, and "
    "hands drawn by our own code.",
}
LIMITS = {
    "body": "One person per picture, found by simple search. Wrists and elbows in front of the body, crossed limbs, "
    "people upside down or seen from behind are the usual failures; left and right are then exchanged.",
    "hand": "One hand per picture, found by simple search: hands smaller than about a fifth of the picture are often "
    "missed. Labels come from another network, so its mistakes are learned too. Handedness is not told.",
}


def main(model: str, run: Path, data: Path, note: str = "") -> None:
    recipe = recipes.find(model)
    machine, header = checkpoint.load(run / "ema.safetensors")
    provenance = header.provenance | ({"note": note} if note else {})
    header = replace(header, provenance=provenance, figures={})
    # fp16 first: the figures are those of the weights that are shipped.
    checkpoint.save(recipe.weights, machine.state_dict(), header, half=True)
    export(recipe.weights, recipe.onnx)
    engine = open_engine(recipe, "cpu", 1)
    samples = dataset.load(data, recipe.skeleton, "val")
    errors = measure(engine.infer, samples, recipe.skeleton, engine.preset.size, engine.preset.stride, recipe.margin)
    header = replace(header, figures=report(errors, recipe.skeleton, recipe.name))
    machine, _ = checkpoint.load(recipe.weights)
    checkpoint.save(recipe.weights, machine.state_dict(), header, half=True)
    export(recipe.weights, recipe.onnx)
    card = recipe.weights.with_suffix(".md")
    card.write_text(model_card(recipe, header), encoding="utf-8")
    print(card.read_text(encoding="utf-8"))


def model_card(recipe: Recipe, header: checkpoint.Header) -> str:
    """The card as Markdown."""
    figures, preset = header.figures, header.preset
    unit = "torso" if figures["metric"] == "torso" else "box side"
    main_threshold = "0.2" if figures["metric"] == "torso" else "0.1"
    lines = [
        f"# {recipe.name}: {recipe.description}",
        "",
        f"Preset `{preset.name}`: {preset.stages} stages, {preset.joints} joints, input {preset.size} px, "
        f"belief maps {preset.size // preset.stride} x {preset.size // preset.stride}.",
        "",
        f"**Training data and terms.** {TERMS[recipe.name]} For research and personal use unless retrained on data "
        "with freer terms.",
        "",
        "**Provenance.** " + "; ".join(f"{key}: {value}" for key, value in header.provenance.items()) + ". One CPU "
        "thread beside other work; augmentation as in the recipe's `[train.augment]`.",
        "",
        f"**Limits.** {LIMITS[recipe.name]}",
        "",
        f"## Accuracy: PCK in % within a share of the {unit}, validation split, {figures['images']} images",
        "",
        f"Ground-truth boxes, one scale, no flip. Printed by `cpm-live evaluate {recipe.name} --data ../shared/data`.",
        "",
        *_table("", figures["pck"], {"all": figures["pck"]}),
        *_rows({f"source {name}": row for name, row in figures["per_source"].items()}),
        *_rows({f"stage {number}": row for number, row in enumerate(figures["per_stage"], 1)}),
        "",
        f"| joint | PCK@{main_threshold} |",
        "| --- | ---: |",
        *(f"| {name.replace('_', ' ')} | {100 * share:.1f} |" for name, share in figures["per_joint"].items()),
        "",
    ]
    return "\n".join(lines)


def _table(corner: str, thresholds: dict[str, float], rows: dict[str, dict[str, float]]) -> list[str]:
    head = f"| {corner} | " + " | ".join(f"@{t}" for t in thresholds) + " |"
    return [head, "| --- |" + " ---: |" * len(thresholds), *_rows(rows)]


def _rows(rows: dict[str, dict[str, Any]]) -> list[str]:
    return [f"| {name} | " + " | ".join(f"{100 * v:.1f}" for v in row.values()) + " |" for name, row in rows.items()]


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:5])
