"""Shapes and parameter counts of the paper's networks against those of the authors' release."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode

from cpm_live.core.crop import cells_to_input
from cpm_live.core.decode import decode
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS, Preset

# (kernel, inputs, outputs) of every convolution, from the release's genProto.py and prototxts.
_EYES = [(9, 3, 128), (9, 128, 128), (9, 128, 128)]


def _paper_table(joints: int, stages: int) -> list[tuple[int, int, int]]:
    maps = joints + 1
    table = [*_EYES, (5, 128, 32), (9, 32, 512), (1, 512, 512), (1, 512, maps), *_EYES]
    for _ in range(stages - 1):
        table += [(5, 128, 32), (11, 32 + maps + 1, 128), (11, 128, 128), (11, 128, 128), (1, 128, 128), (1, 128, maps)]
    return table


def _vgg_table(tail: list[int], maps: int, stages: int, centre: int) -> list[tuple[int, int, int]]:
    table, channels = [], 3
    for outputs in [64, 64, 128, 128, 256, 256, 256, 256, *tail]:
        table.append((3, channels, outputs))
        channels = outputs
    table += [(1, 128, 512), (1, 512, maps)]
    for _ in range(stages - 1):
        table += [(7, maps + 128 + centre, 128), *[(7, 128, 128)] * 4, (1, 128, 128), (1, 128, maps)]
    return table


def _count(table: list[tuple[int, int, int]]) -> int:
    return sum(k * k * i * o + o for k, i, o in table)


TABLES = {
    "paper": _paper_table(14, 6),
    "paper-flic": _paper_table(9, 4),
    "vgg": _vgg_table([512, 512, 256, 256, 256, 256, 128], 15, 6, 1),
    "person": _vgg_table([512, 512, 512, 512, 512, 128], 1, 4, 0),
}


@pytest.mark.parametrize("name", TABLES)
def test_parameters_match_the_table(name: str) -> None:
    with torch.device("meta"):
        machine = build(PRESETS[name])
    convolutions = [m for m in machine.modules() if isinstance(m, torch.nn.Conv2d)]
    ours = sorted((m.kernel_size[0], m.in_channels, m.out_channels) for m in convolutions)
    assert ours == sorted(TABLES[name])
    assert sum(p.numel() for p in machine.parameters()) == _count(TABLES[name])


def test_cpm_vgg_has_29_9_million_parameters() -> None:
    assert _count(TABLES["vgg"]) / 1e6 == pytest.approx(29.9, abs=0.05)


@pytest.mark.parametrize("name", PRESETS)
def test_every_stage_gives_maps_of_an_eighth(name: str) -> None:
    preset = PRESETS[name]
    with torch.device("meta"):
        machine = build(preset)
        beliefs = machine(torch.zeros(2, 3, preset.size, preset.size), torch.zeros(2, 2))
    cells = preset.size // 8
    assert beliefs.shape == (2, preset.stages, preset.maps, cells, cells)
    if preset.size == 368:
        assert cells == 46


@pytest.mark.parametrize("name", ["tiny", "lite"])
def test_the_centre_map_changes_later_stages_only(name: str) -> None:
    torch.manual_seed(0)
    machine = build(replace(PRESETS[name], size=128)).eval()
    images = torch.randint(0, 255, (1, 3, 128, 128), dtype=torch.uint8)
    with torch.inference_mode():
        a = machine(images, torch.tensor([[20.0, 20.0]]))
        b = machine(images, torch.tensor([[100.0, 90.0]]))
    assert torch.equal(a[:, 0], b[:, 0])
    assert not torch.allclose(a[:, 1], b[:, 1])


def test_centre_map_peaks_at_the_centre() -> None:
    machine = build(PRESETS["paper-flic"])
    assert machine.centre_map is not None
    for x, y in ((99.5, 203.5), (183.5, 183.5), (40.0, 61.3), (350.0, 20.0)):
        maps = machine.centre_map(torch.tensor([[x, y]]))
        assert maps.shape == (1, 1, 46, 46)
        found = cells_to_input(decode(maps.numpy())[0, 0, :2], 8)
        # The release's averages lie half a pixel off their cells.
        assert np.abs(found - (x, y)).max() < 0.6, (found, x, y)


def test_the_centre_map_is_pooled_as_caffe_does() -> None:
    """AVE, 9x9, stride 8, no padding, output sizes rounded up."""
    machine = build(PRESETS["vgg"])
    assert machine.centre_map is not None
    for x, y in ((183.5, 183.5), (101.0, 42.7), (366.0, 360.0)):
        v, u = torch.meshgrid(torch.arange(368.0), torch.arange(368.0), indexing="ij")
        whole = torch.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * 21.0**2))
        wanted = torch.stack(
            [
                torch.stack([whole[8 * row : 8 * row + 9, 8 * column : 8 * column + 9].mean() for column in range(46)])
                for row in range(46)
            ]
        )
        off = (machine.centre_map(torch.tensor([[x, y]]))[0, 0] - wanted).abs()
        assert float(off[:-1, :-1].max()) < 1e-5 and float(off.max()) < 0.02


@pytest.mark.parametrize("name", ["paper", "vgg"])
def test_a_fresh_network_sees_the_picture(name: str) -> None:
    """Else there is no gradient to learn from: with torch's own initialisation VGG's beliefs differed by 1e-6."""
    torch.manual_seed(0)
    machine = build(PRESETS[name]).eval()
    machine.set_size(96)
    images = torch.nn.functional.interpolate(torch.randint(0, 256, (2, 3, 12, 12)).float(), (96, 96), mode="bilinear")
    with torch.inference_mode():
        beliefs = machine(images.to(torch.uint8), torch.full((2, 2), 47.5))
    apart = (beliefs[0] - beliefs[1]).abs().mean(dim=(1, 2, 3))
    assert (apart > 1e-3).all() and (beliefs.abs().mean() < 1.0), apart


def test_presets_survive_json() -> None:
    for preset in PRESETS.values():
        assert Preset.from_dict(preset.to_dict()) == preset
    with pytest.raises(ValueError, match="unknown preset keys: wings"):
        Preset.from_dict({**PRESETS["tiny"].to_dict(), "wings": 2})


@pytest.mark.parametrize(
    ("key", "value"),
    [("stages", 10**9), ("joints", 10**9), ("joints", True), ("width", -5), ("width", "x"), ("width", 0), ("size", 130),
     ("size", 16_000_000), ("stride", 0), ("family", "cat"), ("family", []), ("trunk", "lite9"), ("std", [1, 0, 1]),
     ("mean", [1, 2]), ("mean", 3), ("centre_sigma", float("nan")), ("tail", [10**9])],
)  # fmt: skip
def test_presets_that_no_network_has_are_refused(key: str, value: object) -> None:
    """They come with files that anybody may have made: what they ask for would fill the memory."""
    with pytest.raises(ValueError, match=f"no network has a preset with {key}"):
        Preset.from_dict({**PRESETS["tiny"].to_dict(), key: value})
    with pytest.raises(ValueError, match="no table"):
        Preset.from_dict([])  # type: ignore[arg-type]


def test_pixels_are_normalised_as_the_release_does() -> None:
    machine = build(PRESETS["vgg"])
    pixels = machine.normalise(torch.full((1, 3, 4, 4), 192, dtype=torch.uint8))
    assert torch.allclose(pixels, torch.full_like(pixels, 192 / 256 - 0.5))


class FromTheHost(TorchFunctionMode):
    """Notes what makes torch copy numbers from the host: indexing with lists, tensors made of Python's numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[str] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        lists = func is torch.Tensor.__getitem__ and "[" in str(args[1])
        if lists or func in (torch.tensor, torch.as_tensor, torch.from_numpy):
            self.noted.append(f"{func.__name__} {args[1:]}")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_run_reads_nothing_from_the_host(name: str) -> None:
    """A CUDA graph refuses to capture such copies."""
    preset = PRESETS[name]
    machine = build(preset).to("meta").eval()
    given = torch.zeros(1, 3, preset.size, preset.size, device="meta"), torch.zeros(1, 2, device="meta")
    with FromTheHost() as mode, torch.inference_mode():
        machine(*given)
    assert not mode.noted
