"""Whole pictures through the whole machine: finding counts too, and who is not found is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Box
from cpm_live.evaluation.predict import labelled_box
from cpm_live.evaluation.predictions import Prediction
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.training.dataset import Sample


def predict_whole(
    machine: PoseMachine, samples: Sequence[Sample], progress: Callable[[int], None] = lambda done: None
) -> tuple[NDArray[np.float32], list[Prediction]]:
    """What the machine finds in the samples' pictures, each unrelated to the one before.

    Returns:
        Joints (N, T, K, 3) in frame pixels of each sample's pose, NaN where it has none: poses and labelled boxes
        that overlap are paired, the largest overlap first, each once. And all poses, whether anybody is labelled
        there or not, with the mean of their joints' scores.
    """
    stages, joints = machine.engine.preset.stages, len(machine.recipe.skeleton)
    found = np.full((len(samples), stages, joints, 3), np.nan, np.float32)
    predictions: list[Prediction] = []
    pictures: dict[tuple[int | str, str], list[int]] = {}
    for index, sample in enumerate(samples):
        pictures.setdefault((sample.image_id, sample.name), []).append(index)
    done = 0
    for members in pictures.values():
        poses = machine.find(samples[members[0]].image()).poses
        for pose in poses:
            last = np.asarray(pose.stages[-1], np.float32)
            predictions.append(Prediction.of(samples[members[0]], last, float(last[:, 2].mean())))
        overlaps = np.array([[overlap(p.box, labelled_box(samples[index])) for p in poses] for index in members])
        while overlaps.size and overlaps.max() > 0:
            member, pose_index = np.unravel_index(overlaps.argmax(), overlaps.shape)
            found[members[member]] = poses[pose_index].stages
            overlaps[member], overlaps[:, pose_index] = 0.0, 0.0
        done += len(members)
        progress(done)
    return found, predictions


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (a[2] * a[3] + b[2] * b[3] - both)
