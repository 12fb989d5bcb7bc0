"""What to train and how: the ``[train]`` table of a recipe."""

from __future__ import annotations

import operator
import tomllib
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
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
        place: weight of the loss that asks only in which cell a map is highest (``targets.place_losses``), beside L2.
        sources: weight in the loss per source; 0 leaves a source out; 1 where not named.
        repeat: how often a source's samples come up per epoch; 1 where not named.
        absent: per source the joints that are out of the picture where they are not labelled.
        synthetic: share of drawn figures among the examples.
        negative: share of pictures without anybody, so that empty rooms stay empty.
        ema: decay of the averaged weights that are kept.
        clip_noise: a map whose loss is beyond so many times the running median is taken for a wrong label
            and counts no more than that; 0 does not clip.
        hard: share of an epoch's examples that are drawn by how large their loss was, 0..1.
        teacher: share of the teacher's maps in the loss, 0..1, where one is given.
        teacher_stages: ``last``: every stage learns from the teacher's last stage; ``matched``: from the stage
            as far along.
        evaluate_every: epochs between evaluations; the first two come after a quarter and half of that.
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
    place: float = 0.0
    sources: dict[str, float] = field(default_factory=dict)
    repeat: dict[str, float] = field(default_factory=dict)
    absent: dict[str, list[str]] = field(default_factory=dict)
    synthetic: float = 0.05
    negative: float = 0.0
    ema: float = 0.998
    clip_noise: float = 0.0
    hard: float = 0.0
    teacher: float = 0.5
    teacher_stages: str = "last"
    evaluate_every: float = 1.0
    seed: int = 1
    augment: Augmentation = Augmentation()

    def to_plain(self) -> dict[str, Any]:
        """As JSON-ready values, for the provenance of weights: what differs from the defaults, and the basics."""
        usual, own = asdict(Plan()), asdict(self)
        own["augment"] = {name: value for name, value in own["augment"].items()
                          if value != usual["augment"][name] or name == "zoom"}  # fmt: skip
        return {
            name: value for name, value in own.items() if value != usual[name] or name in ("batch", "rate", "sizes")
        }

    def size_at(self, progress: float) -> int:
        """The input side when ``progress`` (0..1) of the training is done."""
        for until, size in self.sizes:
            if progress < until:
                return size
        return self.sizes[-1][1]

    def check_sizes(self, step: int) -> None:
        """Raises ``InputError`` where a network whose sides are multiples of ``step`` cannot take the crops."""
        if wrong := [side for _, side in self.sizes if side % step]:
            raise InputError(f"[train] sizes: this network takes multiples of {step}, not {wrong[0]}")

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> Plan:
        """From TOML values. Raises ``InputError`` naming an unknown key."""
        values = dict(table)
        augment = values.pop("augment", {})
        if not isinstance(augment, dict):
            raise InputError(f"[train] augment must be a table, not {augment!r}")
        augment = dict(augment)
        for name, kind in (("train", cls), ("train.augment", Augmentation)):
            known = {item.name for item in fields(kind)}
            given = values if kind is cls else augment
            if unknown := sorted(set(given) - known):
                raise InputError(f"unknown key {unknown[0]!r} in [{name}]; known are {', '.join(sorted(known))}")
        try:
            if "sizes" in values:
                values["sizes"] = tuple((float(share), operator.index(size)) for share, size in values["sizes"])
            if "zoom" in augment:
                low, high = augment["zoom"]
                augment["zoom"] = (float(low), float(high))
        except (TypeError, ValueError) as error:
            raise InputError(f"[train]: sizes are [[share, side], ...] and zoom is [low, high]: {error}") from None
        plan = cls(augment=Augmentation(**augment), **values)
        plan.check()
        return plan

    def check(self) -> None:
        """Raises ``InputError`` naming the first value that makes no sense."""
        for name, least, most in (
            ("batch", 1, 100_000), ("rate", 1e-9, 10), ("sigma", 0.1, 100), ("synthetic", 0, 0.999),
            ("negative", 0, 0.999), ("ema", 0, 0.999999), ("clip_noise", 0, 1e6), ("hard", 0, 1), ("teacher", 0, 1),
            ("evaluate_every", 1e-6, 1e6),
            ("trunk_rate", 0, 100), ("weight_decay", 0, 10), ("clip", 1e-9, 1e9), ("peak_weight", 0, 1e6),
            ("place", 0, 1e3), ("seed", 0, 2**63),
        ):  # fmt: skip
            value = getattr(self, name)
            if name in ("batch", "seed") and not isinstance(value, int):
                raise InputError(f"[train] {name} must be a whole number, not {value!r}")
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
                raise InputError(f"[train] {name} must be a number from {least} to {most}, not {value!r}")
        shares = [share for share, _ in self.sizes]
        if not shares or any(side < 32 or side % 8 for _, side in self.sizes) or not _ascending(shares):
            raise InputError(
                "[train] sizes must be [[share, side], ...], shares growing, sides from 32 up and multiples of 8, "
                f"not {self.sizes}"
            )
        for name in ("sources", "repeat", "absent"):
            if not isinstance(getattr(self, name), dict):
                raise InputError(f"[train] {name} must be a table by source, not {getattr(self, name)!r}")
        for name in ("sources", "repeat"):
            for source, value in getattr(self, name).items():
                if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1000:
                    raise InputError(f"[train] {name}.{source} must be a number from 0 to 1000, not {value!r}")
        for source, names in self.absent.items():
            if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
                raise InputError(f"[train] absent.{source} must be a list of joints, not {names!r}")
        self._check_augmentation()
        if self.teacher_stages not in ("last", "matched"):
            raise InputError(f"[train] teacher_stages must be last or matched, not {self.teacher_stages!r}")

    def _check_augmentation(self) -> None:
        low, high = self.augment.zoom
        if not 0.1 <= low <= high <= 20:
            raise InputError(f"[train.augment] zoom must be [low, high], from 0.1 to 20, not {list(self.augment.zoom)}")
        # Ranges that are drawn from must not end before they begin: smears from 0.03, coarse pictures up to 0.9.
        least = {"longest": 0.03}
        most = {"rotation": 180.0, "shift": 2.0, "stretch": 2.0, "coarsest": 0.9}
        for item in fields(Augmentation):
            if item.name == "zoom":
                continue
            value, low, high = getattr(self.augment, item.name), least.get(item.name, 0.0), most.get(item.name, 1.0)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise InputError(
                    f"[train.augment] {item.name} must be a number from {low:g} to {high:g}, not {value!r}"
                )


def _ascending(shares: list[float]) -> bool:
    return all(a < b for a, b in pairwise(shares)) and shares[0] > 0


def with_settings(table: dict[str, Any], settings: list[str]) -> dict[str, Any]:
    """A ``[train]`` table with ``key=value`` settings of the command line laid over it.

    Values are TOML (``rate=0.003``, ``augment.zoom=[1, 2]``), or bare words. Raises ``InputError``.
    """
    out = dict(table)
    for setting in settings:
        key, separator, value = setting.partition("=")
        if not separator or not key.strip():
            raise InputError(f"--set takes key=value, not {setting!r}")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value.strip()
        place = out
        *folders, name = key.strip().split(".")
        for folder in folders:
            if not isinstance(place.get(folder, {}), dict):
                raise InputError(f"--set {setting}: {folder} is a value, not a table")
            place[folder] = dict(place.get(folder, {}))
            place = place[folder]
        place[name] = parsed
    return out
