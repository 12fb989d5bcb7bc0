"""The scripts around training: curves from a log, the release of a run with its card."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tarfile
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from cpm_live.core.skeleton import BODY
from cpm_live.engines import recipe as recipes
from cpm_live.evaluation.evaluate import errors_of, head_errors_of, report
from cpm_live.network import checkpoint
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS
from cpm_live.training import dataset, finder_data
from cpm_live.training.finder_data import HAND_KIND, PERSON
from tests.training.common import ENVIRONMENT, ROOT, figures, trainer_of, write_coco, write_recipe

pytestmark = pytest.mark.timeout(400)


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _curves(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "learning_curves.py"), *arguments]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)


def test_curves_of_two_runs(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib, of the extra [train]")
    trainer_of(tmp_path / "a", 2).run()
    trainer_of(tmp_path / "b", 1).run()
    out = tmp_path / "curves.png"
    done = _curves(str(out), str(tmp_path / "a"), str(tmp_path / "b"), "--show", "drawn@0.2")
    assert done.returncode == 0, done.stderr
    assert cv2.imread(str(out)).shape[1] > 1000
    odd = _curves(str(out), str(tmp_path / "a"), "--show", "speed")
    assert odd.returncode == 1 and "no column 'speed'" in odd.stderr
    assert _curves(str(out), str(tmp_path / "none")).stderr.startswith("cannot read")


def test_the_card_tells_what_one_should_know() -> None:
    samples = figures(3)
    found = np.stack([sample.joints for sample in samples])[:, None]
    figures_of = report(errors_of(found, samples, BODY), BODY, "body", head_errors_of(found, samples, BODY))
    figures_of["oks"] = {"AP": 0.5, "AP50": 0.75, "AR": float("nan")}
    provenance = {"data": "lsp 900", "epochs": 3.5, "minutes": 95.0, "steps": 4000, "device": "cpu fp32"}
    header = checkpoint.Header(PRESETS["tiny"], "body", provenance, figures_of)
    card = _script("release_weights").model_card(recipes.find("body"), header, "Legs are exchanged.")
    for part in ("research use", "**Compute.** epochs 3.5; minutes 95.0", "data lsp 900", "zoom [", "| stage 3 | 100.0",
                 "| joint, @0.2 | all | drawn |", "| left wrist | 100.0 | 100.0 |", "AP 50.0", "AR -",
                 "Legs are exchanged.", "curves_body.png", "failures_body.png"):  # fmt: skip
        assert part.replace("stage 3", "stage 1") in card, part


def test_a_release_measures_what_is_shipped_and_exports_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = _script("release_weights")
    write_coco(tmp_path / "data", figures(4), "body_val.json")
    run = tmp_path / "run"
    preset = replace(PRESETS["tiny"], size=64)
    checkpoint.save(
        run / "ema.safetensors", build(preset).state_dict(), checkpoint.Header(preset, "body", {"data": "x"})
    )
    (run / "log.csv").write_text("epoch,loss_1,pck@0.1\n1,0.5,0.1\n2,0.4,0.2\n")
    own = replace(recipes.find(str(write_recipe(tmp_path / "tiny.toml"))), name="body")
    recipe = replace(own, weights=tmp_path / "weights" / "body.safetensors")
    monkeypatch.setattr(module.recipes, "find", lambda name: recipe)
    monkeypatch.setattr(module, "DOCS", tmp_path)
    exported: list[Path] = []
    real = module.export
    monkeypatch.setattr(module, "export", lambda weights, out: exported.append(out) or real(weights, out))
    module.main("body", run, tmp_path / "data", "a note", None)
    assert exported == [recipe.onnx] and recipe.onnx.is_file()
    shipped, header = checkpoint.load(recipe.weights)
    assert header.figures["images"] == 4 and header.provenance["note"] == "a note" and shipped.preset == preset
    assert recipe.weights.with_suffix(".md").is_file()
    assert (tmp_path / "curves_body.png").is_file() and (tmp_path / "failures_body.png").is_file()


def test_contact_sheets_of_the_shipped_models(tmp_path: Path) -> None:
    write_coco(tmp_path / "data", figures(3), "body_val.json")
    _script("contact_sheet").main(tmp_path / "data", tmp_path / "out", ("body",))
    assert cv2.imread(str(tmp_path / "out" / "body.png")).shape == (2 * (26 + 218), 600, 3), "random, then worst"


def test_a_packed_data_set_is_the_same_one(tmp_path: Path) -> None:
    module, data, out = _script("pack_data"), tmp_path / "data", tmp_path / "unpacked"
    splits = {"train": figures(3), "val": [replace(sample, name=f"val_{sample.name}") for sample in figures(2)]}
    for split, samples in splits.items():
        write_coco(data, samples, f"body_{split}.json")
    module.pack(data, tmp_path / "packed", "body", 85, 0.02)
    parts = sorted((tmp_path / "packed").iterdir())
    assert len(parts) > 1
    assert max(part.stat().st_size for part in parts) < 60_000
    module.unpack(tmp_path / "packed", out)
    for split, samples in splits.items():
        again = dataset.load(out, BODY, split)
        assert [sample.name for sample in again] == [sample.name for sample in samples]
        for old, new in zip(samples, again, strict=True):
            np.testing.assert_allclose(new.joints, old.joints)
            off = np.abs(new.image().astype(int) - old.image()).mean()
            # Figures are measured on the pictures as they are.
            assert off < 5 if split == "train" else off == 0
    assert not list(out.rglob("*.part"))


def test_what_is_packed_for_the_finder_has_bodies_and_hands(tmp_path: Path) -> None:
    module, data, out = _script("pack_data"), tmp_path / "data", tmp_path / "unpacked"
    for kind, split in product(("body", "hand"), ("train", "val")):
        samples = [replace(sample, name=f"{kind}_{split}_{sample.name}") for sample in figures(2, kind)]
        write_coco(data, samples, f"{kind}_{split}.json")
    module.pack(data, tmp_path / "packed", "finder", 85, 10)
    module.unpack(tmp_path / "packed", out)
    for split in ("train", "val"):
        pictures = finder_data.load(out, split)
        kinds = {thing.kind for picture in pictures for thing in picture.things}
        assert kinds == {PERSON, HAND_KIND}
        assert len(pictures) == 4 and all(picture.image().any() for picture in pictures)


def test_nothing_is_unpacked_outside_its_folder(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "body-0.tar.gz", "w") as tar:
        tar.addfile(tarfile.TarInfo("../away.json"))
    with pytest.raises(SystemExit, match="outside"):
        _script("pack_data").unpack(tmp_path, tmp_path / "out")
    assert not (tmp_path / "away.json").exists()
