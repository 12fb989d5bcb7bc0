"""Transfer: start one network from another's weights where they fit, or where they can grow to fit."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from torch import Tensor, nn

from cpm_live.network.cpm import PoseNetwork
from cpm_live.network.presets import Preset

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


def transfer(machine: PoseNetwork, source: PoseNetwork, same_joints: bool = True) -> Transferred:
    """Copy every tensor of ``source`` whose name and shape the machine has; let a smaller network grow.

    So a checkpoint of another skeleton lends all but its belief maps, and one of a neighbouring preset
    whatever the two share. A machine that is of the same kind and wider, or has more stages, keeps what was
    learned and has more to learn with (Chen, Goodfellow, Shlens: Net2Net, ICLR 2016, with new channels that are
    silent instead of copies): old channels do not listen to new ones yet, so that every stage answers as before,
    and stages that the source lacks start as its last stage, applied once more.

    Args:
        same_joints: whether both know the same skeleton; only then the machine may grow from the source.

    Raises:
        ValueError: nothing fits.
    """
    own = {name: value for name, value in machine.state_dict().items() if not name.endswith("num_batches_tracked")}
    state = source.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    if not same_joints:
        # As many joints may be, but they are others.
        believers = _believers(machine)
        fitting = {name: value for name, value in fitting.items() if name.rpartition(".")[0] not in believers}
    if not fitting:
        raise ValueError("the two networks have no layer in common")
    grown = _grown(own, fitting, source, machine.preset) if same_joints else {}
    machine.load_state_dict(fitting | grown, strict=False)
    return Transferred(
        tuple(fitting), tuple(grown), tuple(name for name in own if name not in fitting and name not in grown)
    )


def _believers(machine: PoseNetwork) -> set[str]:
    """The layers whose outputs are belief maps."""
    return {
        name
        for name, module in machine.named_modules()
        if isinstance(module, nn.Conv2d) and module.out_channels == machine.preset.stage_maps and name[:5] != "trunk"
    }


def _grown(
    own: dict[str, Tensor], fitting: dict[str, Tensor], source: PoseNetwork, preset: Preset
) -> dict[str, Tensor]:
    """The tensors of a larger network that hold those of the smaller one."""
    before = source.preset
    # Everything else must be alike: what was learned on other features would be no beginning.
    may_differ = {"name": "", "stages": 0, "width": 0, "size": 0, "frozen": 0}
    alike = replace(preset, **may_differ) == replace(before, **may_differ)  # type: ignore[arg-type]
    if not alike or before.family != "light" or before.stages <= before.local_stages:
        return {}
    last = before.stages - 2
    centre = int(preset.centre_map)
    state, grown = source.state_dict(), {}
    for name, value in own.items():
        if name in fitting:
            continue
        found = _STAGE.match(name)
        small = state.get(_STAGE.sub(f"later.{last}.", name) if found and int(found[1]) > last else name)
        if small is None or small.dim() != value.dim():
            continue
        if any(fewer > more for fewer, more in zip(small.shape, value.shape, strict=True)):
            continue
        grown[name] = _embed(small, value, centre if name.endswith("join.0.weight") else 0)
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
