"""Hard-example mining: a memory of each sample's loss, and who comes up more often for it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MEMORY = 0.7
"""How much of a sample's remembered loss stays when it is seen again (crops differ from time to time)."""

_CAP = 3.0
"""Times the median: a sample beyond is as likely mislabelled as hard, and gains no more chances."""


class Hardness:
    """Remembers losses by sample number; NaN where a sample was not seen yet."""

    def __init__(self, count: int) -> None:
        self.losses: NDArray[np.float32] = np.full(count, np.nan, np.float32)

    @property
    def knows(self) -> bool:
        """Whether any loss is remembered: before that, the first epoch shows every sample."""
        return bool(np.isfinite(self.losses).any())

    def note(self, samples: NDArray[np.int64], losses: NDArray[np.float32]) -> None:
        """What these samples (N,) lost (N,); negative numbers are no samples; NaN is no loss, nor is an overflow."""
        known = (samples >= 0) & np.isfinite(losses)
        for number, loss in zip(samples[known].tolist(), losses[known], strict=True):
            before = self.losses[number]
            self.losses[number] = loss if np.isnan(before) else _MEMORY * before + (1 - _MEMORY) * loss

    def chances(self, samples: NDArray[np.int64], base: NDArray[np.float64]) -> NDArray[np.float64]:
        """How likely each of these samples (N,) should come up, in sum 1: base (N,) times its loss."""
        losses = self.losses[samples].astype(np.float64)
        seen = losses[~np.isnan(losses)]
        if not len(seen) or not seen.max() > 0:
            return base / base.sum()
        median = float(np.median(seen))
        losses = np.where(np.isnan(losses), median, losses)
        if median > 0:
            losses = np.minimum(losses, _CAP * median)
        weighted = base * losses
        return weighted / weighted.sum()
