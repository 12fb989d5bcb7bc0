"""Faults of the networks that no other test noticed: each was put into the code once, and is seen here."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS


@pytest.mark.parametrize("name", ["paper", "vgg", "lite"])
def test_each_stage_refines_the_one_before(name: str) -> None:
    torch.manual_seed(0)
    preset = replace(PRESETS[name], size=64, stages=3)
    network = build(preset).eval()
    images, centres = torch.randint(0, 255, (1, 3, 64, 64)).float(), torch.full((1, 2), 32.0)
    with torch.no_grad():
        before = network(images, centres)
        for parameter in network.later[0].parameters():
            parameter += 0.1
        after = network(images, centres)
    changed = [(after[:, stage] - before[:, stage]).abs().max().item() for stage in range(3)]
    assert changed[0] == 0 and changed[1] > 0 and changed[2] > 0


def test_the_papers_stages_see_features_beliefs_and_centre_in_the_releases_order() -> None:
    torch.manual_seed(0)
    network = build(replace(PRESETS["paper"], size=64, stages=2)).eval()
    seen: list[torch.Tensor] = []
    network.later[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
    centres = torch.full((1, 2), 20.0)
    with torch.no_grad():
        beliefs = network(torch.randint(0, 255, (1, 3, 64, 64)).float(), centres)
    maps = network.preset.maps
    assert torch.equal(seen[0][:, 32 : 32 + maps], beliefs[:, 0])
    assert network.centre_map is not None and torch.equal(seen[0][:, -1:], network.centre_map(centres))


def test_vggs_stages_see_beliefs_features_and_centre_in_the_releases_order() -> None:
    torch.manual_seed(0)
    network = build(replace(PRESETS["vgg"], size=64, stages=2)).eval()
    seen: list[torch.Tensor] = []
    network.later[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
    with torch.no_grad():
        beliefs = network(torch.randint(0, 255, (1, 3, 64, 64)).float(), torch.full((1, 2), 20.0))
    assert torch.equal(seen[0][:, : network.preset.maps], beliefs[:, 0])


def test_a_network_that_was_trained_on_rgb_sees_rgb() -> None:
    network = build(replace(PRESETS["lite"], size=64, stages=2))
    bgr = torch.tensor([255.0, 127.0, 0.0]).view(1, 3, 1, 1)
    red, green, blue = network.normalise(bgr).flatten().tolist()
    assert (red, green, blue) == pytest.approx((-127 / 128, 0, 1.0))
    assert not PRESETS["paper"].rgb
