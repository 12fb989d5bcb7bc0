"""Small data sets and trainers that the tests of training share."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from cpm_live.core.skeleton import BODY
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS
from cpm_live.training.augment import Augmentation
from cpm_live.training.dataset import Sample
from cpm_live.training.distil import Teacher
from cpm_live.training.loop import Budget, Trainer
from cpm_live.training.plan import Plan
from cpm_live.training.synthetic import draw_sample
from cpm_live.training.task import PoseTask

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def backdrop() -> np.ndarray:
    return np.full((64, 64, 3), 90, np.uint8)


def figures(count: int, kind: str = "body") -> list[Sample]:
    """Drawn bodies or hands as samples, as a data set would hold them."""
    rng = np.random.default_rng(5)
    samples = []
    for index in range(count):
        image, joints = draw_sample(kind, rng, backdrop)
        jpeg = cv2.imencode(".jpg", image)[1].tobytes()
        low, high = joints[:, :2].min(axis=0), joints[:, :2].max(axis=0)
        box = tuple(float(v) for v in (*low, *(high - low)))
        samples.append(Sample(f"f{index}.jpg", jpeg, joints, box, "drawn", image_id=index))  # type: ignore[arg-type]
    return samples


def plan_of(**values: Any) -> Plan:
    settings = {"batch": 8, "rate": 5e-3, "sizes": ((1.0, 96),), "synthetic": 0.0, "ema": 0.9}
    return Plan(**(settings | {"augment": Augmentation(zoom=(1.2, 1.4))} | values))


def trainer_of(
    out: Path,
    epochs: float,
    seed: int = 1,
    workers: int = 0,
    teacher: Teacher | None = None,
    samples: list[Sample] | None = None,
    **values: Any,
) -> Trainer:
    """A tiny network on 24 drawn bodies; ``values`` are of the plan, ``device`` and ``ranks`` the trainer's."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    machine = build(replace(PRESETS["tiny"], size=96))
    own = {name: values.pop(name) for name in ("device", "ranks") if name in values}
    plan = plan_of(**values)
    data = samples or figures(24)

    def task(rng: np.random.Generator) -> PoseTask:
        return PoseTask(BODY, machine.preset, plan, data, data[:6], rng, teacher, workers)

    return Trainer(machine, task, plan, out, Budget(epochs=epochs), **own)


def write_coco(folder: Path, samples: list[Sample], name: str = "annotations.json") -> None:
    """Samples as COCO keypoints with ``images/``."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    coco: dict[str, list[object]] = {"images": [], "annotations": []}
    for index, sample in enumerate(samples):
        (folder / "images" / sample.name).write_bytes(sample.jpeg)
        coco["images"].append({"id": index, "file_name": sample.name, "source": sample.source})
        coco["annotations"].append(
            {"id": index, "image_id": index, "keypoints": sample.joints.ravel().tolist(), "bbox": list(sample.box)}
        )
    (folder / name).write_text(json.dumps(coco))


def write_recipe(path: Path, skeleton: str = "body", train: str = "batch=4\nsizes=[[1.0, 64]]\n") -> Path:
    path.write_text(
        f"[model]\nname='tiny'\nskeleton='{skeleton}'\npreset='tiny'\nweights='tiny.safetensors'\n[train]\n{train}"
    )
    return path


def train_command(recipe: Path, data: Path, out: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "cpm_live.cli.main", "train", str(recipe), "--data", str(data), "--out", str(out),
            "--threads", "1", *options]  # fmt: skip
