"""Where weights come from: what their file says must be so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY
from cpm_live.network import checkpoint
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS
from cpm_live.training import setup
from cpm_live.training.device import Device
from cpm_live.training.distributed import Ranks
from cpm_live.training.plan import Plan
from tests.training.common import trainer_of

TOLD = {"trunk": "EfficientNet-Lite0, ImageNet", "note": "on a lent GPU", "data": "lsp 900", "plan": {"batch": 64}}


def _started(tmp_path: Path, before: str, after: str) -> dict[str, object]:
    start = tmp_path / "start.safetensors"
    preset = PRESETS[before].with_joints(len(BODY))
    checkpoint.save(start, build(preset).state_dict(), checkpoint.Header(preset, "body", TOLD, {}))
    chosen = SimpleNamespace(name="own", preset=after, skeleton=BODY)
    _, provenance = setup.network(chosen, start, None, lambda line: None)  # type: ignore[arg-type]
    return provenance


def test_a_start_passes_on_its_trunk_and_its_data_but_not_its_run(tmp_path: Path) -> None:
    same = _started(tmp_path, "lite", "lite")
    assert same["trunk"] == TOLD["trunk"] and "lsp 900" in str(same["init"])
    assert "note" not in same and "plan" not in same


def test_another_trunk_is_not_called_by_the_first_ones_name(tmp_path: Path) -> None:
    other = _started(tmp_path, "lite", "tiny")
    assert other["trunk"] == "from scratch" and "lsp 900" in str(other["init"]) and "note" not in other


def test_weights_say_their_plan_and_a_resumed_run_where_it_began(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, 1, rate=2e-3)
    trainer.provenance |= {"init": "body.safetensors (trained on lsp 900)", "data": "drawn 24"}
    trainer.run()
    again = trainer_of(tmp_path, 2, rate=2e-3)
    again.provenance |= {"data": "drawn 24"}
    assert again.resume()
    again.run()
    _, header = checkpoint.load(tmp_path / "ema.safetensors")
    assert header.provenance["init"] == "body.safetensors (trained on lsp 900)"
    plan = header.provenance["plan"]
    assert plan["rate"] == 2e-3 and plan["batch"] == 8 and plan["augment"]["zoom"] == [1.2, 1.4]
    assert "seed" not in plan, "what is as always is not told"


def test_the_finders_preset_is_not_for_poses(tmp_path: Path) -> None:
    preset = replace(PRESETS["finder"], joints=len(BODY))
    chosen = SimpleNamespace(name="own", preset="finder", skeleton=BODY)
    with pytest.raises(InputError, match="preset finder is the finder's"):
        setup.task(chosen, preset, Plan(), [str(tmp_path)], "coco", None, Device(), Ranks(), 0, lambda line: None)  # type: ignore[arg-type]
