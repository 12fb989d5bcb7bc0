"""How long to train, and how far along that is."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

_AGAIN = 0.5
"""Where a finished run starts over when it is given more time: at half the peak rate, at later crop sizes."""


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop: whichever comes first."""

    epochs: float | None = None
    minutes: float | None = None

    def done(self, epochs: float, seconds: float) -> float:
        """Share of the budget that is spent, 0..1."""
        shares = []
        if self.epochs:
            shares.append(epochs / self.epochs)
        if self.minutes:
            shares.append(seconds / (60 * self.minutes))
        return min(1.0, max(shares, default=1.0))


@dataclass(frozen=True, slots=True)
class Leg:
    """A stretch of training under one budget.

    Progress (0..1, what rate and crop size hang on) runs from ``start``, when ``since`` of the budget was spent,
    to 1, when all of it is.
    """

    budget: Budget
    start: float = 0.0
    since: float = 0.0

    def progress(self, epochs: float, seconds: float) -> float:
        """How far along the training is, 0..1."""
        spent = self.budget.done(epochs, seconds)
        if spent >= 1 or self.since >= 1:
            return 1.0
        return min(1.0, self.start + (1 - self.start) * max(0.0, spent - self.since) / (1 - self.since))

    def continued(self, budget: Budget, epochs: float, seconds: float) -> Leg:
        """The leg of a run that is resumed with this budget.

        The same budget goes on as if nothing had been. Another one stretches what is left of the schedule, so
        that the rate does not jump; a run that was finished starts over half way.
        """
        if budget == self.budget:
            return self
        now = self.progress(epochs, seconds)
        return Leg(budget, _AGAIN if now >= 1 else now, budget.done(epochs, seconds))

    def to_plain(self) -> dict[str, Any]:
        """As plain values, for the state."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Leg:
        """From :meth:`to_plain`."""
        return cls(Budget(**values["budget"]), values["start"], values["since"])


def rate_share(progress: float, step: int) -> float:
    """The learning rate as a share of its peak: 100 steps up, then a cosine down to 2 %."""
    warm = min(1.0, (step + 1) / 100)
    return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))


def evaluations_due(epochs: float, every: float) -> int:
    """How many evaluations should have been after so many epochs: at a quarter and half of ``every``, then each."""
    share = epochs / every + 1e-9
    return int(share >= 0.25) + int(share >= 0.5) + int(share)
