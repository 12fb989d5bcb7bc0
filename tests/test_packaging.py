"""The wheel as a stranger gets it: built, looked into, installed in a fresh venv and run from elsewhere."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import cpm_live

ROOT = Path(__file__).resolve().parents[1]
RECIPES = sorted((ROOT / "engines").glob("*.toml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def call(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """Run a command without the network; its output, or the test's failure with what it said."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "-w", folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def files(wheel: Path) -> dict[str, int]:
    """What lies in the wheel: name and size."""
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: info.file_size for info in archive.infolist()}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh venv's folder of commands, with the wheel in it and today's dependencies in reach."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    places = {"base": str(folder), "platbase": str(folder)}
    commands = Path(sysconfig.get_path("scripts", "venv", places))
    library = Path(sysconfig.get_path("purelib", "venv", places))
    # After the venv's own folder on sys.path; a .pth in there is not read, so an editable checkout stays out.
    ours = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (library / "dependencies.pth").write_text("\n".join(sorted(ours)) + "\n", encoding="utf-8")
    python = commands / Path(sys.executable).name
    assert python.exists(), sorted(commands.iterdir())
    # Ignoring what is installed: where that is no editable checkout, pip takes it for the wheel and does nothing.
    pip = (sys.executable, "-m", "pip", "--python", python, "install")
    call(*pip, "--no-deps", "--no-index", "--ignore-installed", wheel)
    return commands


def test_recipes_travel(files: dict[str, int]) -> None:
    assert {recipe.stem for recipe in RECIPES} >= {"body", "hand"}
    for recipe in RECIPES:
        name = f"cpm_live/_data/engines/{recipe.name}"
        assert files.get(name) == recipe.stat().st_size, name


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_weights_travel(files: dict[str, int], recipe: Path) -> None:
    weights = Path(tomllib.loads(recipe.read_text(encoding="utf-8"))["model"]["weights"])
    for part in (weights, weights.with_suffix(".onnx")):
        name = f"cpm_live/_data/resources/{part.as_posix()}"
        assert files.get(name, 0) > 100_000, f"{name} is not in the wheel, or is a stub"


def test_icons_travel(files: dict[str, int]) -> None:
    icons = {path.name for path in (ROOT / "resources" / "icons").iterdir()}
    assert icons
    assert {Path(name).name for name in files if name.startswith("cpm_live/_data/resources/icons/")} == icons


def test_whole_package_and_nothing_else(files: dict[str, int]) -> None:
    sources = {str(path.relative_to(ROOT)).replace(os.sep, "/") for path in (ROOT / "cpm_live").rglob("*.py")}
    assert sources <= set(files)
    tops = {name.split("/")[0] for name in files}
    assert tops == {"cpm_live", f"cpm_live-{cpm_live.__version__}.dist-info"}
    assert not [name for name in files if re.search(r"\.pyc$|__pycache__|\.part$|/tests?/", name)]


def test_what_the_wheel_says_of_itself(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        said = f"cpm_live-{cpm_live.__version__}.dist-info"
        metadata = email.message_from_bytes(archive.read(f"{said}/METADATA"))
        names = archive.namelist()
    assert metadata["Version"] == cpm_live.__version__ == PROJECT["version"]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert {f"{said}/licenses/LICENSE", f"{said}/licenses/NOTICE"} <= set(names)
    needs = [need for need in metadata.get_all("Requires-Dist", []) if "extra ==" not in need]
    assert needs
    heavy = {"torch", "opencv-python", "pyside6", "scipy", "onnx"}
    assert not {re.split(r"[^A-Za-z0-9-]", need)[0].lower() for need in needs} & heavy, "not in the base install"


def test_source_archive_is_whole(tmp_path: Path) -> None:
    call(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.split("/", 1)[1] for name in opened.getnames()}
    assert {"pyproject.toml", "Makefile", "README.md", "LICENSE", "NOTICE", "tests/test_packaging.py"} <= names
    assert {f"engines/{recipe.name}" for recipe in RECIPES} <= names
    assert {
        f"resources/weights/{model}.{kind}" for model in ("body", "hand") for kind in ("onnx", "safetensors")
    } <= names
    assert not [name for name in names if name.startswith((".venv", "out/", "shared/"))]


def test_installed_command_knows_its_version(installed: Path, tmp_path: Path) -> None:
    assert call(installed / "cpm-live", "--version", cwd=tmp_path).split() == ["cpm-live", cpm_live.__version__]


def test_installed_command_finds_its_models(installed: Path, tmp_path: Path) -> None:
    said = call(installed / "cpm-live", "models", cwd=tmp_path)
    for recipe in RECIPES:
        assert re.search(rf"^{recipe.stem}\b", said, re.MULTILINE), said
    assert "missing" not in said


def test_installed_package_is_the_wheel_and_runs(installed: Path, tmp_path: Path) -> None:
    code = (
        "import sys, cpm_live, numpy as np; from cpm_live.core.paths import data_root;"
        "machine = cpm_live.PoseMachine('body', engine='cpu');"
        "result = machine(np.zeros((240, 320, 3), np.uint8));"
        "print(cpm_live.__file__); print(data_root()); print(len(result.poses)); print('torch' in sys.modules)"
    )
    python = installed / Path(sys.executable).name
    package, data, _, torch_loaded = call(python, "-c", code, cwd=tmp_path).splitlines()
    inside = installed.parent
    assert Path(package).is_relative_to(inside), "the checkout was run, not the wheel"
    assert Path(data).is_relative_to(inside)
    assert torch_loaded == "False"
