"""Every engine against the float32 torch network (DESIGN section 6)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY, HAND
from cpm_live.engines import recipe as recipes
from cpm_live.engines.export import export
from cpm_live.engines.recipe import Recipe
from cpm_live.engines.select import open_engine
from cpm_live.network import checkpoint
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS
from cpm_live.pipeline.decode import decode


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    machine = build(PRESETS["tiny"])
    weights = folder / "tiny.safetensors"
    checkpoint.save(weights, machine.state_dict(), checkpoint.Header(machine.preset, "body"))
    export(weights, weights.with_suffix(".onnx"))
    return Recipe("tiny", BODY, "tiny", weights)


def _inputs(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 255, (count, 3, size, size), dtype=np.uint8), rng.uniform(0, size, (count, 2)).astype(
        np.float32
    )


@pytest.mark.parametrize("model", ["tiny", "body", "hand"])
@pytest.mark.parametrize("count", [1, 3])
def test_cpu_engine_agrees_with_torch(model: str, count: int, tiny: Recipe) -> None:
    recipe = tiny if model == "tiny" else recipes.find(model)
    cpu, reference = open_engine(recipe, "cpu", 1), open_engine(recipe, "torch", 1)
    images, centres = _inputs(cpu.preset.size, count)
    ours, theirs = cpu.infer(images, centres), reference.infer(images, centres)
    preset = cpu.preset
    assert ours.dtype == np.float32
    assert ours.shape == theirs.shape == (count, preset.stages, preset.maps, preset.size // 8, preset.size // 8)
    # The exported weights are fp16; where the checkpoint is fp16 too the networks are the same.
    limit = 0.02 if model == "tiny" else 1e-4
    assert np.abs(ours - theirs).max() < limit
    if model != "tiny":
        joints = len(recipe.skeleton)
        a, b = decode(ours[:, :, :joints]), decode(theirs[:, :, :joints])
        sure = b[..., 2] > 0.1
        assert np.abs(a - b)[..., :2][sure].max(initial=0) * preset.stride < 0.25
    cpu.warm_up()
    assert cpu.describe().kind == "cpu" and reference.describe().kind == "torch"
    cpu.close()
    reference.close()


@pytest.mark.parametrize("model", ["body", "hand"])
def test_shipped_onnx_is_the_shipped_checkpoint(model: str) -> None:
    """Exported from these very weights: same metadata, so provenance and figures are those of the file."""
    recipe = recipes.find(model)
    _, header = checkpoint.load(recipe.weights)
    session = ort.InferenceSession(str(recipe.onnx), providers=["CPUExecutionProvider"])
    assert dict(session.get_modelmeta().custom_metadata_map) == header.to_metadata()
    assert header.skeleton == recipe.skeleton.name
    assert header.preset.joints == len(recipe.skeleton)
    assert header.figures["images"] > 100 and header.provenance["steps"] > 0


def test_broken_network_is_one_line(tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    weights.with_suffix(".onnx").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="cannot read network") as caught:
        open_engine(Recipe("x", BODY, "tiny", weights), "cpu", 1)
    assert "\n" not in str(caught.value)


def test_checkpoint_without_onnx_is_exported_into_the_cache(
    tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes(tiny.weights.read_bytes())
    monkeypatch.setattr("cpm_live.engines.export_cache.cache_dir", lambda: tmp_path / "cache")
    engine = open_engine(Recipe("x", BODY, "tiny", alone), "cpu", 1)
    made = list((tmp_path / "cache" / "onnx").glob("*.onnx"))
    assert len(made) == 1 and engine.preset == PRESETS["tiny"]
    before = made[0].stat().st_mtime_ns
    open_engine(Recipe("x", BODY, "tiny", alone), "cpu", 1)
    assert made[0].stat().st_mtime_ns == before


def test_unknown_engine_and_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown engine 'warp'; use auto, cpu"):
        open_engine(recipes.find("body"), "warp")
    with pytest.raises(InputError, match="no weights at"):
        open_engine(Recipe("x", BODY, "tiny", tmp_path / "none.safetensors"), "cpu")


def test_weights_of_another_skeleton_are_refused(tiny: Recipe) -> None:
    with pytest.raises(InputError, match=r"tiny\.safetensors has 14 joints, the hand skeleton has 21"):
        open_engine(Recipe("mixed", HAND, "tiny", tiny.weights), "cpu", 1)


def test_recipes_tell_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown model 'foo'; use body, hand"):
        recipes.find("foo")
    with pytest.raises(InputError, match="unknown model"):
        recipes.find("../body")
    path = tmp_path / "a.toml"
    path.write_text("[model]\nname = 'a'\n")
    with pytest.raises(InputError, match="skeleton"):
        recipes.find(str(path))
    path.write_text("[model\n")
    with pytest.raises(InputError, match="is not TOML"):
        recipes.find(str(path))
    with pytest.raises(InputError, match="cannot read recipe"):
        recipes.find(str(tmp_path / "b.toml"))


def test_metadata_is_json(tiny: Recipe) -> None:
    session = ort.InferenceSession(str(tiny.onnx), providers=["CPUExecutionProvider"])
    assert json.loads(session.get_modelmeta().custom_metadata_map["preset"])["name"] == "tiny"
