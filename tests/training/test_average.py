"""The running mean of the weights."""

from __future__ import annotations

import torch
from torch import nn

from cpm_live.training.average import Averaged


def test_means_follow_in_place_and_counters_are_copied() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    means = {name: value.detach().clone() for name, value in network.state_dict().items()}
    kept = dict(means)
    averaged = Averaged(network, means)
    before = {name: value.clone() for name, value in means.items()}
    with torch.no_grad():
        for value in network.state_dict().values():
            value.add_(1)
    averaged.follow(0.75)
    for name, value in network.state_dict().items():
        assert means[name] is kept[name], "whoever holds the means sees them change"
        expected = value if not value.is_floating_point() else 0.75 * before[name] + 0.25 * value
        torch.testing.assert_close(means[name], expected)
