"""Every engine against the float32 torch network."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from cpm_live.capture.demo import DemoSource
from cpm_live.core.crop import Crop
from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY, HAND
from cpm_live.engines import build_cache, probe, verify
from cpm_live.engines import recipe as recipes
from cpm_live.engines.base import Engine
from cpm_live.engines.build import build_now
from cpm_live.engines.onnx_cpu import CpuEngine
from cpm_live.engines.recipe import Recipe
from cpm_live.engines.select import ENGINES, open_engine
from cpm_live.network import checkpoint
from cpm_live.network.presets import PRESETS, Preset

SHIPPED = [n for n in (*recipes.names(), recipes.FINDER) if recipes.find(n).weights.is_file()]
"""Models with weights; a recipe that is only to be trained has none."""
MODELS = ["tiny", *SHIPPED]
KINDS = [kind for kind in ENGINES if kind not in ("auto", "torch")]


def opened(recipe: Recipe, kind: str) -> Engine:
    """The engine, TensorRT's built first, OpenVINO's exact; skips, saying why, where it cannot run here."""
    if not (found := probe.find(kind)).ready:
        pytest.skip(found.line)
    if kind == "tensorrt" and (missing := build_cache.missing(recipe)[0]):
        last = build_now(recipe, missing, lambda progress: None)
        assert last.state == "built", last.text
    if kind != "openvino":
        return open_engine(recipe, kind, 1)
    # Not above: a lent GPU machine, where the tests of CUDA run, has no OpenVINO.
    from cpm_live.engines.openvino_cpu import OpenVinoEngine

    return OpenVinoEngine.load(recipe, 1, exact=True)


def kinds() -> list[object]:
    """Marked ``gpu`` where one is needed."""
    return [pytest.param(kind, marks=pytest.mark.gpu if kind in ("cuda", "tensorrt") else ()) for kind in KINDS]


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.timeout(1800)
def test_engine_agrees_with_float32_torch(kind: str, model: str, tiny: Recipe) -> None:
    recipe = tiny if model == "tiny" else recipes.find(model)
    engine = opened(recipe, kind)
    reference = open_engine(recipe, "torch", 1)
    preset, info = engine.preset, engine.describe()
    assert info.kind == kind and info.label and info.device and preset == reference.preset
    engine.warm_up()
    for count in (1, 2, 3, 5):
        images, centres = verify.pictures(count, preset)
        ours, theirs = engine.infer(images, centres), reference.infer(images, centres)
        cells = preset.size // preset.stride
        assert ours.dtype == np.float32 and ours.shape == (count, preset.stages, preset.maps, cells, cells)
        check = verify.compare(ours, theirs, len(recipe.skeleton), preset.stride)
        # What is exported is stored in fp16; a checkpoint in fp32 is not held exactly.
        precision = "fp16" if model == "tiny" else info.precision
        assert check.passed(precision), check.line(precision)
        assert model == "tiny" or check.compared >= min(10, len(recipe.skeleton) // 2), (
            "the pictures are to be ones in which something is seen"
        )
    # Answers are the caller's: what comes later does not change them.
    before = ours.copy()
    engine.infer(255 - images, centres)
    assert np.array_equal(ours, before)
    engine.close()
    reference.close()


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.timeout(1800)
def test_engine_sees_in_a_frame_what_the_reference_sees(kind: str, model: str, tiny: Recipe) -> None:
    """The whole way from a frame: crops inside, outside and larger than it, 0 to 8 at once."""
    recipe = tiny if model == "tiny" else recipes.find(model)
    engine = opened(recipe, kind)
    reference = open_engine(recipe, "torch", 1)
    preset, joints = engine.preset, len(recipe.skeleton)
    source = DemoSource("hand" if recipe.skeleton.name == "hand" else "body", frames=1, paced=False)
    frame = source.read()
    assert frame is not None and not frame.image.flags.writeable
    height, width = frame.image.shape[:2]
    places = [(width / 2, height / 2, height * share) for share in (0.7, 0.9, 1.1, 1.6)]
    places += [(width * 0.3, height * 0.4, height * 0.5), (0.0, 0.0, height * 0.6), (width, height, 40.0)]
    for count in (0, 1, 3, 8):
        crops = [Crop(*places[n % len(places)], preset.size, preset.stride) for n in range(count)]
        ours, theirs = engine.look(frame.image, crops, joints), reference.look(frame.image, crops, joints)
        assert ours.joints.shape == theirs.joints.shape and ours.joints.dtype == np.float32
        assert ours.beliefs.shape == theirs.beliefs.shape and ours.beliefs.dtype == np.float32
        assert min(ours.crop_ms, ours.engine_ms, ours.decode_ms) >= 0
        # A GPU's own crop rounds otherwise: half a belief-map cell is 4 px.
        exact = kind not in ("cuda", "tensorrt")
        sure = (theirs.joints[..., 2] > 0.3) & (ours.joints[..., 2] > 0.3)
        far = np.hypot(*np.moveaxis((ours.joints - theirs.joints)[..., :2][sure], -1, 0)) * preset.stride
        assert not far.size or np.quantile(far, 1.0 if exact else 0.95) < (0.25 if exact else 1.0)
    engine.close()
    reference.close()


def test_skips_name_what_is_missing() -> None:
    """A skipped engine says why, and how to add it where a command can."""
    for kind in KINDS:
        found = probe.find(kind)
        assert found.ready or len(found.what) > 10, found


@pytest.mark.parametrize("model", SHIPPED)
def test_shipped_onnx_is_the_shipped_checkpoint(model: str) -> None:
    """Exported from these very weights: same metadata, so provenance and figures are those of the file."""
    recipe = recipes.find(model)
    _, header = checkpoint.load(recipe.weights)
    session = ort.InferenceSession(str(recipe.onnx), providers=["CPUExecutionProvider"])
    ours, theirs = dict(session.get_modelmeta().custom_metadata_map), header.to_metadata()
    # Presets gain fields with defaults; what was exported before then does not name them.
    assert Preset.from_dict(json.loads(ours.pop("preset"))) == Preset.from_dict(json.loads(theirs.pop("preset")))
    assert ours == theirs
    assert header.skeleton == recipe.skeleton.name
    assert header.preset.joints == len(recipe.skeleton)
    assert header.figures["images"] > 100 and header.provenance["steps"] > 0


def test_broken_network_is_one_line(tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    weights.with_suffix(".onnx").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="cannot read network") as caught:
        open_engine(Recipe("x", BODY, "tiny", weights), "cpu", 1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["cpu", "openvino"])
def test_a_network_of_somebody_else_is_told_as_such(tiny: Recipe, tmp_path: Path, kind: str) -> None:
    model = onnx.load(str(tiny.onnx))
    del model.metadata_props[:]
    onnx.save(model, str(tmp_path / "w.onnx"))
    if not (found := probe.find(kind)).ready:
        pytest.skip(found.line)
    with pytest.raises(InputError, match=r"w\.onnx: it is no network of ours$"):
        open_engine(Recipe("x", BODY, "tiny", tmp_path / "w.safetensors"), kind, 1)


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


def test_an_export_of_older_weights_is_not_used(tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who trains on and forgets to export again would see the old network, silently."""
    monkeypatch.setattr("cpm_live.engines.export_cache.cache_dir", lambda: tmp_path / "cache")
    machine, header = checkpoint.load(tiny.weights)
    weights = tmp_path / "ema.safetensors"
    weights.with_suffix(".onnx").write_bytes(tiny.onnx.read_bytes())
    state = {name: value * 0.97 for name, value in machine.state_dict().items()}
    checkpoint.save(weights, state, replace(header, provenance={"steps": 7}))
    recipe = Recipe("x", BODY, "tiny", weights)
    pictures = np.full((1, 3, 128, 128), 90, np.uint8)
    centres = np.full((1, 2), 63.5, np.float32)
    ours, theirs, old = (open_engine(r, k, 1) for r, k in ((recipe, "cpu"), (recipe, "torch"), (tiny, "cpu")))
    answers = [engine.infer(pictures, centres) for engine in (ours, theirs, old)]
    assert np.abs(answers[0] - answers[1]).max() < 1e-3 < np.abs(answers[0] - answers[2]).max()


