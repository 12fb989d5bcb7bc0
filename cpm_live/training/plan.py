"""What to train and how: the ``[train]`` table of a recipe."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from cpm_live.core.errors import InputError
from cpm_live.training.augment import Augmentation


@dataclass(frozen=True, slots=True)
class Plan:
    """A training plan.

    Attributes:
        batch: examples per step.
        rate: peak learning rate (AdamW); pretrained trunks get ``trunk_rate`` times it.
        sizes: (share of the training, input side) pairs: crops grow as training goes on.
        sigma: of the target Gaussians, in cells.
        peak_weight: how much more a target's peak counts than empty ground.
        sources: weight in the loss per source; 0 leaves a source out; 1 where not named.
        repeat: how often a source's samples come up per epoch; 1 where not named.
        synthetic: share of drawn figures among the examples.
        negative: share of pictures without anybody, so that empty rooms stay empty.
        ema: decay of the averaged weights that are kept.
        augment: see :class:`~cpm_live.training.augment.Augmentation`.
    """

    batch: int = 16
    rate: float = 1.5e-3
    trunk_rate: float = 0.3
    weight_decay: float = 1e-4
    clip: float = 5.0
    sizes: tuple[tuple[float, int], ...] = ((1.0, 192),)
    sigma: float = 1.2
    peak_weight: float = 10.0
    sources: dict[str, float] = field(default_factory=dict)
    repeat: dict[str, float] = field(default_factory=dict)
    synthetic: float = 0.05
    negative: float = 0.0
    ema: float = 0.998
    seed: int = 1
    augment: Augmentation = Augmentation()

    def size_at(self, progress: float) -> int:
        """The input side when ``progress`` (0..1) of the training is done."""
        for until, size in self.sizes:
            if progress < until:
                return size
        return self.sizes[-1][1]

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> Plan:
        """From TOML values. Raises ``InputError`` naming an unknown key."""
        values = dict(table)
        augment = dict(values.pop("augment", {}))
        for name, kind in (("train", cls), ("train.augment", Augmentation)):
            known = {item.name for item in fields(kind)}
            given = values if kind is cls else augment
            if unknown := sorted(set(given) - known):
                raise InputError(f"unknown key {unknown[0]!r} in [{name}]; known are {', '.join(sorted(known))}")
        if "sizes" in values:
            values["sizes"] = tuple((float(share), int(size)) for share, size in values["sizes"])
        if "zoom" in augment:
            augment["zoom"] = tuple(augment["zoom"])
        return cls(augment=Augmentation(**augment), **values)
