"""How good the finder is: recall and precision of people and hands in whole pictures.

A find is right if its centre is closer to the truth than a quarter of the box's longer side and its size
within a factor of 1.5; of several finds of one person one is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cpm_live.core import finder_maps
from cpm_live.core.crop import Box, Crop
from cpm_live.core.finder_maps import Find, read_maps
from cpm_live.evaluation.predict import Infer

if TYPE_CHECKING:
    from cpm_live.training.finder_data import Picture

CENTRE_LIMIT = 0.25
SIZE_LIMIT = 1.5
THRESHOLDS = (0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True, slots=True)
class Truth:
    """Someone to be found: kind (index into ``finder_maps.KINDS``), centre and size in input pixels."""

    kind: int
    x: float
    y: float
    size: float
    side: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """A picture with its truth.

    Attributes:
        image: (size, size, 3) uint8 BGR.
        truths: who is there.
        ignore: per kind, boxes where finds are neither right nor wrong.
        group: what it is reported under.
    """

    image: NDArray[np.uint8]
    truths: tuple[Truth, ...]
    ignore: tuple[tuple[Box, ...], tuple[Box, ...]]
    group: str


def whole_frames(pictures: Sequence[Picture], size: int) -> list[Case]:
    """Webcam pictures as they are, letterboxed as the finder does it."""
    cases = []
    for picture in pictures:
        if not picture.whole:
            continue
        image = picture.image()
        height, width = image.shape[:2]
        crop = Crop.around((0.0, 0.0, float(width), float(height)), size, margin=1.0)
        truths = []
        for thing in picture.things:
            points = crop.to_input(thing.points)
            low, high = points.min(axis=0), points.max(axis=0)
            x, y = (float(v) for v in (low + high) / 2)
            truths.append(Truth(thing.kind, x, y, float((high - low).max()), thing.side))
        everywhere: Box = (0.0, 0.0, float(size), float(size))
        ignore = tuple(() if known else (everywhere,) for known in picture.known)
        cases.append(Case(crop.extract(image), tuple(truths), (ignore[0], ignore[1]), "webcam"))
    return cases


def made_scenes(pictures: Sequence[Picture], size: int, count: int = 200, seed: int = 7) -> list[Case]:
    """Scenes pasted together from validation pictures, always the same ones."""
    from cpm_live.training.scenes import SceneMaker, Settings

    maker, rng = SceneMaker(list(pictures), Settings(whole=0.0)), np.random.default_rng(seed)
    cases = []
    for _ in range(count):
        scene = maker.make(size, rng)
        truths = tuple(Truth(t.kind, t.x, t.y, t.size, t.side) for t in scene.things)
        cases.append(Case(scene.image, truths, scene.ignore, "scenes"))
    return cases


@dataclass(slots=True)
class Tally:
    """Counts of one kind in one group at one threshold of one stage."""

    truths: int = 0
    found: int = 0
    right: int = 0
    sides: int = 0
    right_sides: int = 0


Tallies = dict[tuple[str, int, float, int], Tally]
"""By group, kind, threshold and stage."""


def measure(
    infer: Infer,
    cases: Sequence[Case],
    stride: int,
    batch: int = 8,
    progress: Callable[[int], None] = lambda done: None,
) -> Tallies:
    """Count right and wrong finds of every stage at every threshold; ``progress`` hears how many are counted."""
    tallies: Tallies = {}
    for start in range(0, len(cases), batch):
        chunk = cases[start : start + batch]
        pictures = np.ascontiguousarray(np.stack([case.image for case in chunk]).transpose(0, 3, 1, 2))
        every = infer(pictures, np.zeros((len(chunk), 2), np.float32))
        for case, stages in zip(chunk, every, strict=True):
            for stage, maps in enumerate(stages):
                finds = read_maps(maps, stride, min(THRESHOLDS))
                for threshold in THRESHOLDS:
                    for kind in range(len(finder_maps.KINDS)):
                        tally = tallies.setdefault((case.group, kind, threshold, stage), Tally())
                        strong = [f for f in finds if f.kind == kind and f.score >= threshold]
                        _count(tally, strong, [t for t in case.truths if t.kind == kind], case.ignore[kind])
        progress(start + len(chunk))
    return tallies


def _count(tally: Tally, finds: Iterable[Find], truths: list[Truth], ignore: Sequence[Box]) -> None:
    tally.truths += len(truths)
    open_truths = list(truths)
    for find in finds:
        match = next((t for t in open_truths if _is_right(find, t)), None)
        if match is not None:
            open_truths.remove(match)
            tally.found += 1
            tally.right += 1
            if match.side and abs(find.side) > 0.2:
                tally.sides += 1
                tally.right_sides += int(np.sign(find.side) == match.side)
        elif not any(x <= find.x <= x + w and y <= find.y <= y + h for x, y, w, h in ignore):
            tally.found += 1


def _is_right(find: Find, truth: Truth) -> bool:
    near = np.hypot(find.x - truth.x, find.y - truth.y) < CENTRE_LIMIT * truth.size
    return bool(near and 1 / SIZE_LIMIT <= find.size / truth.size <= SIZE_LIMIT)


def report(tallies: Tallies, model: str, threshold: float = 0.3, images: int = 0) -> dict[str, Any]:
    """Recall and precision, shares between 0 and 1: last stage at ``threshold``, per stage and per threshold."""
    stages = max(key[3] for key in tallies) + 1
    groups = sorted({key[0] for key in tallies})

    def figures(kind: int, level: float, stage: int, group: str | None = None) -> dict[str, float]:
        chosen = [tallies[g, kind, level, stage] for g in groups if group in (None, g)]
        truths, found = sum(t.truths for t in chosen), sum(t.found for t in chosen)
        right = sum(t.right for t in chosen)
        sides, right_sides = sum(t.sides for t in chosen), sum(t.right_sides for t in chosen)
        out = {"recall": _share(right, truths), "precision": _share(right, found), "truths": float(truths)}
        if finder_maps.KINDS[kind] == "hand":
            out["side"] = _share(right_sides, sides)
        return out

    kinds = range(len(finder_maps.KINDS))
    return {
        "model": model,
        "images": images,
        "threshold": threshold,
        "recall": {finder_maps.KINDS[k]: figures(k, threshold, -1 % stages)["recall"] for k in kinds},
        "precision": {finder_maps.KINDS[k]: figures(k, threshold, -1 % stages)["precision"] for k in kinds},
        "per_group": {
            group: {finder_maps.KINDS[k]: figures(k, threshold, stages - 1, group) for k in kinds} for group in groups
        },
        "per_threshold": {
            str(level): {finder_maps.KINDS[k]: figures(k, level, stages - 1) for k in kinds} for level in THRESHOLDS
        },
        "per_stage": [{finder_maps.KINDS[k]: figures(k, threshold, s) for k in kinds} for s in range(stages)],
    }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else float("nan")
