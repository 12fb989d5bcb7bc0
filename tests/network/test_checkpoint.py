from __future__ import annotations

import contextlib
import json
import pickle
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save as to_bytes

from cpm_live.core.errors import InputError
from cpm_live.engines.recipe import of_checkpoint
from cpm_live.network import checkpoint
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS


def _save(path: Path, half: bool = False) -> torch.nn.Module:
    torch.manual_seed(3)
    machine = build(PRESETS["tiny"]).eval()
    header = checkpoint.Header(machine.preset, "body", {"data": "none"}, {"pck": {"0.2": 0.5}})
    checkpoint.save(path, machine.state_dict(), header, half)
    return machine


def test_round_trip_with_metadata(tmp_path: Path) -> None:
    machine = _save(tmp_path / "a.safetensors")
    loaded, header = checkpoint.load(tmp_path / "a.safetensors")
    assert header.skeleton == "body" and header.provenance == {"data": "none"} and header.figures["pck"]["0.2"] == 0.5
    images, centres = torch.randint(0, 255, (1, 3, 128, 128), dtype=torch.uint8), torch.full((1, 2), 63.5)
    with torch.inference_mode():
        assert torch.equal(machine(images, centres), loaded(images, centres))
    assert not list(tmp_path.glob("*.part"))


def test_half_is_half_as_large(tmp_path: Path) -> None:
    _save(tmp_path / "a.safetensors")
    _save(tmp_path / "b.safetensors", half=True)
    full, half = ((tmp_path / f"{n}.safetensors").stat().st_size for n in "ab")
    assert half < 0.6 * full


@pytest.mark.parametrize("content", [b"", b"not weights", pickle.dumps({"a": 1})], ids=["empty", "text", "pickle"])
def test_other_files_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot read weights") as caught:
        checkpoint.load(path)
    assert "\n" not in str(caught.value)


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no weights at"):
        checkpoint.load(tmp_path / "none.safetensors")
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(3)}, tmp_path / "foreign.safetensors")
    with pytest.raises(InputError, match="not a cpm-live checkpoint"):
        checkpoint.load(tmp_path / "foreign.safetensors")


def test_tensors_that_do_not_fit_are_named(tmp_path: Path) -> None:
    machine = build(PRESETS["tiny"])
    state = machine.state_dict()
    state.pop("first.1.bias")
    checkpoint.save(tmp_path / "a.safetensors", state, checkpoint.Header(machine.preset, "body"))
    with pytest.raises(InputError, match=r"first\.1\.bias"):
        checkpoint.load(tmp_path / "a.safetensors")


@pytest.mark.parametrize("preset", ['{"stages": 1000000000}', "[]", "[" * 100_000], ids=["stages", "list", "deep"])
def test_presets_that_make_no_sense_are_one_line(tmp_path: Path, preset: str) -> None:
    told = {"format": checkpoint.FORMAT, "skeleton": "body", "preset": preset}
    if preset.startswith("{"):
        told["preset"] = json.dumps(PRESETS["tiny"].to_dict() | json.loads(preset))
    (tmp_path / "a.safetensors").write_bytes(to_bytes({"x": torch.zeros(1)}, metadata=told))
    with pytest.raises(InputError, match=r"a\.safetensors has damaged metadata"):
        checkpoint.load(tmp_path / "a.safetensors")
    with contextlib.suppress(InputError):
        of_checkpoint(tmp_path / "a.safetensors")


def test_what_a_file_does_not_hold_takes_no_memory(tmp_path: Path) -> None:
    """Its preset asks for eight gigabytes, of which it has four bytes."""
    resource = pytest.importorskip("resource")
    header = checkpoint.Header(replace(PRESETS["tiny"], width=4096, stages=64, depth=2), "body")
    checkpoint.save(tmp_path / "a.safetensors", {"x": torch.zeros(1)}, header)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    room = 500_000 * (1024 if sys.platform == "darwin" else 1)
    with pytest.raises(InputError, match="does not fit preset 'tiny'"):
        checkpoint.load(tmp_path / "a.safetensors")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + room
