"""How many people are found in single pictures, by how small they are.

Twelve photographs of 1920 x 1080 with four validation pictures each, pasted beside each other at the same height, as
``PoseMachine.find`` sees them, and as a frame of a film is looked at.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cpm_live import Options, PoseMachine
from cpm_live.core.pose import Pose
from cpm_live.core.skeleton import BODY
from cpm_live.training import dataset
from cpm_live.training.dataset import Sample

WIDTH, HEIGHT, ACROSS, PHOTOS = 1920, 1080, 4, 12
SHARES = (0.5, 0.35, 0.25, 0.18, 0.13)


def photograph(
    samples: list[Sample], share: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], list[tuple[NDArray[np.float64], float]]]:
    """A grey picture with these people in it, each so high, and where they are: middle and size of their joints."""
    photo = np.full((HEIGHT, WIDTH, 3), int(rng.integers(60, 180)), np.uint8)
    places, column = [], WIDTH // ACROSS
    for number, sample in enumerate(samples):
        image = sample.image()
        scale = share * HEIGHT / image.shape[0]
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        piece = cv2.resize(image, None, fx=scale, fy=scale, interpolation=how)[:, :column]
        x, y = number * column, int(rng.integers(0, HEIGHT - piece.shape[0] + 1))
        photo[y : y + piece.shape[0], x : x + piece.shape[1]] = piece
        joints = sample.joints[sample.joints[:, 2] > 0, :2] * scale + (x, y)
        low, high = joints.min(axis=0), joints.max(axis=0)
        places.append(((low + high) / 2, float((high - low).max())))
    return photo, places


def is_there(pose: Pose, middle: NDArray[np.float64], size: float) -> bool:
    """Whether a pose is of somebody: its box's middle is within half their size of theirs."""
    x, y, w, h = pose.box
    return float(np.hypot(x + w / 2 - middle[0], y + h / 2 - middle[1])) < size / 2


def measure(samples: list[Sample], share: float, alone: bool) -> tuple[int, int, float]:
    """People found, poses that are nobody, and seconds for each photograph.

    Args:
        alone: looked at as a single picture; else as a frame of a film.
    """
    rng, found, others, took = np.random.default_rng(1), 0, 0, 0.0
    with PoseMachine("body", "cpu", options=Options(people=8)) as machine:
        for first in range(0, len(samples), ACROSS):
            photo, places = photograph(samples[first : first + ACROSS], share, rng)
            machine.reset()
            started = time.perf_counter()
            poses = (machine.find(photo) if alone else machine(photo)).poses
            took += time.perf_counter() - started
            found += sum(any(is_there(pose, *place) for pose in poses) for place in places)
            others += sum(not any(is_there(pose, *place) for place in places) for pose in poses)
    return found, others, took / PHOTOS


def main() -> None:
    """Print a row for each height."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the training data's folder (../shared/data)")
    everybody = dataset.load(parser.parse_args().data, BODY, "val")
    for source in ("webcam-pseudo", "lsp"):
        theirs = [sample for sample in everybody if sample.source == source]
        order = np.random.default_rng(0).permutation(len(theirs))[: PHOTOS * ACROSS]
        samples = [theirs[place] for place in order]
        for share in SHARES:
            told = []
            for how, alone in (("as a frame", False), ("find", True)):
                found, others, took = measure(samples, share, alone)
                told.append(f"{how} {found} found, {others} that are nobody, {took * 1e3:.0f} ms")
            print(f"{source}, {share:.2f} of the height: of {len(samples)} people " + "; ".join(told))


if __name__ == "__main__":
    main()
