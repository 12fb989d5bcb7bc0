"""The cache folder, told of and emptied."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cpm_live.cli.main import app
from cpm_live.core.errors import InputError
from cpm_live.engines import build_cache, cached, export_cache

RUNNER = CliRunner()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder with 3 MB in it, and something that is not ours."""
    for module in (build_cache, export_cache, cached):
        monkeypatch.setattr(module, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr("cpm_live.core.paths.cache_dir", lambda: tmp_path)
    for name, size in (("onnx/body-0.onnx", 1), ("tensorrt/b1-0.plan", 2), ("tensorrt/b1-0.json", 0)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * size * 1_000_000)
    (tmp_path / "notes.txt").write_text("mine")
    return tmp_path


def test_the_cache_is_told_of_and_emptied(cache: Path) -> None:
    assert f"cache: {cache} (3.0 MB; cpm-live models clean empties it)" in RUNNER.invoke(app, ["doctor"]).output
    said = RUNNER.invoke(app, ["models", "clean"]).output
    assert "removed 3.0 MB (exported networks 1.0 MB, TensorRT engines 2.0 MB)" in said
    assert [path.name for path in cache.rglob("*") if path.is_file()] == ["notes.txt"], "only what is ours"
    assert "nothing to remove" in RUNNER.invoke(app, ["models", "clean"]).output
    assert "empties it" not in RUNNER.invoke(app, ["doctor"]).output


def test_what_cannot_be_removed_is_named_and_the_rest_is_removed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unlink = Path.unlink

    def held(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".plan":
            raise PermissionError(13, "in use")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", held)
    with pytest.raises(InputError, match=r"1\.0 MB removed .*, but not .*b1-0\.plan: in use; close cpm-live"):
        cached.clean()
    assert sorted(path.name for path in cache.rglob("*") if path.is_file()) == ["b1-0.plan", "notes.txt"]
