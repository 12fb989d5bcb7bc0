"""Label noise: a map that loses far more than is usual is probably labelled wrong, and is turned down."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_WARM_UP = 50
"""Batches before clipping begins: at first everything loses much."""

_PACE = 0.02
"""How fast the running median follows the batches' medians."""


class NoiseClip:
    """Turns down the maps whose loss is beyond ``limit`` times the running median of their stage.

    They then count as much as one at the limit, with gradients scaled likewise: an outlier pulls, but not harder
    than the others.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._seen = 0
        self._median: list[float] = []

    def __call__(self, per_map: Tensor, peaked: Tensor) -> Tensor:
        """Factors (N, T, K) in 0..1 for losses ``per_map`` (N, T, K).

        Args:
            peaked: (N, K), which maps should have a peak: the median is theirs. (Those that should be empty lose
                next to nothing, and would make every joint that is missed an outlier.)
        """
        values = per_map.detach()
        medians = [float(v) for v in values.transpose(0, 1)[:, peaked].median(dim=1).values] if peaked.any() else []
        # A batch that overflowed in half precision says nothing; its step is left out, too.
        if medians and all(math.isfinite(value) for value in medians):
            before = self._median or medians
            self._median = [(1 - _PACE) * a + _PACE * b for a, b in zip(before, medians, strict=True)]
            self._seen += 1
        if self._seen <= _WARM_UP:
            return torch.ones_like(values)
        cap = self.limit * torch.tensor(self._median, dtype=values.dtype, device=values.device)[None, :, None]
        return (cap / values.clamp(min=1e-12)).clamp(max=1.0)

    def state(self) -> list[float]:
        """To resume from: how many batches were seen, and the medians."""
        return [float(self._seen), *self._median]

    def restore(self, state: list[float]) -> None:
        """Back to a saved :meth:`state`."""
        self._seen, self._median = int(state[0]), list(state[1:])
