"""From convolutions by the names of ours, with their makers' order of maps, to the tensors of a network of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import Skeleton
from cpm_live.network.checkpoint import misfit
from cpm_live.network.presets import Preset

Convolution = tuple[Tensor, Tensor]
"""Weights (outputs, inputs, k, k) and biases (outputs,)."""

MOST_STAGES = 16

PAPER_FIRST = ("first.0.0", "first.2.0", "first.4.0", "first.6.0", "first.7.0", "first.8.0", "first.9")
PAPER_EYES = ("eyes.0.0", "eyes.2.0", "eyes.4.0")
PAPER_LATER = ("0.0", "1.0", "2.0", "3.0", "4")
PAPER_FEATURES = 32
VGG_FIRST = ("first.0.0", "first.1")
VGG_LATER = ("0.0", "1.0", "2.0", "3.0", "4.0", "5.0", "6")
VGG_TRUNK = ("0.0", "1.0", "3.0", "4.0", "6.0", "7.0", "8.0", "9.0")
"""The convolutions down to the third pool; the tail's follow it one by one."""


def vgg_trunk(place: int) -> str:
    """The name of a trunk's convolution, counted from 0."""
    inner = VGG_TRUNK[place] if place < len(VGG_TRUNK) else f"{place + 3}.0"
    return f"trunk.{inner}"


@dataclass(frozen=True, slots=True)
class Known:
    """What others' weights are weights for.

    Attributes:
        skeleton: the joints of the imported network.
        order: for each map of ours, background last, which of theirs it is.
        margin: crop side over the longer side of the joints' box that they were trained with.
        finder: whom the finder is asked for (see ``engines.recipe``); empty where the skeleton decides.
        note: for people: whose weights these are.
    """

    skeleton: Skeleton
    order: tuple[int, ...]
    margin: float
    finder: str
    note: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A network of ours with others' weights."""

    state: dict[str, Tensor]
    preset: Preset
    known: Known


def assemble(convolutions: Mapping[str, Convolution], preset: Preset, known: Known, beliefs_at: int) -> Imported:
    """Bring maps into our order, and see that all is there and fits.

    Args:
        convolutions: by the names of ours; what later stages see is in our order of kinds, but for the maps inside it.
        beliefs_at: where the maps begin in what later stages see.

    Raises:
        InputError: a convolution is missing, too many, or of another shape.
    """
    last = {"paper": PAPER_LATER, "vgg": VGG_LATER}[preset.family][-1]
    first = {"paper": PAPER_FIRST, "vgg": VGG_FIRST}[preset.family][-1]
    state: dict[str, Tensor] = {}
    for name, (weight, bias) in convolutions.items():
        stage, _, inner = name.removeprefix("later.").partition(".")
        later = name.startswith("later.") and stage.isdigit()
        if name == first or (later and inner == last):
            weight, bias = _rows(weight, known.order, name), _rows(bias, known.order, name)
        elif later and inner == "0.0":
            weight = _inputs(weight, known.order, beliefs_at, name)
        state[f"{name}.weight"], state[f"{name}.bias"] = weight.contiguous(), bias.contiguous()
    if wrong := misfit(state, preset):
        raise InputError(wrong)
    for name, value in state.items():
        if not value.isfinite().all():
            raise InputError(f"{name} holds values that are no numbers")
    return Imported(state, preset, known)


def _rows(values: Tensor, order: Sequence[int], name: str) -> Tensor:
    if len(values) != len(order):
        raise InputError(f"{name} gives {len(values)} maps, not {len(order)}")
    return values[list(order)]


def _inputs(weight: Tensor, order: Sequence[int], at: int, name: str) -> Tensor:
    if weight.shape[1] < at + len(order):
        raise InputError(f"{name} sees {weight.shape[1]} maps and features, too few")
    places = [*range(at), *(at + place for place in order), *range(at + len(order), weight.shape[1])]
    return weight[:, places]
