"""MMPose's CPM checkpoints (``.pth``): ``mmpose/models/backbones/cpm.py`` of open-mmlab/mmpose on GitHub.

The paper's form with batch normalisation after all but each stage's last convolution, which is folded here; without
centre map and background. The picture is RGB less ImageNet's mean; targets lie where ``8 * cell`` is the pixel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cpm_live.core.errors import InputError
from cpm_live.network.importers import layout
from cpm_live.network.importers.known import MMPOSE
from cpm_live.network.importers.layout import Convolution, Imported
from cpm_live.network.presets import PRESETS

_EPSILON = 1e-5
"""torch's usual one, which MMPose leaves as it is."""
_LATER = re.compile(r"out_convs\.(\d+)\.")
_SIDES = range(64, 1025)
"""Other numbers in a name are no network's input."""
_REFUSED = re.compile(r"GLOBAL ([\w.]{1,80})")
"""In torch's message: what a file wants called."""
_IN_NAME = re.compile(r"(?<!\d)(\d{2,4})x(\d{2,4})(?!\d)")


def read(path: Path) -> Imported:
    """A network of ours with the weights of an MMPose checkpoint.

    Its input's side is the longer one that the file's name tells (``cpm_coco_256x192-...pth``), else 368.

    Raises:
        InputError: not a checkpoint of MMPose's CPM, or one that could run code.
    """
    state = _state(path)
    later = {match[1] for match in map(_LATER.match, state) if match}
    stages = 1 + len(later)
    if stages < 2 or "stem.0.conv.weight" not in state:
        raise InputError("it is no checkpoint of MMPose's CPM: it lacks backbone.stem and backbone.out_convs")
    if stages > layout.MOST_STAGES:
        raise InputError(f"it has {stages} stages")
    ours = {f"stem.{place}": name for place, name in zip((0, 2, 4, 6, 7, 8, 9), layout.PAPER_FIRST, strict=True)}
    ours |= {f"middle.{place}": name for place, name in zip((0, 2, 4), layout.PAPER_EYES, strict=True)}
    for stage in range(stages - 1):
        theirs = (*(f"cpm_stages.{stage}.model.{n}" for n in range(3)), *(f"out_convs.{stage}.{n}" for n in range(2)))
        ours |= {name: f"later.{stage}.{mine}" for name, mine in zip(theirs, layout.PAPER_LATER, strict=True)}
        ours[f"middle_conv.{stage}.0"] = f"features.{stage}.0"
    convolutions = {mine: _folded(state, name) for name, mine in ours.items()}
    maps = len(convolutions[layout.PAPER_FIRST[-1]][1])
    if maps not in MMPOSE:
        raise InputError(f"it gives {maps} maps; known are {', '.join(map(str, sorted(MMPOSE)))}")
    for stage in range(stages - 1):
        # Theirs sees beliefs and features, ours features and beliefs.
        weight, bias = convolutions[f"later.{stage}.0.0"]
        convolutions[f"later.{stage}.0.0"] = torch.cat([weight[:, maps:], weight[:, :maps]], dim=1), bias
    preset = replace(PRESETS["mmpose"], stages=stages, joints=maps, size=_side(path))
    return layout.assemble(convolutions, preset, MMPOSE[maps], layout.PAPER_FEATURES)


def _side(path: Path) -> int:
    found = _IN_NAME.search(path.name)
    side = max(map(int, found.groups())) if found else 0
    fits = side in _SIDES and side % PRESETS["mmpose"].step == 0
    return side if fits else PRESETS["mmpose"].size


def _state(path: Path) -> dict[str, Tensor]:
    """The backbone's tensors, by their names inside it."""
    try:
        with ExitStack() as stack:
            stack.enter_context(torch.serialization.safe_globals(_numbers()))
            read = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"it cannot be read: {error.strerror}") from None
    except Exception as error:  # noqa: BLE001 - torch raises many unrelated types for a damaged file
        # What torch says is long, and advises to run whatever is in the file.
        if refused := _REFUSED.search(str(error)):
            more = f"it holds more than weights ({refused[1]}), which is not read because it could run anything"
            raise InputError(f"{more}; whoever made it can save its state_dict alone") from None
        raise InputError("it is no checkpoint of PyTorch, or damaged or cut off; get it again") from None
    state = read.get("state_dict", read) if isinstance(read, Mapping) else None
    if not isinstance(state, Mapping):
        raise InputError(f"it is no checkpoint: it holds a {type(read).__name__}")
    tensors = {name: value for name, value in state.items() if isinstance(name, str) and isinstance(value, Tensor)}
    if odd := [name for name in tensors if "head." in name]:
        raise InputError(f"it has a head with weights of its own ({odd[0][:60]!r}), which MMPose's CPM has not")
    if odd := [name for name, value in tensors.items() if not _plain(value)]:
        raise InputError(f"{odd[0][:60]!r} is no plain table of numbers")
    return {name.removeprefix("backbone."): value.float() for name, value in tensors.items()}


def _plain(value: Tensor) -> bool:
    """Whether all its numbers are there, one by one. A number that stands for a billion would be made a billion."""
    if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized or value.is_complex():
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def _numbers() -> list[Any]:
    """What NumPy's numbers and arrays are pickled with, which some notes beside the weights hold; they run nothing."""
    core = np.core if not hasattr(np, "_core") else np._core
    reconstruct = core.multiarray._reconstruct
    kinds = {type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "u1", "?", "U1", "S1")}
    old = (reconstruct, "numpy.core.multiarray._reconstruct")
    return [reconstruct, old, core.multiarray.scalar, np.ndarray, np.dtype, *kinds]


def _folded(state: Mapping[str, Tensor], name: str) -> Convolution:
    """A convolution whose batch normalisation, where it has one, is in its weights and bias."""
    weight = state.get(f"{name}.conv.weight")
    if weight is None or weight.ndim != 4:
        raise InputError(f"the layer {name} is missing")
    bias = state.get(f"{name}.conv.bias", torch.zeros(len(weight)))
    parts = [state.get(f"{name}.bn.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
    if any(part is None for part in parts):
        return weight, bias
    gain, offset, mean, variance = (part for part in parts if part is not None)
    if any(part.shape != bias.shape for part in (gain, offset, mean, variance)):
        raise InputError(f"the batch normalisation of {name} does not fit its {len(weight)} maps")
    scale = gain / torch.sqrt(variance + _EPSILON)
    return weight * scale[:, None, None, None], offset + (bias - mean) * scale
