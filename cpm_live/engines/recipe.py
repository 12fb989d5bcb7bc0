"""Recipes: ``engines/<model>.toml`` says which weights, preset and thresholds a model has."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cpm_live.core.errors import InputError
from cpm_live.core.paths import data_root, resource
from cpm_live.core.skeleton import SKELETONS, Skeleton

FINDER = "finder"
"""The recipe of the finder's network."""


_TRAINING_MARGIN = 1.4
"""The middle of the zoom that training has by default (``training.augment.Augmentation``)."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model that can be run.

    Attributes:
        name: as given to ``--model``.
        skeleton: its joints.
        preset: the network's preset name, for training from scratch.
        weights: the safetensors checkpoint.
        description: one line for ``cpm-live models``.
        joint_threshold: joints with a lower peak belief are not sure: hollow or hidden.
        hollow_threshold: joints with at least this peak belief are drawn hollow, lower ones not at all.
        follow_threshold: joints with at least this peak belief make up the box that is followed: lower, since
            a box that cuts an arm off costs more than one that is a little too large.
        find_threshold: mean belief of the best joints below which nobody is found.
        keep_threshold: the same below which nobody goes on being followed.
        finder_threshold: the finder's peaks with a lower belief are not looked at.
        margin: crop side over the longer side of the box of a pose that is followed.
        train: the ``[train]`` table as it stands.
        trunk: where a pretrained trunk comes from, for training.
    """

    name: str
    skeleton: Skeleton
    preset: str
    weights: Path
    description: str = ""
    joint_threshold: float = 0.4
    follow_threshold: float = 0.25
    find_threshold: float = 0.2
    margin: float = 1.4
    hollow_threshold: float = 0.25
    keep_threshold: float = 0.16
    finder_threshold: float = 0.3
    train: dict[str, Any] = field(default_factory=dict)

    @property
    def training_margin(self) -> float:
        """The middle of the zoom that the network was trained with: what true boxes are measured with.

        Following does better with a wider ``margin``, since joints that are not seen yet lie outside the box.
        """
        zoom = self.train.get("augment", {}).get("zoom")
        return sum(zoom) / 2 if zoom else _TRAINING_MARGIN

    @property
    def onnx(self) -> Path:
        """The exported network that travels with the weights."""
        return self.weights.with_suffix(".onnx")


def read(path: Path) -> Recipe:
    """A recipe from a TOML file; relative weights are looked up in ``resources/``, then beside the file.

    Raises:
        InputError: unreadable, or a key is missing or of the wrong kind; the message names it.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read recipe {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"recipe {path} is not TOML: {error}") from None
    model, live = table.get("model", {}), table.get("live", {})
    try:
        skeleton = SKELETONS[model["skeleton"]]
        weights = Path(model["weights"])
        name, preset = str(model["name"]), str(model["preset"])
        if not weights.is_absolute():
            packaged = resource(str(weights))
            weights = packaged if packaged.exists() or not (path.parent / weights).exists() else path.parent / weights
        return Recipe(
            name=name,
            skeleton=skeleton,
            preset=preset,
            weights=weights,
            description=str(model.get("description", "")),
            joint_threshold=float(live.get("joint_threshold", 0.4)),
            follow_threshold=float(live.get("follow_threshold", 0.25)),
            find_threshold=float(live.get("find_threshold", 0.2)),
            margin=float(live.get("margin", 1.4)),
            hollow_threshold=float(live.get("hollow_threshold", 0.25)),
            keep_threshold=float(live.get("keep_threshold", 0.8 * float(live.get("find_threshold", 0.2)))),
            finder_threshold=float(live.get("finder_threshold", 0.3)),
            train=dict(table.get("train", {})),
        )
    except KeyError as error:
        raise InputError(f"recipe {path}: [model] lacks or does not know {error}") from None
    except (TypeError, ValueError) as error:
        raise InputError(f"recipe {path}: {error}") from None


def names() -> list[str]:
    """The models that come with cpm-live; the finder is no pose machine and not among them."""
    return sorted(path.stem for path in (data_root() / "engines").glob("*.toml") if path.stem != FINDER)


def find(model: str) -> Recipe:
    """A recipe by shipped name or by path to a TOML file.

    Raises:
        InputError: no such model; the message lists what exists.
    """
    if model.endswith(".toml"):
        return read(Path(model))
    path = data_root() / "engines" / f"{model}.toml"
    if not model or "/" in model or "\\" in model or not path.is_file():
        raise InputError(f"unknown model {model!r}; use {', '.join(names())} or the path of a recipe (.toml)")
    return read(path)


def find_machine(model: str) -> Recipe:
    """:func:`find` for what estimates poses.

    Raises:
        InputError: no such model, or a finder.
    """
    recipe = find(model)
    if recipe.skeleton.name == "finder":
        raise InputError(f"{model} finds places, not poses; use body or hand, which ask it")
    return recipe
