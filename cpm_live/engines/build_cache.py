"""The cache of built TensorRT engines: each belongs to one network on one GPU with one set of versions.

An entry is a pair of files: ``NAME.plan``, the engine as TensorRT serialises it (no pickles), and
``NAME.json`` beside it, which says in full what the engine was built from. The JSON comes last and makes
the entry; whatever does not fit it to the letter is removed and built again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cpm_live.core.errors import InputError
from cpm_live.core.paths import cache_dir
from cpm_live.core.whole_file import whole
from cpm_live.engines import nvidia, probe, weights_header
from cpm_live.engines.recipe import Recipe

FORMAT = 1
BATCHES = (1, 2, 4)
"""Batch sizes that are built; other numbers of people are padded or split."""

OPTIONS: dict[str, Any] = {"optimization_level": 4, "immutable_weights": True, "require_full_compilation": True}
"""What torch-tensorrt is told; part of the key."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A built engine.

    Attributes:
        plan: the serialised engine.
        inputs, outputs: names of its bindings, in order.
        check: how far it was from the float32 network when it was built.
    """

    plan: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    check: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Miss:
    """No entry.

    Attributes:
        why: empty where there never was one; else what was wrong with it, in one line.
    """

    why: str = ""


def folder() -> Path:
    """Where entries lie."""
    return cache_dir() / "tensorrt"


def key(recipe: Recipe, batch: int) -> dict[str, Any]:
    """Everything that an engine depends on, as JSON values.

    Raises:
        InputError: no readable weights, or no GPU.
    """
    gpu = nvidia.find_gpu()
    if gpu is None:
        raise probe.tensorrt().refusal()
    try:
        weights = recipe.weights.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read weights {recipe.weights}: {error.strerror}") from None
    return {
        "format": FORMAT,
        "weights": hashlib.sha256(weights).hexdigest(),
        "preset": _preset(recipe.weights),
        "network": _network_source(),
        "batch": batch,
        "dtype": "float16",
        "torch": probe.version("torch"),
        "torch-tensorrt": probe.version("torch-tensorrt"),
        "tensorrt": probe.tensorrt_version(),
        "gpu": gpu.name,
        "capability": gpu.capability,
        "driver": gpu.cuda,
        "os": f"{platform.system()} {platform.machine()}",
        "options": dict(OPTIONS),
    }


def _preset(path: Path) -> dict[str, Any]:
    """The preset in a checkpoint's header."""
    try:
        preset: dict[str, Any] = json.loads(weights_header.metadata(path)["preset"])
    except weights_header.BROKEN as error:
        raise InputError(f"{path} is not a checkpoint of cpm-live: {type(error).__name__}") from None
    return preset


def _network_source() -> str:
    """Of the code that makes the network: the same weights in other code are another engine."""
    digest = hashlib.sha256()
    for path in sorted((Path(__file__).parents[1] / "network").glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _paths(wanted: Mapping[str, Any], where: Path) -> tuple[Path, Path]:
    text = json.dumps(wanted, sort_keys=True)
    name = f"b{wanted['batch']}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"
    return where / f"{name}.plan", where / f"{name}.json"


def find(wanted: Mapping[str, Any], where: Path | None = None) -> Entry | Miss:
    """The entry with exactly this key. One that is damaged or somebody else's is removed, and the miss says so."""
    plan_path, told_path = _paths(wanted, where or folder())
    if not os.path.exists(told_path):  # pathlib's own raises where the folder may not be looked into
        if _old(plan_path):
            # Its JSON never came: the build was killed between the two.
            _remove(plan_path, told_path)
            return Miss("the cached TensorRT engine is incomplete and was removed")
        return Miss()
    try:
        told = json.loads(told_path.read_text(encoding="utf-8"))
        plan = plan_path.read_bytes()
        if told["key"] != json.loads(json.dumps(wanted)):
            problem = "belongs to another network, GPU or version"
        elif hashlib.sha256(plan).hexdigest() != told["sha256"]:
            problem = "is damaged"
        else:
            return Entry(plan, tuple(told["inputs"]), tuple(told["outputs"]), dict(told["check"]))
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except (ValueError, KeyError, TypeError):
        problem = "is damaged"
    if not (_old(plan_path) and _old(told_path)) and plan_path.exists():
        # Another process is just replacing the two, one after the other.
        return Miss()
    _remove(plan_path, told_path)
    return Miss(f"the cached TensorRT engine {problem} and was removed")


def store(wanted: Mapping[str, Any], entry: Entry, where: Path | None = None) -> Path:
    """Write an entry; it appears whole or not at all.

    Raises:
        InputError: the disk is full or cannot be written to.
    """
    where = where or folder()
    plan_path, told_path = _paths(wanted, where)
    told = {
        "key": dict(wanted),
        "sha256": hashlib.sha256(entry.plan).hexdigest(),
        "inputs": entry.inputs,
        "outputs": entry.outputs,
        "check": dict(entry.check),
    }
    try:
        where.mkdir(parents=True, exist_ok=True)
        _remove(*(left for left in where.glob("*.part") if _old(left, 3600)))
        _write(plan_path, entry.plan)
        _write(told_path, json.dumps(told, indent=1).encode())
    except OSError as error:
        _remove(plan_path, told_path)
        raise unwritten(error, where, f" ({len(entry.plan) / 1e6:.0f} MB)") from None
    return plan_path


def unwritten(error: OSError, where: Path, size: str = "") -> InputError:
    """What to say of an engine that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InputError(f"no room for a TensorRT engine{size} in {where}; free some disk space")
    return InputError(f"cannot write a TensorRT engine into {where}: {error.strerror or error}")


def _write(path: Path, data: bytes) -> None:
    with whole(path, shared=True) as temporary, temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _old(path: Path, seconds: float = 60) -> bool:
    """Whether a file is there that no process can still be about to complete."""
    try:
        return time.time() - path.stat().st_mtime > seconds
    except OSError:
        return False


def _remove(*paths: Path) -> None:
    for path in paths:
        # What cannot be removed cannot be written over either, and that is told when it is tried.
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def remove(wanted: Mapping[str, Any]) -> None:
    """Forget an entry, as when it does not load."""
    _remove(*_paths(wanted, folder()))


def missing(recipe: Recipe) -> tuple[list[int], str]:
    """Batch sizes still to be built, and what was wrong with an entry, if any.

    Raises:
        InputError: no readable weights, no GPU, or a folder that is somebody else's: nothing could be kept there.
    """
    where = folder()
    if os.path.isdir(where) and not os.access(where, os.R_OK | os.W_OK | os.X_OK):
        raise InputError(f"{where} is another user's and holds no TensorRT engine of yours: make it yours (chown -R)")
    misses = {batch: found for batch in BATCHES if isinstance(found := find(key(recipe, batch)), Miss)}
    return list(misses), next((miss.why for miss in misses.values() if miss.why), "")
