"""Export: what ONNX Runtime is given is the network, in a form it runs fast."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from typer.testing import CliRunner

from cpm_live.cli.main import app
from cpm_live.core.errors import InputError
from cpm_live.engines import export_cache
from cpm_live.engines.export import export
from cpm_live.network import checkpoint
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS


def test_where_nothing_can_be_written_is_one_line(tmp_path: Path) -> None:
    machine = build(PRESETS["tiny"]).eval()
    weights = tmp_path / "w.safetensors"
    checkpoint.save(weights, machine.state_dict(), checkpoint.Header(machine.preset, "body"))
    for out in (weights / "x.onnx", tmp_path):
        with pytest.raises(InputError, match="cannot write"):
            export(weights, out)
    done = CliRunner().invoke(app, ["models", "export", str(weights), "--out", str(weights)])
    assert isinstance(done.exception, InputError) and "ends in .onnx" in str(done.exception)
    assert checkpoint.load(weights)[1].skeleton == "body", "the weights are still weights"
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]


@pytest.mark.parametrize("size", [64, 96])
def test_uneven_padding_moves_into_the_convolutions(tmp_path: Path, size: int) -> None:
    """Nodes that only pad make ONNX Runtime change its layout there and back."""
    torch.manual_seed(0)
    machine = build(replace(PRESETS["lite"], size=size)).eval()
    weights, out = tmp_path / "w.safetensors", tmp_path / "w.onnx"
    checkpoint.save(weights, machine.state_dict(), checkpoint.Header(machine.preset, "body"))
    export(weights, out)
    kinds = {node.op_type for node in onnx.load(str(out)).graph.node}
    assert "Conv" in kinds and not kinds & {"Pad", "ConstantOfShape"}
    pictures = np.random.default_rng(0).integers(0, 255, (2, 3, size, size), np.uint8)
    centres = np.full((2, 2), (size - 1) / 2, np.float32)
    session = ort.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    (ours,) = session.run(None, {"images": pictures, "centres": centres})
    with torch.inference_mode():
        theirs = machine(torch.from_numpy(pictures), torch.from_numpy(centres)).numpy()
    assert ours.shape == theirs.shape and np.abs(ours - theirs).max() < 1e-4 * max(1.0, float(np.abs(theirs).max()))


def test_the_same_weights_in_other_code_are_another_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = [tmp_path / "package" / name for name in ("network/cpm.py", "engines/export.py")]
    for file in code:
        file.parent.mkdir(parents=True)
        file.write_text("a = 1\n")
    (tmp_path / "w.safetensors").write_bytes(b"weights")
    monkeypatch.setattr(export_cache, "_PACKAGE", tmp_path / "package")
    monkeypatch.setattr(export_cache, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr("cpm_live.engines.export.export", lambda weights, out: out)
    names = [export_cache.exported(tmp_path / "w.safetensors")]
    for file in code:
        names.append(export_cache.exported(tmp_path / "w.safetensors"))
        assert names[-1] == names[-2], "as long as nothing changes"
        file.write_text("a = 2\n")
        names.append(export_cache.exported(tmp_path / "w.safetensors"))
    assert len(set(names)) == 3


def test_networks_are_exported_one_after_the_other_and_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two cameras, two threads, one model of one's own that was never run before."""
    made: list[str] = []
    busy = threading.Lock()

    def slow(weights: Path, out: Path) -> Path:
        assert busy.acquire(blocking=False), "torch's exporter bears no second one"
        made.append(weights.stem)
        if len(made) == 1:
            for thread in others:
                thread.start()
            for thread in others:
                thread.join(0.2)  # they wait for us
        out.parent.mkdir(exist_ok=True)
        out.write_bytes(b"network")
        busy.release()
        return out

    def export_it(name: str) -> None:
        found.append(export_cache.exported(tmp_path / f"{name}.safetensors"))

    monkeypatch.setattr(export_cache, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr("cpm_live.engines.export.export", slow)
    found: list[Path] = []
    for name in ("same", "other"):
        (tmp_path / f"{name}.safetensors").write_bytes(name.encode())
    others = [threading.Thread(target=export_it, args=(name,)) for name in ("same", "other")]
    export_it("same")
    for thread in others:
        thread.join(10)
    assert sorted(made) == ["other", "same"] and len(found) == 3
    assert all(path.read_bytes() == b"network" for path in found)
