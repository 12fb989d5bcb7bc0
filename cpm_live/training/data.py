"""Data by format: COCO keypoints, or the original files of LSP, LSPET, MPII and FLIC; several sets at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY, Skeleton
from cpm_live.evaluation.readers import flic, leeds, mpii
from cpm_live.training import dataset
from cpm_live.training.dataset import Sample

READERS = {"lsp": leeds.load_lsp, "lspet": leeds.load_lspet, "mpii": mpii.load, "flic": flic.load}
FORMATS = ("coco", *READERS)


def place(data: str, default: str = "coco") -> tuple[str, Path]:
    """Format and folder of ``DIR`` or ``format:DIR``. Raises ``InputError`` for an unknown format."""
    prefix, separator, folder = data.partition(":")
    kind, path = (prefix, Path(folder)) if separator and prefix in FORMATS else (default, Path(data))
    if kind not in FORMATS:
        raise InputError(f"unknown format {kind!r}; use {', '.join(FORMATS)}")
    if not path.is_dir():
        raise InputError(f"no folder {path}; give the data's folder with --data")
    return kind, path


def finder_folder(data: list[str], default: str = "coco") -> Path:
    """The one folder that a finder learns from or is measured on. Raises ``InputError``."""
    kind, folder = place(data[0], default)
    if len(data) > 1 or kind != "coco":
        raise InputError("a finder takes one folder in the layout of our data (body_*.json, hand_*.json)")
    return folder


def load(data: list[str], skeleton: Skeleton, split: str, default: str = "coco") -> list[Sample]:
    """All samples of one split of all places (see :func:`place`). Raises ``InputError``."""
    samples: list[Sample] = []
    for entry in data:
        kind, folder = place(entry, default)
        if kind == "coco":
            more = dataset.load(folder, skeleton, split)
        else:
            if skeleton is not BODY:
                raise InputError(f"{kind} labels bodies, the recipe's skeleton is {skeleton.name}")
            more = READERS[kind](folder, split)
        samples += _told_apart(more, samples, folder)
    return samples


def load_empty(data: list[str], skeleton: Skeleton, split: str, default: str = "coco") -> list[Sample]:
    """The pictures of the same places in which nobody is labelled; the original sets have none."""
    found: list[Sample] = []
    for kind, folder in (place(entry, default) for entry in data):
        if kind == "coco":
            found += _told_apart(dataset.load_empty(folder, skeleton, split), found, folder)
    return found


def _told_apart(more: list[Sample], before: list[Sample], folder: Path) -> list[Sample]:
    """The same samples, named with their folder where another one has pictures of the same name."""
    known = {sample.name for sample in before}
    if not any(sample.name in known for sample in more):
        return more
    return [replace(sample, name=(folder / sample.name).as_posix()) for sample in more]


def load_validation(data: list[str], skeleton: Skeleton, default: str = "coco") -> tuple[list[Sample], list[str]]:
    """What can be used to validate a training on these places, and one line for each place that has nothing."""
    samples: list[Sample] = []
    lines: list[str] = []
    for entry in data:
        kind, folder = place(entry, default)
        if kind == "coco" and (folder / "annotations.json").exists():
            # One file holds one split: measuring on it would be measuring on the training set.
            lines.append(f"{folder} has one split; cpm-live evaluate measures on other folders")
            continue
        try:
            samples += load([entry], skeleton, "val", default)
        except InputError as error:
            lines.append(str(error))
    return samples, lines
