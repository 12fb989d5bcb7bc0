"""Joints that are out of the picture where nobody labelled them: no label can be as good as a label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import Skeleton
from cpm_live.training.dataset import Sample


def mark_absent(samples: Sequence[Sample], skeleton: Skeleton, absent: Mapping[str, Sequence[str]]) -> list[Sample]:
    """Samples with v = -1 (outside the picture: an empty map is asked for) instead of 0 for some joints.

    At a webcam the legs of somebody who sits are below the picture; a network that is never told so
    believes in legs wherever trousers would be.

    Args:
        absent: per source the names of joints of which ``not labelled`` means ``not in the picture``.

    Raises:
        InputError: the skeleton has no such joint.
    """
    try:
        indices = {source: [skeleton.index(name) for name in names] for source, names in absent.items()}
    except ValueError as error:
        raise InputError(f"[train] absent: {error}") from None
    marked = []
    for sample in samples:
        if rows := indices.get(sample.source):
            joints = sample.joints.copy()
            joints[rows, 2] = np.where(joints[rows, 2] == 0, -1, joints[rows, 2])
            sample = replace(sample, joints=joints)
        marked.append(sample)
    return marked
