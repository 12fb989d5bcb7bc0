"""``cpm-live train``: starting from other checkpoints, settings, logs and pictures."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from typer.testing import CliRunner

from cpm_live.cli.main import app
from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import HAND
from cpm_live.engines import recipe as recipes
from cpm_live.network import checkpoint
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS
from cpm_live.training import setup
from cpm_live.training.device import Device
from cpm_live.training.distributed import Ranks
from cpm_live.training.figures import columns, headline
from cpm_live.training.plan import Plan, with_settings
from tests.training.common import figures, train_command, trainer_of, write_coco, write_recipe


def _hand_checkpoint(path: Path) -> Path:
    torch.manual_seed(7)
    preset = PRESETS["tiny"].with_joints(len(HAND))
    checkpoint.save(path, build(preset).state_dict(), checkpoint.Header(preset, "hand", {"data": "hands"}))
    return path


def _train(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_fine_tuning_from_another_skeleton(tmp_path: Path) -> None:
    """A hand's checkpoint starts a body's training: the trunk is taken, the layers of belief maps are fresh."""
    hand = _hand_checkpoint(tmp_path / "hand.safetensors")
    recipe = recipes.find(str(write_recipe(tmp_path / "tiny.toml")))
    said: list[str] = []
    machine, provenance = setup.network(recipe, hand, None, said.append)
    source, _ = checkpoint.load(hand)
    ours, theirs = machine.state_dict(), source.state_dict()
    assert machine.preset.joints == 14
    trunk = [name for name in ours if name.startswith("trunk.") and ours[name].is_floating_point()]
    assert trunk and all(torch.equal(ours[name], theirs[name]) for name in trunk)
    assert ours["first.1.weight"].shape[0] == 15 and theirs["first.1.weight"].shape[0] == 22
    assert "tensors taken" in said[0] and provenance["init"].startswith("hand.safetensors (")
    write_coco(tmp_path / "data", figures(8))
    done = _train(*train_command(recipe_path(tmp_path), tmp_path / "data", tmp_path / "run", "--init", str(hand),
                                 "--epochs", "1")[3:])  # fmt: skip
    assert done.exit_code == 0, done.output
    trained, header = checkpoint.load(tmp_path / "run" / "ema.safetensors")
    assert header.skeleton == "body" and trained.preset.joints == 14
    assert header.provenance["init"].startswith("hand.safetensors") and header.provenance["data"] == "drawn 8"


def recipe_path(folder: Path) -> Path:
    return folder / "tiny.toml"


def test_starting_from_the_same_preset_takes_everything(tmp_path: Path) -> None:
    body = tmp_path / "body.safetensors"
    machine = build(PRESETS["tiny"])
    before = {"data": "lsp 900", "init": "older.safetensors"}
    checkpoint.save(body, machine.state_dict(), checkpoint.Header(PRESETS["tiny"], "body", before))
    recipe = recipes.find(str(write_recipe(tmp_path / "tiny.toml")))
    again, provenance = setup.network(recipe, body, None, print)
    assert provenance["init"] == "body.safetensors (trained on lsp 900, from older.safetensors)"
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in machine.state_dict().items())
    odd = replace(PRESETS["paper-flic"], size=64)
    checkpoint.save(tmp_path / "odd.safetensors", build(odd).state_dict(), checkpoint.Header(odd, "body"))
    with pytest.raises(InputError, match="no layer in common"):
        setup.network(recipe, tmp_path / "odd.safetensors", None, print)


def test_settings_of_the_command_line_reach_the_plan() -> None:
    table = {"rate": 0.1, "augment": {"zoom": [1, 2], "shift": 0.1}}
    changed = with_settings(
        table, ["rate=0.003", "clip_noise = 5", "augment.zoom=[1.1, 1.3]", "teacher_stages=matched", "sources.lsp=2"]
    )  # fmt: skip
    plan = Plan.from_table(changed)
    assert (plan.rate, plan.clip_noise, plan.teacher_stages, plan.sources) == (0.003, 5, "matched", {"lsp": 2})
    assert plan.augment.zoom == (1.1, 1.3) and plan.augment.shift == 0.1
    assert table["augment"]["zoom"] == [1, 2], "the recipe stays as it was"  # type: ignore[index]
    for wrong, message in (("rate", "--set takes key=value"), ("rate=fast", "rate must be a number"),
                           ("hard=2", "hard must be a number from 0 to 1"), ("speed=1", "unknown key 'speed'"),
                           ("teacher_stages=all", "must be last or matched"), ("augment.zoom=3", "zoom is"),
                           ("sizes=[1]", "sizes are")):  # fmt: skip
        with pytest.raises(InputError, match=message):
            Plan.from_table(with_settings({}, [wrong]))


def test_a_run_leaves_pictures_curves_and_rows(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs tensorboard, of the extra [train]")
    trainer = trainer_of(tmp_path, 2)
    assert trainer.log_curves()
    trainer.run()
    pictures = sorted((tmp_path / "pictures").iterdir())
    assert [p.name for p in pictures][-1] == "epoch_0002.00.png" and len(pictures) >= 3
    sheet = cv2.imread(str(pictures[-1]))
    assert sheet.shape == (6 * 160, 4 * 160, 3), "six samples; the crop and three stages"
    assert any((tmp_path / "tensorboard").iterdir())
    assert {"epoch", "seconds", "loss_1", "loss_3", "pck@0.2", "drawn@0.1", "stage_1@0.2"} <= set(trainer.history[0])
    assert [row["epoch"] for row in trainer.history] == [0.33, 0.67, 1.0, 2.0]


def test_without_tensorboard_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    write_coco(tmp_path / "data", figures(8))
    command = train_command(write_recipe(tmp_path / "tiny.toml"), tmp_path / "data", tmp_path / "run", "--epochs", "1")
    done = _train(*command[3:])
    assert done.exit_code == 0 and done.output.count("no TensorBoard here, log.csv only") == 1
    assert "the last crops have 64 px a side ([train] sizes), the network will see 128" in done.output
    assert (tmp_path / "run" / "log.csv").exists() and not (tmp_path / "run" / "tensorboard").exists()


@pytest.mark.parametrize("name", ["..", "../../x", "/x", "a/../../../x"])
def test_a_recipes_name_chooses_no_other_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (work := tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(work)
    path = write_recipe(tmp_path / "tiny.toml")
    path.write_text(path.read_text().replace("name='tiny'", f"name='{name}'"))
    write_coco(tmp_path / "data", figures(2))
    done = _train("train", str(path), "--data", str(tmp_path / "data"), "--epochs", "0.5")
    assert isinstance(done.exception, InputError) and "say where with --out" in str(done.exception)
    assert not list(work.iterdir()) and not (tmp_path / "x").exists()


def test_headlines_of_poses_and_of_the_finder() -> None:
    pose = {"main_threshold": "0.2", "pck": {"0.1": 0.5, "0.2": 0.75}, "per_source": {"lsp": {"0.1": 0.4, "0.2": 0.8}},
            "per_stage": [{"0.2": 0.2}]}  # fmt: skip
    assert headline(pose) == "PCK @0.1 50.0, @0.2 75.0; @0.2: lsp 80.0"
    assert columns(pose) == {"pck@0.1": 0.5, "pck@0.2": 0.75, "lsp@0.1": 0.4, "lsp@0.2": 0.8, "stage_1@0.2": 0.2}
    finder = {"recall": {"person": 0.9, "hand": float("nan")}, "precision": {"person": 0.8, "hand": 1.0},
              "per_stage": [{"person": {"recall": 1.0}}]}  # fmt: skip
    assert headline(finder) == "recall person 90.0, hand -; precision person 80.0, hand 100.0"
    assert columns(finder)["recall_person"] == 0.9 and "stage_1@recall" not in columns(finder)
    assert headline({}) == "" and columns({}) == {}


def test_each_process_gets_its_share_of_the_data(tmp_path: Path) -> None:
    write_coco(tmp_path / "data", figures(9))
    recipe = recipes.find(str(write_recipe(tmp_path / "tiny.toml")))
    import numpy as np

    def size(ranks: Ranks) -> int:
        make, about = setup.task(
            recipe, PRESETS["tiny"], Plan(synthetic=0), [str(tmp_path / "data")], "coco", None, Device(), ranks, 0, str
        )
        assert about["data"] == "drawn 9"
        return make(np.random.default_rng(0)).epoch_size

    assert [size(Ranks(rank, 2)) for rank in (0, 1)] == [5, 4] and size(Ranks()) == 9
    assert setup.default_workers(Device(), Ranks()) == 0 and setup.default_workers(Device("cuda:0"), Ranks()) >= 1


def test_teachers_need_labels_of_the_same_skeleton(tmp_path: Path) -> None:
    hand = _hand_checkpoint(tmp_path / "hand.safetensors")
    write_coco(tmp_path / "data", figures(4))
    command = train_command(write_recipe(tmp_path / "tiny.toml"), tmp_path / "data", tmp_path / "run", "--epochs", "1",
                            "--teacher", str(hand))  # fmt: skip
    done = _train(*command[3:])
    assert isinstance(done.exception, InputError) and "knows the hand skeleton" in str(done.exception)


def test_what_the_finder_has_no_use_for_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "_finder", lambda *_: (None, 0))
    told: list[str] = []

    def ask(plan: Plan) -> list[str]:
        recipe = recipes.find("finder")
        setup.task(recipe, PRESETS["finder"], plan, ["x"], "coco", None, Device(), Ranks(), 0, told.append)
        return told

    assert ask(Plan.from_table(recipes.find("finder").train)) == []
    assert ask(Plan(hard=0.3, sources={"lsp": 1.0})) == [
        "the finder is trained without sources, hard: what is set there changes nothing"
    ]
