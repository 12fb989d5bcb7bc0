"""Recipes of a person's own: what is wrong is named, and their weights are the ones that run."""

from __future__ import annotations

from pathlib import Path

import pytest

from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY
from cpm_live.engines import recipe as recipes
from cpm_live.engines.select import open_engine
from cpm_live.network import checkpoint
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS
from cpm_live.training.plan import Plan

MODEL = '[model]\nname = "mine"\nskeleton = "body"\npreset = "tiny"\nweights = "weights/body.safetensors"\n'


def read(folder: Path, text: str) -> recipes.Recipe:
    path = folder / "mine.toml"
    path.write_text(text)
    return recipes.find(str(path))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[live]\nmargin = 0", r"\[live\] margin is a number from 0.5 to 5, not 0"),
        ("[live]\nmargin = nan", "margin is a number"),
        ("[live]\njoint_threshold = 50", "joint_threshold is a number from 0 to 1, not 50"),
        ("[live]\nfind_threshold = true", "find_threshold is a number"),
        ("[live]\nfind_treshold = 0.5", r"\[live\] does not know 'find_treshold'; it has joint_threshold"),
        ("[train.augment]\nzoom = 1.4", r"\[train.augment\] zoom is two numbers above 0"),
        ("[train.augment]\nzoom = [1.8, 1.2]", "the smaller first"),
        ("[train]\naugment = 3", r"augment is a table"),
    ],
)
def test_wrong_values_are_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path, MODEL + text)
    assert "mine.toml: " in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('live = "x"\n' + MODEL, r"live is a table \(\[live\]\), not 'x'"),
        ('model = "x"', "model is a table"),
        (MODEL.replace('"body"\n', '["body"]\n', 1), "skeleton is a text"),
        (MODEL.replace('"body"\n', '"horse"\n', 1), "skeleton is one of body"),
        (MODEL.replace("weights/body.safetensors", ""), "weights is a text"),
        (MODEL + "colour = 3", r"\[model\] does not know 'colour'"),
    ],
)
def test_wrong_models_are_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read(tmp_path, text)


def test_weights_lie_beside_a_recipe_and_ours_with_ours_alone(tmp_path: Path) -> None:
    """Whoever copies one of ours, trains it and looks at what they have got must not be shown ours."""
    assert recipes.find("body").weights.is_file()
    copied = read(tmp_path, MODEL)
    assert copied.weights == tmp_path / "weights" / "body.safetensors"
    with pytest.raises(InputError, match=r"no weights at .*train them .* or let the recipe name others"):
        open_engine(copied, "cpu")
    ours = recipes.find("body").weights
    assert read(tmp_path, MODEL.replace("weights/body.safetensors", ours.as_posix())).weights == ours


def test_what_is_not_said_has_its_usual_value(tmp_path: Path) -> None:
    assert read(tmp_path, MODEL).keep_threshold == 0.16
    assert read(tmp_path, MODEL + "[live]\nfind_threshold = 0.5").keep_threshold == pytest.approx(0.4)


def test_a_checkpoint_is_a_model_of_its_own(tmp_path: Path) -> None:
    """What training wrote is what is measured and run, not what is shipped."""
    preset = PRESETS["tiny"].with_joints(len(BODY))
    weights = tmp_path / "mine" / "ema.safetensors"
    weights.parent.mkdir()
    plan = {"augment": {"zoom": [1.2, 1.4]}}
    checkpoint.save(weights, build(preset).state_dict(), checkpoint.Header(preset, "body", {"plan": plan}, {}))
    recipe, ours = recipes.find(str(weights)), recipes.find("body")
    assert (recipe.name, recipe.weights, recipe.preset) == ("mine", weights, "tiny")
    assert recipe.skeleton is BODY and recipe.find_threshold == ours.find_threshold
    assert recipe.training_margin == pytest.approx(1.3)
    # A plan that says nothing of it had the usual zoom, not that of our recipe for hands.
    hands = PRESETS["tiny"].with_joints(21)
    for plan, margin in (({}, recipes.find("hand").training_margin), ({"batch": 4}, 1.4)):
        header = checkpoint.Header(hands, "hand", {"plan": plan} if plan else {}, {})
        checkpoint.save(weights, build(hands).state_dict(), header)
        assert recipes.find(str(weights)).training_margin == pytest.approx(margin)
    assert "zoom" in Plan().to_plain()["augment"]
    (tmp_path / "other.safetensors").write_bytes(b"nonsense")
    for name, message in (("other.safetensors", "not a checkpoint of cpm-live"), ("none.safetensors", "cannot read")):
        with pytest.raises(InputError, match=message):
            recipes.find(str(tmp_path / name))


def test_a_model_that_is_called_as_ours_gets_a_name_of_its_own(tmp_path: Path) -> None:
    """Names tell models apart: settings, results, what runs."""
    assert read(tmp_path, MODEL.replace('name = "mine"', 'name = "hand"')).name == "own hand"
    assert recipes.find(str(recipes.data_root() / "engines" / "body.toml")).name == "body"
    preset = PRESETS["tiny"].with_joints(len(BODY))
    weights = tmp_path / "body" / "ema.safetensors"
    weights.parent.mkdir()
    checkpoint.save(weights, build(preset).state_dict(), checkpoint.Header(preset, "body"))
    assert recipes.find(str(weights)).name == "own body"


def test_the_thresholds_in_the_documents_are_those_of_our_recipes() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    live = page.split("### [live]")[1].split("\n### ")[0]
    told = {row[1].strip(" `"): row[-3:-1] for line in live.splitlines() if len(row := line.split("|")) > 5}
    body, hand = recipes.find("body"), recipes.find("hand")
    keys = [f"{name}_threshold" for name in ("joint", "hollow", "follow", "find", "keep", "finder")]
    for key in (*keys, "margin"):
        assert [float(cell) for cell in told[key]] == [getattr(body, key), getattr(hand, key)], key


def test_how_a_name_ends_may_be_in_capitals(tmp_path: Path) -> None:
    path = tmp_path / "Mouse.TOML"
    path.write_text('[model]\nname = "mouse"\nskeleton = "body"\npreset = "tiny"\nweights = "mouse.safetensors"\n')
    assert recipes.find(str(path)).name == "mouse"


def test_what_to_type_for_others_weights_can_be_typed() -> None:
    with pytest.raises(InputError, match=r"models import '/my weights/pose\.caffemodel'$"):
        recipes.find("/my weights/pose.caffemodel")
