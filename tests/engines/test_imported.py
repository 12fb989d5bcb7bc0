"""Other projects' weights, from their file to poses."""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from cpm_live.cli.models import app
from cpm_live.core.crop import Crop
from cpm_live.core.errors import InputError
from cpm_live.engines import recipe as recipes
from cpm_live.engines.imported import import_weights
from cpm_live.engines.select import open_engine
from cpm_live.network import checkpoint
from cpm_live.network.presets import PRESETS
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.training.plan import Plan
from tests.network.importers import caffe_files
from tests.network.importers.mmpose_files import Backbone
from tests.network.importers.mmpose_files import checkpoint as theirs


@pytest.fixture(scope="module")
def mpii(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MMPose's file, small."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("mmpose") / "cpm_mpii_96x96.pth"
    torch.save(theirs(Backbone(16, 2)), path)
    return path


@pytest.fixture(scope="module")
def recipe(mpii: Path) -> recipes.Recipe:
    return import_weights(mpii, mpii.with_suffix(".safetensors"))


def test_the_recipe_runs_it(recipe: recipes.Recipe, mpii: Path) -> None:
    again = recipes.find(str(mpii.with_suffix(".toml")))
    assert again == recipe and recipe.weights == mpii.with_suffix(".safetensors")
    assert (recipe.skeleton.name, len(recipe.skeleton), recipe.kind) == ("mpii", 16, "person")
    assert recipe.margin == recipe.training_margin == 1.4
    assert recipe.skeleton.limbs and "2 stages, 96 px" in recipe.description
    _, header = checkpoint.load(recipe.weights)
    assert header.provenance["sha256"] == hashlib.sha256(mpii.read_bytes()).hexdigest()
    assert header.knows(recipe.skeleton)


def test_the_cpu_engine_believes_what_torch_does(recipe: recipes.Recipe) -> None:
    frame = cv2.resize(np.random.default_rng(0).integers(0, 255, (9, 12, 3), dtype=np.uint8), (160, 120))
    crop = Crop.around((30.0, 10.0, 80.0, 90.0), 96)
    beliefs = []
    for kind in ("cpu", "torch"):
        with closing(open_engine(recipe, kind)) as engine:
            beliefs.append(engine.look(frame, [crop], 16).beliefs[0])
    assert beliefs[0].shape == (2, 17, 12, 12)
    assert np.abs(beliefs[0] - beliefs[1]).max() < 1e-4 * np.abs(beliefs[1]).max()


def test_a_machine_takes_it(recipe: recipes.Recipe) -> None:
    with PoseMachine(recipe, "cpu") as machine:
        result = machine(np.zeros((120, 160, 3), np.uint8))
    assert result.skeleton.joints[6:8] == ("pelvis", "thorax") and result.stage_count == 2


def test_training_goes_on_at_the_size_that_is_seen_afterwards(recipe: recipes.Recipe) -> None:
    """Else it would be taught people of half that size."""
    plan = Plan.from_table(recipe.train)
    assert plan.sizes == ((1.0, PRESETS[recipe.preset].size),) and plan.augment.zoom == (1.4, 1.4)


def test_a_body_of_the_release_is_a_body(tmp_path: Path) -> None:
    _, model = caffe_files.paper(96, stages=2, maps=15).write(tmp_path)
    recipe = import_weights(model, tmp_path / "cpm.safetensors")
    assert recipe.skeleton is recipes.find("body").skeleton and recipe.kind == "person"
    assert recipe.margin == 1.6 and recipe.preset == "paper"
    _, header = checkpoint.load(recipe.weights)
    assert header.preset.size == 368 and header.preset.stages == 2


def test_the_command(mpii: Path, tmp_path: Path) -> None:
    out = tmp_path / "theirs.safetensors"
    ran = CliRunner().invoke(app, ["import", str(mpii), "--out", str(out)])
    assert ran.exit_code == 0 and "MPII's 16 joints" in ran.output
    assert f"--model {out.with_suffix('.toml')}" in ran.output.replace("\n", "")
    assert recipes.find(str(out.with_suffix(".toml"))).name == "theirs"


@pytest.mark.parametrize("kind", [".safetensors", ".toml"])
def test_nothing_is_written_over(mpii: Path, tmp_path: Path, kind: str) -> None:
    mine = tmp_path / f"mine{kind}"
    mine.write_text("mine")
    with pytest.raises(InputError, match="is there already; name another with --out"):
        import_weights(mpii, tmp_path / "mine.safetensors")
    assert [*tmp_path.iterdir()] == [mine] and mine.read_text() == "mine"


def test_a_name_that_promises_other_contents(mpii: Path, tmp_path: Path) -> None:
    right = hashlib.sha256(mpii.read_bytes()).hexdigest()[:8]
    for digits in ("00000000", right):
        path = tmp_path / f"cpm_mpii_96x96-{digits}_20200822.pth"
        path.write_bytes(mpii.read_bytes())
    import_weights(path, path.with_suffix(".safetensors"))
    wrong = tmp_path / "cpm_mpii_96x96-00000000_20200822.pth"
    with pytest.raises(InputError, match=f"its SHA-256 begins with {right}"):
        import_weights(wrong, wrong.with_suffix(".safetensors"))
    assert not wrong.with_suffix(".safetensors").exists()


def test_a_day_is_no_promise(mpii: Path, tmp_path: Path) -> None:
    """Who keeps the day in the name of their own training was told to download it again."""
    path = tmp_path / "my-cpm-20251101.pth"
    path.write_bytes(mpii.read_bytes())
    assert import_weights(path, path.with_suffix(".safetensors")).name == "my-cpm-20251101"


@pytest.mark.parametrize("name", ["cpm.pkl", "missing.pth", "missing.caffemodel"])
def test_what_cannot_be_read_leaves_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=name):
        import_weights(tmp_path / name, tmp_path / "out.safetensors")
    assert not list(tmp_path.iterdir())


