"""The running mean of a network's weights (EMA): what is evaluated and shipped."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Averaged:
    """Keeps means close behind a network's weights, in place.

    Which tensors belong together is looked up once: on a GPU walking through hundreds of them takes longer than the
    step's arithmetic.

    Args:
        means: by name, one for each entry of the network's state; changed in place.
    """

    def __init__(self, network: nn.Module, means: dict[str, Tensor]) -> None:
        state = network.state_dict()
        names = [name for name in state if means[name].is_floating_point()]
        counts = [name for name in state if not means[name].is_floating_point()]
        self._means, self._values = [means[name] for name in names], [state[name] for name in names]
        self._mean_counts, self._counts = [means[name] for name in counts], [state[name] for name in counts]

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        """One step: what is kept of the means is ``decay``, the rest is the weights'. Counters are copied."""
        torch._foreach_lerp_(self._means, self._values, 1 - decay)
        if self._counts:
            torch._foreach_copy_(self._mean_counts, self._counts)
