"""Transfer: start one network from another's weights where they fit, or where they can grow to fit."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
from torch import Tensor

from cpm_live.network.cpm import PoseMachine

_STAGE = re.compile(r"^later\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class Transferred:
    """What a transfer did.

    Attributes:
        taken: names of the tensors that were copied.
        grown: names of those that came from a smaller network: part of them is copied, or they are another
            stage's.
        fresh: names of those that the source lacks or has in a shape that does not fit; left as they were.
    """

    taken: tuple[str, ...]
    grown: tuple[str, ...]
    fresh: tuple[str, ...]


def transfer(machine: PoseMachine, state: dict[str, Tensor]) -> Transferred:
    """Copy every tensor of ``state`` whose name and shape the machine has; let a smaller network grow.

    So a checkpoint of another skeleton lends all but its belief maps, and one of a neighbouring preset
    whatever the two share. Where the skeleton is the same and the machine is wider or has more stages, the
    answer is kept while there is more to learn with (Chen, Goodfellow, Shlens: Net2Net, ICLR 2016, with new
    channels that are silent instead of copies): old channels do not listen to new ones yet, and stages that the
    source lacks start as its last stage.

    Raises:
        ValueError: nothing fits.
    """
    own = {name: value for name, value in machine.state_dict().items() if not name.endswith("num_batches_tracked")}
    fitting = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    if not fitting:
        raise ValueError("the two networks have no layer in common")
    grown = _grown(machine, own, fitting, state)
    machine.load_state_dict(fitting | grown, strict=False)
    return Transferred(
        tuple(fitting), tuple(grown), tuple(name for name in own if name not in fitting and name not in grown)
    )


def _grown(
    machine: PoseMachine, own: dict[str, Tensor], fitting: dict[str, Tensor], state: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The tensors of a larger network that hold those of the smaller one."""
    stages = {int(found[1]) for name in state if (found := _STAGE.match(name))}
    last = max(stages, default=-1)
    # Belief maps of another skeleton are not these ones' beginning.
    if last < 0 or state.get(f"later.{last}.believe.bias", torch.empty(0)).shape != (machine.preset.maps,):
        return {}
    centre = int(machine.preset.centre_map)
    grown = {}
    for name, value in own.items():
        if name in fitting:
            continue
        found = _STAGE.match(name)
        source = state.get(_STAGE.sub(f"later.{last}.", name) if found and int(found[1]) > last else name)
        if source is None or source.dim() != value.dim():
            continue
        if any(small > large for small, large in zip(source.shape, value.shape, strict=True)):
            continue
        grown[name] = _embed(source, value, centre if name.endswith("join.0.weight") else 0)
    return grown


def _embed(small: Tensor, large: Tensor, at_end: int) -> Tensor:
    """``large`` with ``small`` in its first channels; ``small``'s last ``at_end`` inputs stay the last ones."""
    out = large.clone()
    outputs = small.shape[0]
    if small.dim() == 1:
        out[:outputs] = small
        return out
    inputs = small.shape[1] - at_end
    out[:outputs] = 0
    out[:outputs, :inputs] = small[:, :inputs]
    if at_end:
        out[:outputs, -at_end:] = small[:, -at_end:]
    return out
