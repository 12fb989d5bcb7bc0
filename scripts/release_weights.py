"""Turn a training run's averaged weights into the shipped model: fp16 safetensors, ONNX, model card.

    python scripts/release_weights.py body runs/body ../shared/data [--note TEXT] [--failures FILE.md]

Measures the fp16 weights on the validation split, writes the figures into the metadata of both files under
resources/weights and into the card beside them, and draws the learning curves and the worst answers (skeletons
only: no photograph of the data may be published) into docs/. --failures: what goes wrong, in words, for the card;
look at `cpm-live evaluate MODEL --data DIR --sheet FILE` for it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from cpm_live.core.errors import InputError
from cpm_live.engines import recipe as recipes
from cpm_live.engines.export import export
from cpm_live.engines.recipe import Recipe
from cpm_live.engines.torch_reference import TorchEngine
from cpm_live.evaluation import finding, oks, predictions, sheet
from cpm_live.evaluation.evaluate import errors_of, head_errors_of, main_threshold, report
from cpm_live.evaluation.predict import predict
from cpm_live.network import checkpoint
from cpm_live.training import dataset, finder_data

_BODIES = (
    "Leeds Sports Pose and Leeds Sports Pose Extended (Johnson and Everingham, BMVC 2010 and CVPR 2011: "
    "research use, cite), webcam frames of the Ultralytics hand-keypoints set with MediaPipe Pose labels "
    "(AGPL-3.0 header; research use)"
)
_HANDS = (
    "webcam, plain-wall and palm pictures of the Ultralytics hand-keypoints set (AGPL-3.0 header; research "
    "use; palms from 11k Hands: academic use), public sign and gesture sets, all with MediaPipe Hands labels"
)
TERMS = {
    "body": f"{_BODIES}, and figures drawn by our own code.",
    "hand": f"{_HANDS}, and hands drawn by our own code.",
    "finder": f"{_BODIES}; {_HANDS}; scenes are put together from them by our own code.",
}
LIMITS = {
    "body": "Wrists and elbows in front of the body, crossed limbs, people upside down or seen from behind are the "
    "usual failures; left and right are then exchanged.",
    "hand": "Labels come from another network, so its mistakes are learned too.",
    "finder": "People and hands smaller than about a tenth of the picture are often missed.",
}
DOCS = Path(__file__).resolve().parents[1] / "docs"


def main(model: str, run: Path, data: Path, note: str, failures: Path | None) -> None:
    """Release one model."""
    recipe = recipes.find(model)
    try:
        # Before anything is written.
        words = failures.read_text(encoding="utf-8").strip() if failures else ""
    except OSError as error:
        raise InputError(f"cannot read {failures}: {error.strerror}; it is yours to write") from None
    machine, header = checkpoint.load(run / "ema.safetensors")
    # The figures are those of the weights that are shipped: rounded to fp16.
    machine.load_state_dict(
        {k: v.half().float() if v.is_floating_point() else v for k, v in machine.state_dict().items()}
    )
    torch.set_num_threads(2)
    engine = TorchEngine(machine, 2)
    figures = _finder_figures(recipe, engine, data) if model == "finder" else _pose_figures(recipe, engine, data)
    provenance = header.provenance | ({"note": note} if note else {})
    header = replace(header, provenance=provenance, figures=figures)
    checkpoint.save(recipe.weights, machine.state_dict(), header, half=True)
    export(recipe.weights, recipe.onnx)
    curves = DOCS / f"curves_{model}.png"
    script = Path(__file__).with_name("learning_curves.py")
    subprocess.run([sys.executable, str(script), str(curves), str(run)], check=True)
    card = recipe.weights.with_suffix(".md")
    card.write_text(model_card(recipe, header, words), encoding="utf-8")
    print(card.read_text(encoding="utf-8"))


def _pose_figures(recipe: Recipe, engine: TorchEngine, data: Path) -> dict[str, Any]:
    skeleton, preset = recipe.skeleton, engine.preset
    samples = dataset.load(data, skeleton, "val")
    found = predict(engine.infer, samples, skeleton, preset.size, preset.stride, recipe.training_margin)
    errors = errors_of(found, samples, skeleton)
    figures = report(errors, skeleton, recipe.name, head_errors_of(found, samples, skeleton))
    figures["oks"] = oks.average_precision(predictions.of_samples(found[:, -1], samples), samples, skeleton)
    threshold = main_threshold(skeleton)
    worst = [int(n) for n in sheet.ranking(errors, threshold)[:16]]
    title = f"{recipe.name}: the 16 worst answers on the validation split; rings: wrong"
    picture = sheet.draw(title, samples, found[:, -1], errors, skeleton, threshold, worst, photographs=False)
    cv2.imwrite(str(DOCS / f"failures_{recipe.name}.png"), np.ascontiguousarray(picture))
    return figures


def _finder_figures(recipe: Recipe, engine: TorchEngine, data: Path) -> dict[str, Any]:
    pictures, size = finder_data.load(data, "val"), engine.preset.size
    cases = finding.whole_frames(pictures, size) + finding.made_scenes(pictures, size)
    tallies = finding.measure(engine.infer, cases, engine.preset.stride)
    return finding.report(tallies, recipe.name, images=len(cases))


def model_card(recipe: Recipe, header: checkpoint.Header, failures: str = "") -> str:
    """The card as Markdown."""
    figures, preset, name = header.figures, header.preset, recipe.name
    cells = preset.size // preset.stride
    # What the run was given; the recipe may say something else by now.
    plan = dict(header.provenance.get("plan", recipe.train))
    augment = plan.pop("augment", {})
    measures = ("epochs", "minutes", "steps", "device")
    spent: dict[str, Any] = {key: value for key, value in header.provenance.items() if key in measures}
    origin = {key: value for key, value in header.provenance.items() if key not in (*measures, "plan")}
    lines = [
        f"# {name}: {recipe.description}",
        "",
        f"Preset `{preset.name}`: {preset.stages} stages, {preset.joints} joints, input {preset.size} px, "
        f"belief maps {cells} x {cells}.",
        "",
        f"**Training data and terms.** {TERMS[name]} For research and personal use unless retrained on data "
        "with freer terms.",
        "",
        f"**Origin.** {_listed(origin)}.",
        "",
        f"**Compute.** {_listed(spent)}.",
        "",
        f"**Plan.** {_listed(plan)}. What the keys mean: docs/training.md.",
        "",
        f"**Augmentation.** {'as scenes are made' if name == 'finder' else _listed(augment)}.",
        "",
        f"![Learning curves](../../docs/curves_{name}.png)",
        "",
        *(_pose_tables(name, figures) if "pck" in figures else _finder_tables(figures)),
        "## Known failures",
        "",
        failures or LIMITS[name],
        "",
    ]
    if "pck" in figures:
        lines += [f"![The worst answers, without the photographs](../../docs/failures_{name}.png)", ""]
    return "\n".join(lines)


def _listed(values: dict[str, Any]) -> str:
    return "; ".join(f"{key.replace('_', ' ')} {value}" for key, value in values.items())


def _pose_tables(name: str, figures: dict[str, Any]) -> list[str]:
    torso = figures["metric"] == "torso"
    by_source: dict[str, dict[str, float]] = figures["per_joint_and_source"]
    rows = {"all": figures["pck"]}
    rows |= {f"source {source}": row for source, row in figures["per_source"].items()}
    rows |= {f"stage {number}": row for number, row in enumerate(figures["per_stage"], 1)}
    joints = {
        joint.replace("_", " "): [share, *(row[joint] for row in by_source.values())]
        for joint, share in figures["per_joint"].items()
    }
    title = f"## Accuracy: PCK in % within a share of the {'torso' if torso else 'box side'}, validation split"
    lines = [
        f"{title}, {figures['images']} images",
        "",
        f"Ground-truth boxes, one scale, no flip. Printed by `cpm-live evaluate {name} --data ../shared/data`.",
        "",
        *_table("", [f"@{t}" for t in figures["pck"]], {label: list(row.values()) for label, row in rows.items()}),
        "",
        *_table(f"joint, @{figures['main_threshold']}", ["all", *by_source], joints),
        "",
    ]
    if "pckh" in figures:
        lines += ["PCKh: " + ", ".join(f"@{t} {_percent(v)}" for t, v in figures["pckh"].items()) + ".", ""]
    oks = ", ".join(f"{key} {_percent(figures['oks'][key])}" for key in ("AP", "AP50", "AR"))
    area = "area: the box of the labelled joints, so not to be compared with AP on COCO, whose area is that of the body"
    lines += [f"OKS: {oks} ({area}).", ""]
    return lines


def _finder_tables(figures: dict[str, Any]) -> list[str]:
    def rows(by: dict[str, dict[str, dict[str, float]]]) -> dict[str, list[float]]:
        return {
            f"{group}, {kind}": [row["recall"], row["precision"]]
            for group, kinds in by.items()
            for kind, row in kinds.items()
        }

    stages = {f"stage {number}": kinds for number, kinds in enumerate(figures["per_stage"], 1)}
    return [
        f"## Accuracy in %, validation split, at belief {figures['threshold']}",
        "",
        *_table("", ["recall", "precision"], rows(figures["per_group"]) | rows(stages)),
        "",
    ]


def _table(corner: str, columns: list[str], rows: dict[str, list[float]]) -> list[str]:
    head = f"| {corner} | " + " | ".join(columns) + " |"
    body = [f"| {label} | " + " | ".join(_percent(value) for value in row) + " |" for label, row in rows.items()]
    return [head, "| --- |" + " ---: |" * len(columns), *body]


def _percent(share: float) -> str:
    return "-" if share != share else f"{100 * share:.1f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--note", default="", help="what else to know about this run")
    parser.add_argument("--failures", type=Path, help="Markdown: what goes wrong, in words")
    given = parser.parse_args()
    try:
        main(given.model, given.run, given.data, given.note, given.failures)
    except InputError as error:
        sys.exit(str(error))
