"""The commands that add optional parts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from cpm_live.core import extras


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    extras.install.cache_clear()
    yield
    extras.install.cache_clear()


def installed_from(monkeypatch: pytest.MonkeyPatch, told: dict[str, object]) -> None:
    requires = [
        "numpy>=1.26",
        'safetensors>=0.4.5; extra == "gpu"',
        'torch<2.14,>=2.13; extra == "gpu"',
        'cpm-live[gpu]; extra == "tensorrt"',
        "torch-tensorrt<2.14,>=2.13; (sys_platform != 'darwin') and extra == 'tensorrt'",
    ]
    fake = SimpleNamespace(read_text=lambda name: json.dumps(told), requires=requires)
    monkeypatch.setattr(metadata, "distribution", lambda name: fake)


@pytest.mark.parametrize(("editable", "flag"), [(True, "-e "), (False, "")])
def test_a_checkout_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, editable: bool, flag: str) -> None:
    checkout = tmp_path / "a b"
    checkout.mkdir()
    (checkout / "pyproject.toml").write_text("")
    installed_from(monkeypatch, {"url": checkout.as_uri(), "dir_info": {"editable": editable}})
    assert extras.install("gpu") == f'{sys.executable} -m pip install {flag}"{checkout}[gpu]"'


def test_without_one_the_parts_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    installed_from(monkeypatch, {})
    wanted = '"safetensors>=0.4.5" "torch<2.14,>=2.13" "torch-tensorrt<2.14,>=2.13"'
    assert extras.install("tensorrt") == f"{sys.executable} -m pip install {wanted}"


def test_the_bare_name_is_never_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """On PyPI cpm-live is somebody else's."""
    for told in ({}, {"url": "file:///gone/cpm-live", "dir_info": {}}):
        installed_from(monkeypatch, told)
        extras.install.cache_clear()
        assert "cpm-live[" not in extras.install("gpu")
    monkeypatch.setattr(sys, "executable", "/a b/python")
    extras.install.cache_clear()
    assert extras.install("gpu").startswith('"/a b/python" -m pip install ')


def test_of_this_installation() -> None:
    assert all(extras.install(name).startswith(sys.executable) for name in ("gpu", "tensorrt", "train"))
