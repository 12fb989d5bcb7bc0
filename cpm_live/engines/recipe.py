"""Recipes: ``engines/<model>.toml`` says which weights, preset and thresholds a model has."""

from __future__ import annotations

import json
import shlex
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cpm_live.core import own_skeleton
from cpm_live.core.errors import InputError, printable
from cpm_live.core.paths import data_root, resource
from cpm_live.core.skeleton import SKELETONS, Skeleton
from cpm_live.engines import weights_header

FINDER = "finder"
"""The recipe of the finder's network."""
KINDS = (".toml", ".safetensors")
"""Files that are models: recipes and weights."""
FOREIGN = (".caffemodel", ".pth")
"""Files of other projects that ``models import`` makes models of."""


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
        finder: what the finder is asked for: ``person``, ``hand``, or ``none``: the pose network searches by itself;
            empty where the skeleton decides.
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
    finder: str = ""
    train: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str | None:
        """What the finder is asked for; None where it knows nothing of what this model estimates."""
        kind = self.finder or {"body": "person", "hand": "hand"}.get(self.skeleton.name, "none")
        return None if kind == "none" else kind

    @property
    def training_margin(self) -> float:
        """The middle of the zoom that the network was trained with: what true boxes are measured with.

        Following does better with a ``margin`` that is no narrower, or not by much: joints that are not seen yet lie
        outside the box.
        """
        zoom = self.train.get("augment", {}).get("zoom")
        return sum(zoom) / 2 if zoom else _TRAINING_MARGIN

    @property
    def onnx(self) -> Path:
        """The exported network that travels with the weights."""
        return self.weights.with_suffix(".onnx")


