"""Transfer: start one network from another's weights where they fit."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from cpm_live.network.cpm import PoseMachine


@dataclass(frozen=True, slots=True)
class Transferred:
    """What a transfer did.

    Attributes:
        taken: names of the tensors that were copied.
        fresh: names of those that the source lacks or has in another shape; left as they were.
    """

    taken: tuple[str, ...]
    fresh: tuple[str, ...]


def transfer(machine: PoseMachine, state: dict[str, Tensor]) -> Transferred:
    """Copy every tensor of ``state`` whose name and shape the machine has.

    So a checkpoint of another skeleton lends all but its belief maps, and one of a neighbouring preset
    whatever the two share.

    Raises:
        ValueError: nothing fits.
    """
    own = {name: value for name, value in machine.state_dict().items() if not name.endswith("num_batches_tracked")}
    fitting = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    if not fitting:
        raise ValueError("the two networks have no layer in common")
    machine.load_state_dict(fitting, strict=False)
    return Transferred(tuple(fitting), tuple(name for name in own if name not in fitting))