def test_the_name_is_the_files(mpii: Path, tmp_path: Path) -> None:
    """Also one that JSON writes in two halves, and TOML does not."""
    for name in ("läufer 🏃", "quo\"te's"):
        import_weights(mpii, tmp_path / f"{name}.safetensors")
        found = recipes.find(str(tmp_path / f"{name}.toml"))
        assert found.name == name and found.weights.is_file()


@pytest.mark.parametrize("name", ["two\nlines", "bell\x07", "delete\x7f", "no utf-8 \udce4"])
def test_a_name_that_no_model_can_have(mpii: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="is no name that a model can have; name another with --out") as told:
        import_weights(mpii, tmp_path / f"{name}.safetensors")
    assert "\n" not in str(told.value) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("stopped", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_both_files_or_none(
    mpii: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: BaseException
) -> None:
    def stop(*_: object) -> str:
        raise stopped

    with monkeypatch.context() as patch, pytest.raises((KeyboardInterrupt, InputError)):
        patch.setattr("cpm_live.engines.imported._recipe", stop)
        import_weights(mpii, tmp_path / "out.safetensors")
    assert not list(tmp_path.iterdir())
    import_weights(mpii, tmp_path / "out.safetensors")


def test_what_is_no_file_of_weights(tmp_path: Path) -> None:
    """A pipe would be waited for, and one of terabytes that is empty read to its end."""
    (tmp_path / "folder.pth").mkdir()
    with (tmp_path / "large.caffemodel").open("wb") as file:
        file.truncate(2**40)
    odd = ["folder.pth", "large.caffemodel"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.pth")
        odd.append("pipe.pth")
    for name in odd:
        with pytest.raises(InputError, match=f"{name} is no file of a CPM's weights: they are files of at most 1024"):
            import_weights(tmp_path / name, tmp_path / "out.safetensors")