def test_a_damaged_export_in_the_cache_is_made_again(
    tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("cpm_live.engines.export_cache.cache_dir", lambda: tmp_path / "cache")
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(tiny.weights.read_bytes())
    recipe = Recipe("x", BODY, "tiny", weights)
    open_engine(recipe, "cpu", 1).close()
    (kept,) = (tmp_path / "cache" / "onnx").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    open_engine(recipe, "cpu", 1).close()
    assert "made again" in caplog.text and kept.stat().st_size > 100


@pytest.mark.parametrize("kind", ["cpu", "torch"])
def test_weights_that_compute_no_numbers_are_refused(
    tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """They would see nobody, ever, and nobody would know why."""
    monkeypatch.setattr("cpm_live.engines.export_cache.cache_dir", lambda: tmp_path / "cache")
    machine, header = checkpoint.load(tiny.weights)
    state = {name: value.clone() for name, value in machine.state_dict().items()}
    state["first.1.bias"][0] = float("nan")
    weights = tmp_path / "nan.safetensors"
    checkpoint.save(weights, state, header)
    with pytest.raises(InputError, match=r"first\.1\.bias holds values that are no numbers"):
        open_engine(Recipe("x", BODY, "tiny", weights), kind, 1)


def test_an_engine_that_computes_no_numbers_does_not_start(tiny: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """As fp16 may, whose largest number is 65504."""
    engine = open_engine(tiny, "cpu", 1)
    beliefs = np.full((1, 3, 15, 16, 16), np.inf, np.float32)
    monkeypatch.setattr(engine, "infer", lambda images, centres: beliefs)
    with pytest.raises(InputError, match="computes no numbers with these weights"):
        engine.warm_up()


@pytest.mark.parametrize("kind", ["cpu", "torch"])
def test_closing_twice_does_nothing_and_use_after_it_is_told(tiny: Recipe, kind: str) -> None:
    engine = open_engine(tiny, kind, 1)
    engine.close()
    engine.close()
    with pytest.raises(RuntimeError, match="closed"):
        engine.infer(np.zeros((1, 3, 128, 128), np.uint8), np.zeros((1, 2), np.float32))


def test_onnx_runtime_gets_as_many_threads_as_are_asked_for(tiny: Recipe) -> None:
    for threads in (1, 3):
        engine = CpuEngine.load(tiny, threads)
        assert engine._session is not None
        assert engine._session.get_session_options().intra_op_num_threads == threads
        engine.close()


def test_unknown_engine_and_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown engine 'warp'; use auto, tensorrt"):
        open_engine(recipes.find("body"), "warp")
    with pytest.raises(InputError, match="no weights at"):
        open_engine(Recipe("x", BODY, "tiny", tmp_path / "none.safetensors"), "cpu")


def test_weights_of_another_skeleton_are_refused(tiny: Recipe) -> None:
    with pytest.raises(InputError, match=r"tiny\.safetensors has 14 joints, the hand skeleton has 21"):
        open_engine(Recipe("mixed", HAND, "tiny", tiny.weights), "cpu", 1)


def test_recipes_tell_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown model 'foo'; use body, .*hand"):
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
