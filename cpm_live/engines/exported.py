"""Which exported network a CPU engine opens: the one beside the weights, or the cache's where that does not do."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.errors import InputError
from cpm_live.engines.export_cache import exported, made_from
from cpm_live.engines.probe import installed
from cpm_live.engines.recipe import Recipe
from cpm_live.network.presets import Preset

log = logging.getLogger("cpm_live.engines")

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Network(Generic[R]):
    """An exported network that a runtime has read.

    Attributes:
        runs: the runtime's own object.
        preset: which network it is.
        metadata: what the file says of itself.
    """

    runs: R
    preset: Preset
    metadata: dict[str, str]

    @classmethod
    def told_by(cls, runs: R, metadata: dict[str, str]) -> Network[R]:
        """By a file's metadata.

        Raises:
            ValueError: it says nothing of a network of ours.
        """
        if "preset" not in metadata:
            raise ValueError("it is no network of ours")
        return cls(runs, Preset.from_dict(json.loads(metadata["preset"])), metadata)


class Unreadable(InputError):
    """The file is at fault, not what runs it."""

    def __init__(self, path: Path, why: str) -> None:
        weights = path.with_suffix(".safetensors")
        again = f"; make it again with cpm-live models export {weights}" if weights.is_file() else ""
        super().__init__(f"cannot read network {path}: {why}{again}")


def open_network(recipe: Recipe, read: Callable[[Path], Network[R]]) -> Network[R]:
    """The exported network beside the recipe's weights, or where it is missing, damaged or of others, the cache's.

    Args:
        read: reads a file; raises ``Unreadable`` where that is no network of ours.

    Raises:
        InputError: no such file, not a network of ours, or torch is needed to make one and missing.
    """
    if not recipe.onnx.is_file():
        return _from_cache(recipe.weights, read)
    try:
        network = read(recipe.onnx)
    except Unreadable as error:
        if not (recipe.weights.is_file() and installed("torch")):
            raise
        try:
            network = _from_cache(recipe.weights, read)
        except InputError:
            raise error from None  # the weights are no better
        log.warning("%s; meanwhile %s is used", error, recipe.weights)
        return network
    if made_from(network.metadata, recipe.weights):
        return network
    log.info("%s is not of the weights beside it; they are exported into the cache", recipe.onnx)
    return _from_cache(recipe.weights, read)


def _from_cache(weights: Path, read: Callable[[Path], Network[R]]) -> Network[R]:
    """The exported network in our cache; made again where it is damaged there."""
    try:
        return read(exported(weights))
    except Unreadable as error:
        log.warning("%s; it is made again", error)
        return read(exported(weights, again=True))


def given(
    preset: Preset, images: NDArray[np.uint8], centres: NDArray[np.float32]
) -> dict[str, NDArray[np.uint8] | NDArray[np.float32]]:
    """What an exported network takes, by name: those without a centre map are told of no centres."""
    return {"images": images, "centres": centres} if preset.centre_map else {"images": images}
