"""Skeletons of users' own: as a recipe says them, and as weights carry them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cpm_live.cli.run import run
from cpm_live.core import own_skeleton
from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY, LEFT, MIDDLE, RIGHT, Skeleton
from cpm_live.engines import recipe as recipes
from cpm_live.engines.recipe import Recipe
from cpm_live.engines.request import recipe_of, request_for
from cpm_live.network import checkpoint
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.training.setup import network
from tests.fakes import DotEngine

MOUSE: dict[str, Any] = {
    "joints": ["Nase", "Ohr L", "Ohr R", "tail base"],
    "limbs": [["nase", "ohr-l"], ["Nase", "Ohr R"], ["Ohr L", "Ohr R"]],
}


def _mouse() -> Skeleton:
    return own_skeleton.from_table("mouse", MOUSE)


def _weights(path: Path, skeleton: Skeleton) -> Path:
    preset = PRESETS["tiny"].with_joints(len(skeleton))
    checkpoint.save(path, build(preset).state_dict(), checkpoint.Header.of(preset, skeleton, {}))
    return path


def _recipe(folder: Path, table: str = "", live: str = "") -> Recipe:
    path = folder / "mouse.toml"
    path.write_text(
        '[model]\nname = "m"\nskeleton = "mouse"\npreset = "tiny"\nweights = "m.safetensors"\n'
        f"[skeleton]\n{table or 'joints = ' + json.dumps(MOUSE['joints'])}\n[live]\n{live}\n",
        encoding="utf-8",
    )
    return recipes.find(str(path))


def test_sides_and_limbs_are_told_by_names() -> None:
    skeleton = _mouse()
    assert skeleton.flip == (0, 2, 1, 3) and skeleton.limbs == ((0, 1), (0, 2), (1, 2))
    assert skeleton.colours == (MIDDLE, LEFT, RIGHT, MIDDLE)
    assert skeleton.limb_colours == (LEFT, RIGHT, MIDDLE)
    assert skeleton.index("Tail Base") == skeleton.index("tail-base") == 3
    assert own_skeleton.from_table("mouse", own_skeleton.to_table(skeleton)) == skeleton
    assert own_skeleton.from_table("mouse", MOUSE | {"mirror": []}).flip == (0, 1, 2, 3)
    again = own_skeleton.from_table("people", own_skeleton.to_table(BODY))
    assert (again.joints, again.limbs, again.flip, again.sigmas) == (BODY.joints, BODY.limbs, BODY.flip, BODY.sigmas)


@pytest.mark.parametrize(
    "pair",
    ["left ear/right ear", "LeftEar/RightEar", "ear.left/ear.right", "EarL/EarR", "ear (left)/ear (right)", "l1/r1"],
)
def test_sides_are_told_however_they_are_written(pair: str) -> None:
    """Else half of the pictures, which are mirrored, would teach to exchange them."""
    skeleton = own_skeleton.from_table("x", {"joints": [*pair.split("/"), "Rolle", "leftover"]})
    assert skeleton.flip == (1, 0, 2, 3) and skeleton.colours == (LEFT, RIGHT, MIDDLE, MIDDLE)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"joints": []}, r"\[skeleton\] joints is a list of names"),
        ({"joints": ["Nase\x1b[2J"]}, r"\[skeleton\] joints is a list of names"),
        ({"joints": ["a", "A "]}, r"joints has '.' twice|joints has 'a' twice"),
        ({"limbs": [["Nase", "Bein"]]}, "limbs: 'Bein' is none of the joints"),
        ({"limbs": [["Nase"]]}, "limbs is a list of pairs"),
        ({"mirror": [["Nase", "Ohr L"], ["Nase", "Ohr R"]]}, "a joint in two pairs"),
        ({"sigmas": [0.1, 0.1]}, "sigmas is a list of 4 numbers"),
        ({"flip": [0, 2, 1, 3]}, r"does not know 'flip'; it has joints, limbs, mirror, sigmas"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        own_skeleton.from_table("mouse", MOUSE | change)


def test_weights_carry_their_joints(tmp_path: Path) -> None:
    """Who gets them from somebody else needs no recipe, and no edited copy of this program."""
    weights = _weights(tmp_path / "m.safetensors", _mouse())
    assert recipes.find(str(weights)).skeleton == _mouse() and recipes.find(str(weights)).kind is None
    machine = PoseMachine(weights)
    assert machine(np.zeros((64, 64, 3), np.uint8)).skeleton.joints == tuple(MOUSE["joints"])
    machine.close()
    recipe = _recipe(tmp_path)
    assert recipe.skeleton.joints == tuple(MOUSE["joints"])
    assert recipe_of(json.loads(json.dumps(request_for(recipe, [1], tmp_path)))).skeleton == recipe.skeleton
    network(recipe, weights, None, lambda line: pytest.fail(f"taken whole, without a word: {line}"))
    with pytest.raises(
        InputError, match=r"the joints of m\.safetensors are Nase, Ohr L, .* the recipe's are tail base"
    ):
        PoseMachine(_recipe(tmp_path, 'joints = ["tail base", "Ohr L", "Ohr R", "Nase"]'))


def test_a_skeleton_that_nobody_describes_is_said_to_be_so(tmp_path: Path) -> None:
    preset = PRESETS["tiny"].with_joints(4)
    weights = tmp_path / "old.safetensors"
    checkpoint.save(weights, build(preset).state_dict(), checkpoint.Header(preset, "mouse"))
    with pytest.raises(InputError, match=r"has the skeleton 'mouse', and does not say .* give the recipe"):
        recipes.find(str(weights))
    with pytest.raises(InputError, match=r"needs a table \[skeleton\]"):
        _recipe(tmp_path, " ")
    path = tmp_path / "mouse.toml"
    text = path.read_text().replace('skeleton = "mouse"', 'skeleton = "body"')
    path.write_text(text.replace("[live]", 'joints = ["a"]'))
    with pytest.raises(InputError, match="'body' is one of ours"):
        recipes.find(str(path))


def test_the_finder_is_asked_for_what_it_knows(tmp_path: Path) -> None:
    """It sees people; an animal would be found only where it takes it for one."""
    asked: list[str] = []
    kinds = {"": None, 'finder = "person"': "person", 'finder = "none"': None}
    for line, kind in kinds.items():
        recipe = _recipe(tmp_path, f"joints = {list('abcdefgh')}", line)
        assert recipe.kind == kind

        def opener() -> Any:
            asked.append("opened")
            raise InputError("no finder here")

        machine = PoseMachine(recipe, engine=DotEngine(joints=8), finder=opener)
        frame = np.zeros((480, 640, 3), np.uint8)
        frame[200:216, 300:316] = 255
        if kind is None:
            assert any(machine(frame).poses for _ in range(12)), "its own network searches"
        else:
            with pytest.raises(InputError, match="no finder here"):
                machine(frame)
    assert asked == ["opened"]
    assert (recipes.find("body").kind, recipes.find("hand").kind) == ("person", "hand")
    with pytest.raises(InputError, match=r"\[live\] finder is one of person, hand, none, not 'dog'"):
        _recipe(tmp_path, live='finder = "dog"')


def test_joints_with_spaces_can_be_shown(tmp_path: Path) -> None:
    _weights(tmp_path / "m.safetensors", _mouse())
    _recipe(tmp_path)
    run("demo", str(tmp_path / "mouse.toml"), tmp_path / "a.mp4", None, joint="Ohr L", frames=2, quiet=True, threads=1)
    assert (tmp_path / "a.mp4").stat().st_size > 0


def test_names_are_compared_in_one_way(tmp_path: Path) -> None:
    header = checkpoint.Header.of(PRESETS["tiny"].with_joints(4), _mouse(), {})
    joints = ["nase", "ohr_l", "OHR R", "Tail-base"]
    assert header.knows(own_skeleton.from_table("mouse", {"joints": joints}))
    assert not header.knows(own_skeleton.from_table("mouse", {"joints": joints[::-1]}))
    odd = replace(header, joints={"joints": 5})
    checkpoint.save(tmp_path / "m.safetensors", build(odd.preset).state_dict(), odd)
    recipes.check_joints(_recipe(tmp_path))
