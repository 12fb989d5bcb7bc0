"""Transfer: a larger network answers as the smaller one that it grew from."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from cpm_live.network.cpm import PoseNetwork, build
from cpm_live.network.presets import PRESETS, Preset
from cpm_live.network.transfer import transfer

LITE = replace(PRESETS["lite"], size=64, stages=4)


def _trained(preset: Preset) -> PoseNetwork:
    """A network with statistics of its own, as if it had been trained."""
    torch.manual_seed(3)
    machine = build(preset)
    for module in machine.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean = torch.rand_like(module.weight)
            module.running_var = torch.rand_like(module.weight) + 0.5
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    return machine.eval()


def _beliefs(machine: PoseNetwork) -> Tensor:
    torch.manual_seed(5)
    with torch.no_grad():
        answer: Tensor = machine.eval()(torch.rand(2, 3, 64, 64) * 255, torch.tensor([[30.0, 30.0], [20.0, 40.0]]))
    return answer


@pytest.mark.parametrize(
    "larger",
    [replace(LITE, width=160), replace(LITE, stages=6), replace(LITE, width=160, stages=5)],
    ids=["wider", "more stages", "wider and more stages"],
)
def test_a_larger_network_keeps_the_answer_of_every_stage(larger: Preset) -> None:
    small, grown = _trained(LITE), build(larger)
    done = transfer(grown, small)
    assert not done.fresh
    assert torch.allclose(_beliefs(grown)[:, : LITE.stages], _beliefs(small), atol=1e-5)


def test_a_new_stage_starts_as_the_last_one() -> None:
    small, grown = _trained(LITE), build(replace(LITE, stages=5))
    transfer(grown, small)
    state = grown.state_dict()
    assert torch.equal(state["later.3.look.1.0.0.weight"], small.state_dict()["later.2.look.1.0.0.weight"])


def test_another_skeleton_lends_what_fits_and_nothing_grows() -> None:
    hand = build(replace(LITE.with_joints(21), stages=5))
    done = transfer(hand, _trained(LITE))
    assert not done.grown
    assert {"later.0.believe.weight", "later.3.believe.weight", "first.1.weight"} <= set(done.fresh)
    assert "trunk.stem.conv.weight" in done.taken


@pytest.mark.parametrize(
    ("source", "same_joints"),
    [(replace(PRESETS["tiny"], size=64), True), (replace(LITE, local_stages=1), True), (LITE, False)],
    ids=["another trunk", "other stages see the trunk", "other joints, as many"],
)
def test_only_networks_of_one_kind_grow(source: Preset, same_joints: bool) -> None:
    larger = build(replace(LITE, width=160, stages=5))
    fresh = {name: value.clone() for name, value in larger.state_dict().items()}
    done = transfer(larger, _trained(source), same_joints)
    assert not done.grown
    assert all(torch.equal(larger.state_dict()[name], fresh[name]) for name in done.fresh)


def test_belief_layers_of_other_joints_are_not_taken_though_as_many() -> None:
    source, machine = _trained(LITE), build(LITE)
    done = transfer(machine, source, same_joints=False)
    assert {"first.1.weight", "first.1.bias", "later.0.believe.weight"} <= set(done.fresh)
    assert "later.0.join.0.weight" in done.taken and not [name for name in done.fresh if name.startswith("trunk")]


def test_so_are_those_of_a_network_that_gives_no_background() -> None:
    preset = replace(PRESETS["mmpose"], size=64, stages=2)
    done = transfer(build(preset), build(preset), same_joints=False)
    assert set(done.fresh) == {f"{head}.{part}" for head in ("first.9", "later.0.4") for part in ("weight", "bias")}


def test_networks_without_a_layer_in_common_are_refused() -> None:
    with pytest.raises(ValueError, match="no layer in common"):
        transfer(build(LITE), build(replace(PRESETS["vgg"], size=64, joints=9)))
