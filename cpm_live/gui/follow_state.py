"""How people are looked for and followed, as the window's one source of truth for :class:`Options`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from cpm_live.core.crop import Box
from cpm_live.core.errors import InputError
from cpm_live.engines.recipe import Recipe
from cpm_live.pipeline.options import Lock, Options

log = logging.getLogger("cpm_live.gui")

SMOOTHING = Options().smoothing
PER_MODEL = ("people", "joint", "find")
"""What is kept for each model by itself: a threshold of 0.4 for a body is not 0.4 for a hand."""


class FollowState(QObject):
    """Holds the :class:`Options`; everything that changes them goes through here and says ``changed``.

    Args:
        smoothing, hands: as remembered.
        kept: what was set for models, keys like ``body.joint``; what cannot be used is left out with a warning.
    """

    changed = Signal()

    def __init__(self, smoothing: float, hands: bool, kept: Mapping[str, float], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.recipe: Recipe | None = None
        self.kept: dict[str, float] = {}
        for key, value in kept.items():
            name = key.rpartition(".")[2]
            if name in PER_MODEL and isinstance(value, int | float) and _fits(name, value):
                self.kept[key] = float(value)
            else:
                log.warning("setting %r cannot be %r; using the recipe's", key, value)
        self._options = Options(smoothing=min(max(smoothing, 0.0), 1.0), hands=hands)

    @property
    def options(self) -> Options:
        """The options as they are now."""
        return self._options

    def model_is(self, recipe: Recipe) -> None:
        """Another model is wanted: what was set for it holds now."""
        self.recipe = recipe
        self._apply()

    def own(self, name: str) -> float | None:
        """What was set for the model (one of ``PER_MODEL``); None for the usual."""
        return self.kept.get(f"{self.recipe.name}.{name}") if self.recipe is not None else None

    def set_own(self, name: str, value: float | None) -> None:
        """Set a value for the model; None for the usual."""
        if self.recipe is None:
            return
        key = f"{self.recipe.name}.{name}"
        if value is None:
            self.kept.pop(key, None)
        else:
            self.kept[key] = float(value)
        self._apply()

    def set_smoothing(self, value: float) -> None:
        """0 (raw) to 1 (smooth)."""
        self._set(replace(self._options, smoothing=round(min(max(value, 0.0), 1.0), 3)))

    def set_hands(self, on: bool) -> None:
        """Body + hands, or bodies alone."""
        self._set(replace(self._options, hands=on))

    def set_region(self, region: Box | None) -> None:
        """Look for people inside this box of the frame only."""
        self._set(replace(self._options, region=region))

    def set_lock(self, lock: Lock) -> None:
        """Follow one person only; None releases."""
        self._set(replace(self._options, lock=lock))

    def reset(self) -> None:
        """The recipe's thresholds, the usual number of people and smoothing."""
        if self.recipe is not None:
            self.kept = {key: value for key, value in self.kept.items() if not key.startswith(f"{self.recipe.name}.")}
        self._options = replace(self._options, smoothing=SMOOTHING)
        self._apply()

    def _apply(self) -> None:
        people = self.own("people")
        self._set(
            replace(
                self._options,
                people=None if people is None else int(people),
                joint_threshold=self.own("joint"),
                find_threshold=self.own("find"),
            ),
            always=True,
        )

    def _set(self, options: Options, always: bool = False) -> None:
        if always or options != self._options:
            self._options = options
            self.changed.emit()


def _fits(name: str, value: float) -> bool:
    try:
        match name:
            case "people":
                Options(people=int(value))
            case "joint":
                Options(joint_threshold=float(value))
            case _:
                Options(find_threshold=float(value))
    except (InputError, ValueError, OverflowError):
        return False
    return True
