"""Whole pictures through the whole machine: finding counts too, and who is not found is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box
from cpm_live.evaluation.predict import labelled_box
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.training.dataset import Sample


def predict_whole(
    machine: PoseMachine, samples: Sequence[Sample], progress: Callable[[int], None] = lambda done: None
) -> NDArray[np.float32]:
    """Joints (N, T, K, 3) in frame pixels of the pose whose box overlaps the labelled one most.

    Every picture is unrelated to the one before. NaN where no pose overlaps the labelled box.
    """
    stages, joints = machine.engine.preset.stages, len(machine.recipe.skeleton)
    found = np.full((len(samples), stages, joints, 3), np.nan, np.float32)
    for index, sample in enumerate(samples):
        truth = labelled_box(sample)
        poses = machine.find(sample.image()).poses
        overlaps = [overlap(pose.box, truth) for pose in poses]
        if overlaps and max(overlaps) > 0:
            found[index] = poses[int(np.argmax(overlaps))].stages
        progress(index + 1)
    return found


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (a[2] * a[3] + b[2] * b[3] - both)