def read(path: Path) -> Recipe:
    """A recipe from a TOML file; relative weights are looked up beside the file, those of ours in ``resources/``.

    Raises:
        InputError: unreadable, or a key is missing, unknown or of the wrong kind; the message names it.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read recipe {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"recipe {path} is not TOML: {error}") from None
    try:
        model, live, train = (_table(table, name) for name in ("model", "live", "train"))
        _known(model, _MODEL, "model")
        _known(live, (*_LIVE, "finder"), "live")
        name, skeleton, preset, weights = (_text(model, key) for key in _MODEL[:4])
        kind = _skeleton(skeleton, _table(table, "skeleton"))
        finder = live.get("finder", "")
        if finder not in _FINDERS and "finder" in live:
            raise InputError(f"[live] finder is one of {', '.join(_FINDERS)}, not {finder!r}")
        zoom = _table(train, "augment").get("zoom")
        if zoom is not None and not _span(zoom):
            raise InputError(f"[train.augment] zoom is two numbers above 0, the smaller first, not {zoom!r}")
        numbers = {key: _number(live, key, *limits) for key, limits in _LIVE.items() if key in live}
        if "find_threshold" in numbers:
            numbers.setdefault("keep_threshold", 0.8 * numbers["find_threshold"])
        return Recipe(
            name=name,
            skeleton=kind,
            preset=preset,
            weights=_weights(path, Path(weights)),
            description=str(model.get("description", "")),
            finder=finder,
            train=train,
            **numbers,
        )
    except InputError as error:
        raise InputError(f"recipe {path}: {error}") from None


_MODEL = ("name", "skeleton", "preset", "weights", "description")
_FINDERS = ("person", "hand", "none")
_SHARE = (0.0, 1.0)
_LIVE = {
    "joint_threshold": _SHARE, "hollow_threshold": _SHARE, "follow_threshold": _SHARE, "find_threshold": _SHARE,
    "keep_threshold": _SHARE, "finder_threshold": _SHARE, "margin": (0.5, 5.0),
}  # fmt: skip
"""The numbers of ``[live]``, and from where to where they make sense."""


def _skeleton(name: str, own: dict[str, Any]) -> Skeleton:
    if own and name in SKELETONS:
        raise InputError(f"[model] skeleton {name!r} is one of ours: with a table [skeleton] give it another name")
    if own:
        return own_skeleton.from_table(name, own)
    if name not in SKELETONS:
        raise InputError(
            f"[model] skeleton is one of {', '.join(SKELETONS)}, not {name!r}; one of your own needs a table "
            "[skeleton] with its joints"
        )
    return SKELETONS[name]


def _weights(recipe: Path, weights: Path) -> Path:
    """Where a recipe's weights are: of ours in ``resources/``, else beside it. Whoever copies one of ours and trains
    it would else be shown ours for theirs."""
    return resource(str(weights)) if _is_ours(recipe) else recipe.parent / weights


def _is_ours(recipe: Path) -> bool:
    return recipe.resolve().parent == (data_root() / "engines").resolve()


def _table(table: dict[str, Any], name: str) -> dict[str, Any]:
    value = table.get(name, {})
    if not isinstance(value, dict):
        raise InputError(f"{name} is a table ([{name}]), not {value!r}")
    return dict(value)


def _known(table: dict[str, Any], names: tuple[str, ...], where: str) -> None:
    if unknown := sorted(set(table) - set(names)):
        raise InputError(f"[{where}] does not know {unknown[0]!r}; it has {', '.join(names)}")


def _text(table: dict[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value or printable(value) != value:
        raise InputError(f"[model] lacks {key}" if value is None else f"[model] {key} is a text, not {value!r}")
    return value


def _number(table: dict[str, Any], key: str, low: float, high: float) -> float:
    value = table[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"[live] {key} is a number from {low:g} to {high:g}, not {value!r}")
    return float(value)


def _span(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    if any(isinstance(part, bool) or not isinstance(part, int | float) for part in value):
        return False
    return 0 < value[0] <= value[1] < float("inf")


def names() -> list[str]:
    """The models that come with cpm-live; the finder is no pose machine and not among them."""
    return sorted(path.stem for path in (data_root() / "engines").glob("*.toml") if path.stem != FINDER)


def find(model: str) -> Recipe:
    """A recipe by shipped name, by path to a TOML file, or for a checkpoint (``.safetensors``) that training wrote.

    Raises:
        InputError: no such model; the message lists what exists.
    """
    if model.lower().endswith(".toml"):
        return _apart(read(Path(model)), Path(model))
    if model.lower().endswith(".safetensors"):
        return _apart(of_checkpoint(Path(model)), Path(model))
    if model.lower().endswith(FOREIGN):
        how = f"cpm-live models import {shlex.quote(model)}"
        raise InputError(f"{model} is of another project; first make a model of it: {how}")
    path = data_root() / "engines" / f"{model}.toml"
    if not model or "/" in model or "\\" in model or not path.is_file():
        kinds = "the path of a recipe (.toml) or of weights (.safetensors)"
        raise InputError(f"unknown model {model!r}; use {', '.join(names())} or {kinds}")
    return read(path)


def _apart(recipe: Recipe, path: Path) -> Recipe:
    """Another name for what is called as one of ours: names tell models apart."""
    alike = recipe.name in (*names(), FINDER)
    return replace(recipe, name=f"own {recipe.name}") if alike and not _is_ours(path) else recipe


def of_checkpoint(path: Path) -> Recipe:
    """What runs a checkpoint: thresholds and margin of our recipe for its skeleton, the zoom it was trained with.

    Raises:
        InputError: not a checkpoint of ours.
    """
    try:
        told = weights_header.metadata(path)
        skeleton, preset = _of_weights(told), json.loads(told["preset"])["name"]
        plan = json.loads(told.get("provenance", "{}")).get("plan", {})
        zoom = plan.get("augment", {}).get("zoom")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (*weights_header.BROKEN, AttributeError):
        raise InputError(f"{path} is not a checkpoint of cpm-live; train writes ema.safetensors") from None
    if skeleton is None:
        raise InputError(
            f"{path} has the skeleton {told['skeleton']!r}, and does not say which joints that has; "
            "give the recipe (.toml) it was trained with, with a table [skeleton]"
        )
    ours = [recipe for recipe in map(find, (*names(), FINDER)) if recipe.skeleton == skeleton]
    recipe = ours[0] if ours else Recipe("", skeleton, preset, path)
    augment = {key: value for key, value in recipe.train.get("augment", {}).items() if key != "zoom" or not plan}
    # Older plans say nothing of the usual zoom, which is that of a recipe without one.
    train = recipe.train | {"augment": augment | ({"zoom": zoom} if zoom else {})}
    name = path.resolve().parent.name if path.stem == "ema" else path.stem
    return replace(recipe, name=name, preset=preset, weights=path, description=f"weights {path}", train=train)


def _of_weights(told: dict[str, str]) -> Skeleton | None:
    """The skeleton of a checkpoint, by its metadata; None where that has a name only, and not one of ours."""
    name = told["skeleton"]
    if "joints" in told:
        return own_skeleton.from_table(name, json.loads(told["joints"]))
    return SKELETONS.get(name)


def check_joints(recipe: Recipe) -> None:
    """Whether the weights were trained for the recipe's joints, in its order. (Ours say nothing of theirs.)

    Raises:
        InputError: they were not.
    """
    try:
        joints = json.loads(weights_header.metadata(recipe.weights).get("joints", "{}")).get("joints")
    except (OSError, *weights_header.BROKEN, AttributeError):
        return  # whoever loads them says what is wrong; an exported network may be there without them
    if isinstance(joints, list) and not recipe.skeleton.has(joints):
        raise InputError(
            f"recipe {recipe.name}: the joints of {recipe.weights.name} are {', '.join(joints)}; the recipe's are "
            f"{', '.join(recipe.skeleton.joints)}"
        )


def find_pose_model(model: str) -> Recipe:
    """:func:`find` for what estimates poses.

    Raises:
        InputError: no such model, or a finder.
    """
    recipe = find(model)
    if recipe.skeleton.name == "finder":
        raise InputError(f"{model} finds places, not poses; use body or hand, which ask it")
    return recipe
