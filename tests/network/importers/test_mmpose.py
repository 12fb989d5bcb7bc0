"""MMPose's CPM checkpoints against the network that its names describe."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cpm_live.core.crop import cells_to_input
from cpm_live.core.errors import InputError
from cpm_live.network.cpm import build
from cpm_live.network.importers import mmpose
from tests.network.importers.mmpose_files import Backbone, checkpoint

SIZE = 96


@pytest.fixture(scope="module")
def net() -> Backbone:
    torch.manual_seed(0)
    return Backbone(16, stages=3)


@pytest.fixture
def path(tmp_path: Path, net: Backbone) -> Path:
    path = tmp_path / f"cpm_mpii_{SIZE}x{SIZE}.pth"
    torch.save(checkpoint(net, epoch=210, CLASSES=("person",), mean=np.arange(3.0), best=np.float64(0.5)), path)
    return path


def test_beliefs_are_mmposes(path: Path, net: Backbone) -> None:
    imported = mmpose.read(path)
    assert (imported.preset.size, imported.preset.stages, imported.known.skeleton.name) == (SIZE, 3, "mpii")
    machine = build(imported.preset)
    machine.load_state_dict(imported.state)
    frame = torch.randint(0, 255, (1, 3, SIZE, SIZE), dtype=torch.uint8)
    # Their cells stand for their first pixel: what they should say of a place four pixels on.
    rgb = F.pad(frame.flip(1).float()[:, :, 4:, 4:], (0, 4, 0, 4), value=-1)
    mean, std = (
        torch.tensor(values).view(1, 3, 1, 1) for values in ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
    )
    normal = torch.where(rgb < 0, 0.0, (rgb - mean) / std)
    with torch.inference_mode():
        theirs = torch.stack(net(normal), dim=1)
        ours = machine(frame, torch.zeros(1, 2))
    assert ours.shape == (1, 3, 17, SIZE // 8, SIZE // 8)
    assert torch.allclose(ours[:, :, :16], theirs, atol=1e-4 * float(theirs.abs().max()))
    assert torch.allclose(ours[:, :, 16], 1 - ours[:, :, :16].amax(dim=2))


def test_a_joint_is_decoded_where_mmpose_puts_it(path: Path) -> None:
    """To them cell 5 is pixel 40 of what the network looks at, which is pixel 44 of the picture; ours is half off."""
    preset = mmpose.read(path).preset
    assert cells_to_input(np.array([5.0]), preset.stride)[0] == pytest.approx(5 * 8 + preset.shift, abs=0.5)


@pytest.mark.parametrize(("maps", "skeleton"), [(17, "coco"), (15, "jhmdb")])
def test_other_data_sets_are_known_by_their_maps(tmp_path: Path, maps: int, skeleton: str) -> None:
    path = tmp_path / "cpm_256x192.pth"
    torch.save(checkpoint(Backbone(maps, 2)), path)
    imported = mmpose.read(path)
    assert imported.known.skeleton.name == skeleton and len(imported.known.skeleton) == maps
    assert imported.preset.size == 256


def test_a_name_that_tells_no_size(tmp_path: Path, net: Backbone) -> None:
    path = tmp_path / "latest_20200817.pth"
    torch.save(checkpoint(net), path)
    assert mmpose.read(path).preset.size == 368


class Runs:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("was_run",)


def test_nothing_in_the_file_is_run(tmp_path: Path, net: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pth"
    torch.save(checkpoint(net, evil=Runs()), path)
    with pytest.raises(InputError, match=r"more than weights \((posix|nt)\.mkdir\), .* save its state_dict alone"):
        mmpose.read(path)
    assert not (tmp_path / "was_run").exists()


def test_what_is_no_cpm_is_said(tmp_path: Path, net: Backbone) -> None:
    path = tmp_path / "x.pth"
    for content, says in (
        ({"state_dict": nn.Conv2d(3, 4, 3).state_dict()}, "no checkpoint of MMPose's CPM"),
        ([1, 2], "it holds a list"),
        (checkpoint(Backbone(9, 2)), "it gives 9 maps; known are 15, 16, 17"),
    ):
        torch.save(content, path)
        with pytest.raises(InputError, match=says):
            mmpose.read(path)
    state = checkpoint(net)
    del state["state_dict"]["backbone.middle.2.conv.weight"]
    torch.save(state, path)
    with pytest.raises(InputError, match=r"the layer middle\.2 is missing"):
        mmpose.read(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_download_that_broke_off_is_no_danger(tmp_path: Path, net: Backbone, zipped: bool) -> None:
    """It was said to hold code, with torch's advice to run it."""
    path = tmp_path / "x.pth"
    torch.save(checkpoint(net), path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:100], b"", b"<!DOCTYPE html>", b"PK\x03\x04 not a checkpoint"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"^it is no checkpoint of PyTorch, or damaged or cut off; get it again$"):
            mmpose.read(path)


def test_a_number_that_stands_for_many_takes_no_memory(tmp_path: Path, net: Backbone) -> None:
    """40 TB of zeros are four bytes in a file; others are no numbers that a convolution can have."""
    path = tmp_path / "x.pth"
    for odd in (
        torch.zeros(1).expand(10**13, 3, 9, 9),
        torch.zeros(128, 3, 9, 9).to_sparse(),
        torch.zeros(128, 3, 9, 9, device="meta"),
        torch.zeros(128, 3, 9, 9, dtype=torch.complex64),
    ):
        state = checkpoint(net)
        state["state_dict"]["backbone.stem.0.conv.weight"] = odd
        torch.save(state, path)
        with pytest.raises(InputError, match=r"'backbone.stem.0.conv.weight' is no plain table of numbers"):
            mmpose.read(path)


def test_a_network_that_could_not_be_loaded_again(tmp_path: Path, net: Backbone) -> None:
    """Presets have limits, so that no file makes us build a billion stages."""
    state = checkpoint(net)
    for stage in range(1, 100):
        for name in [name for name in state["state_dict"] if ".0." in name and ".stem" not in name]:
            state["state_dict"][name.replace(".0.", f".{stage}.", 1)] = state["state_dict"][name]
    path = tmp_path / "x.pth"
    torch.save(state, path)
    with pytest.raises(InputError, match="it has 101 stages"):
        mmpose.read(path)
    path = tmp_path / "cpm_9992x16.pth"
    torch.save(checkpoint(net), path)
    assert mmpose.read(path).preset.size == 368
