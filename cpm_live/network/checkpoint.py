"""Checkpoints: safetensors with the preset and its provenance in the metadata. Never pickles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from cpm_live.core import own_skeleton
from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import SKELETONS, Skeleton
from cpm_live.core.whole_file import whole
from cpm_live.network.cpm import PoseNetwork, build
from cpm_live.network.presets import Preset

FORMAT = "cpm-live/1"


@dataclass(frozen=True, slots=True)
class Header:
    """What a checkpoint says about itself.

    Attributes:
        preset: the network's shape, input size and normalisation.
        skeleton: name of the skeleton whose joints the maps are.
        provenance: data, compute and software, in words.
        figures: measured accuracy, as ``cpm-live evaluate`` prints it.
        joints: the skeleton as a table (``core.own_skeleton``), if it is a user's own.
    """

    preset: Preset
    skeleton: str
    provenance: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    joints: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, preset: Preset, skeleton: Skeleton, provenance: dict[str, Any], figures: dict[str, Any] | None = None
    ) -> Header:
        """A header for weights of this skeleton."""
        own = {} if SKELETONS.get(skeleton.name) == skeleton else own_skeleton.to_table(skeleton)
        return cls(preset, skeleton.name, provenance, figures or {}, own)

    def knows(self, skeleton: Skeleton) -> bool:
        """Whether the maps are of this skeleton's joints, in its order."""
        return self.skeleton == skeleton.name and skeleton.has(self.joints.get("joints", skeleton.joints))

    def to_metadata(self) -> dict[str, str]:
        """As safetensors (and ONNX) metadata: strings, JSON inside."""
        return {
            "format": FORMAT,
            "preset": json.dumps(self.preset.to_dict()),
            "skeleton": self.skeleton,
            "provenance": json.dumps(self.provenance),
            "figures": json.dumps(self.figures),
            **({"joints": json.dumps(self.joints)} if self.joints else {}),
        }

    @classmethod
    def from_metadata(cls, metadata: dict[str, str], path: Path) -> Header:
        """Back from :meth:`to_metadata`. Raises ``InputError`` for a file that is not ours."""
        if metadata.get("format") != FORMAT:
            raise InputError(f"{path} is not a cpm-live checkpoint (no {FORMAT} in its metadata)")
        try:
            return cls(
                Preset.from_dict(json.loads(metadata["preset"])),
                metadata["skeleton"],
                json.loads(metadata.get("provenance", "{}")),
                json.loads(metadata.get("figures", "{}")),
                json.loads(metadata.get("joints", "{}")),
            )
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            raise InputError(f"{path} has damaged metadata: {error}") from None


def save(path: Path, state: dict[str, Tensor], header: Header, half: bool = False) -> None:
    """Write a checkpoint; the file appears whole or not at all.

    Args:
        half: store floating-point weights as fp16 (half the size; loading widens them again).
    """
    tensors = {
        name: (value.half() if half and value.is_floating_point() else value).contiguous()
        for name, value in state.items()
        if not name.endswith("num_batches_tracked")
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as temporary:
        # Written by us: safetensors' own save_file makes files that only their owner may read.
        temporary.write_bytes(to_bytes(tensors, metadata=header.to_metadata()))


def misfit(state: Mapping[str, Tensor], preset: Preset) -> str:
    """What of these tensors, by name, is not as a network of this preset has it; empty if nothing."""
    # Without memory of its own: what it takes is not known to be in the file before the two are compared.
    with torch.device("meta"):
        shape = build(preset)
    wanted = {name: value for name, value in shape.state_dict().items() if not name.endswith("num_batches_tracked")}
    if odd := sorted(wanted.keys() ^ state.keys()):
        return f"{len(odd)} tensors differ, {odd[0]} first"
    unlike = ((name, value.shape, wanted[name].shape) for name, value in state.items())
    return next((f"{name} is {tuple(own)}, not {tuple(its)}" for name, own, its in unlike if own != its), "")


def load(path: Path) -> tuple[PoseNetwork, Header]:
    """The network, in evaluation mode, and its header.

    Raises:
        InputError: missing, not safetensors, not ours, or tensors that do not fit the preset.
    """
    if not path.is_file():
        raise InputError(f"no weights at {path}")
    try:
        with safe_open(path, framework="pt") as handle:
            header = Header.from_metadata(handle.metadata() or {}, path)
            state = {name: handle.get_tensor(name).float() for name in handle.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(f"cannot read weights {path}: {error}; expected a .safetensors checkpoint") from None
    if wrong := misfit(state, header.preset):
        raise InputError(f"{path} does not fit preset {header.preset.name!r}: {wrong}")
    for name, value in state.items():
        if not value.isfinite().all():
            raise InputError(f"{path} is damaged: {name} holds values that are no numbers; train from an earlier state")
    machine = build(header.preset)
    machine.load_state_dict(state, strict=False)
    return machine.eval(), header
