"""The cache of built engines: complete keys, whole files, nothing damaged or foreign is ever used."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from cpm_live.core.errors import InputError
from cpm_live.engines import build_cache, nvidia, probe
from cpm_live.engines.build_cache import Entry, Miss
from cpm_live.engines.recipe import Recipe
from tests.engines.conftest import GPU, FakeTorchTensorRT

ENTRY = Entry(b"plan" * 100, ("images", "centres"), ("output0",), {"beliefs": 0.001, "joints": 0.01})


@pytest.fixture
def wanted(rtx: FakeTorchTensorRT, tiny: Recipe) -> dict[str, object]:
    return build_cache.key(tiny, 1)


def test_what_is_stored_is_found(wanted: dict[str, object]) -> None:
    assert build_cache.find(wanted) == Miss()
    path = build_cache.store(wanted, ENTRY)
    assert build_cache.find(wanted) == ENTRY
    assert sorted(p.suffix for p in path.parent.iterdir()) == [".json", ".plan"], "nothing temporary is left"


def test_the_key_is_complete(
    wanted: dict[str, object], tiny: Recipe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    build_cache.store(wanted, ENTRY)
    assert build_cache.key(tiny, 2) != wanted
    weights = tmp_path / "other.safetensors"
    data = bytearray(tiny.weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    assert build_cache.key(replace(tiny, weights=weights), 1) != wanted
    for gpu in (replace(GPU, name="NVIDIA Other"), replace(GPU, capability="9.0"), replace(GPU, cuda="12.8")):
        with monkeypatch.context() as patch:
            patch.setattr(nvidia, "find_gpu", lambda gpu=gpu: gpu)
            assert build_cache.find(build_cache.key(tiny, 1)) == Miss(), gpu
    for name in ("torch", "torch-tensorrt", "tensorrt"):
        real = probe.version
        with monkeypatch.context() as patch:
            patch.setattr(probe, "version", lambda asked, n=name, r=real: "9.9" if asked == n else r(asked))
            assert build_cache.key(tiny, 1) != wanted, name
    with monkeypatch.context() as patch:
        patch.setitem(build_cache.OPTIONS, "optimization_level", 5)
        assert build_cache.key(tiny, 1) != wanted
    with monkeypatch.context() as patch:
        patch.setattr(build_cache.platform, "system", lambda: "Windows")
        assert build_cache.key(tiny, 1) != wanted
    assert build_cache.key(tiny, 1) == wanted


@pytest.mark.parametrize("damage", ["cut", "flip", "gone", "json", "json-list", "foreign", "orphan"])
def test_damaged_and_foreign_entries_are_removed(wanted: dict[str, object], damage: str) -> None:
    plan = build_cache.store(wanted, ENTRY)
    told = plan.with_suffix(".json")
    match damage:
        case "cut":
            plan.write_bytes(ENTRY.plan[:-7])
        case "flip":
            plan.write_bytes(b"P" + ENTRY.plan[1:])
        case "gone":
            plan.unlink()
        case "json":
            told.write_text('{"key": ')
        case "json-list":
            told.write_text("[1, 2]")
        case "foreign":
            other = json.loads(told.read_text())
            other["key"]["gpu"] = "NVIDIA Other"
            told.write_text(json.dumps(other))
        case "orphan":
            told.unlink()
            assert build_cache.find(wanted) == Miss(), "the process that built it may be about to write its JSON"
            assert plan.exists()
            os.utime(plan, (1e9, 1e9))
    for path in (plan, told):
        if path.exists():
            os.utime(path, (1e9, 1e9))
    found = build_cache.find(wanted)
    assert isinstance(found, Miss) and "was removed" in found.why and "\n" not in found.why
    assert not plan.exists() and not told.exists()
    assert build_cache.find(wanted) == Miss(), "told once"
    build_cache.store(wanted, ENTRY)
    assert build_cache.find(wanted) == ENTRY


def test_what_another_process_is_just_replacing_stays(wanted: dict[str, object]) -> None:
    plan = build_cache.store(wanted, ENTRY)
    told = plan.with_suffix(".json")
    os.utime(told, (1e9, 1e9))
    plan.write_bytes(b"a new one, whose JSON is still to come")
    assert build_cache.find(wanted) == Miss()
    assert plan.exists() and told.exists()


def test_what_killed_builds_left_half_written_is_swept(wanted: dict[str, object]) -> None:
    plan = build_cache.store(wanted, ENTRY)
    old, new = plan.with_name("b2-x.plan.1.part"), plan.with_name("b2-y.plan.2.part")
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1e9, 1e9))
    build_cache.store(wanted, ENTRY)
    assert not old.exists() and new.exists(), "another process may be writing the new one"


def test_missing_names_the_batch_sizes(rtx: FakeTorchTensorRT, tiny: Recipe) -> None:
    for batch in (1, 4):
        build_cache.store(build_cache.key(tiny, batch), ENTRY)
    assert build_cache.missing(tiny) == ([2], "")
    for path in build_cache.folder().glob("b4-*"):
        if path.suffix == ".plan":
            path.write_bytes(b"")
        os.utime(path, (1e9, 1e9))
    missing, why = build_cache.missing(tiny)
    assert missing == [2, 4] and "is damaged" in why


def test_weights_that_are_none(rtx: FakeTorchTensorRT, tiny: Recipe, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read weights"):
        build_cache.key(replace(tiny, weights=tmp_path / "no.safetensors"), 1)
    (tmp_path / "bad.safetensors").write_bytes(b"12")
    with pytest.raises(InputError, match="is not a checkpoint of cpm-live"):
        build_cache.key(replace(tiny, weights=tmp_path / "bad.safetensors"), 1)


def test_a_folder_that_cannot_be_written_is_one_line(wanted: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write a TensorRT engine into"):
        build_cache.store(wanted, ENTRY, tmp_path / "file" / "folder")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs permissions of files")
def test_a_folder_of_somebody_elses_is_told_before_anything_is_built(
    wanted: dict[str, object], tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One build as root leaves it so; the app would build for minutes, and could not keep it."""
    build_cache.store(wanted, ENTRY)
    real = Path.stat

    def stat(self: Path, **how: object) -> os.stat_result:
        if self.suffix in (".json", ".plan"):
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "stat", stat)
    assert isinstance(build_cache.find(wanted), (Miss, Entry)), "nothing is raised"
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match="another user's"):
        build_cache.missing(tiny)
