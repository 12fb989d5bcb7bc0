"""The rules of the house (CONTRIBUTING.md): who may know whom, what stays out of which room, how long a file may be.

Read from the source by its syntax tree, so that an import inside a function counts as well, and checked once
more in a fresh interpreter for what is really loaded.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "cpm_live"
LONGEST = 400

# What each room may know besides itself: gui, cli -> pipeline, recording -> engines, capture -> network,
# drawing -> core. training and evaluation stand beside cli; nobody below knows them.
_BASE = {"core", "drawing", "network"}
_MIDDLE = _BASE | {"capture", "engines"}
_UPPER = _MIDDLE | {"pipeline", "recording", "streaming"}
MAY_KNOW = {
    "core": set[str](),
    "drawing": {"core"},
    "network": {"core"},
    "capture": {"core", "drawing"},  # the demo source draws its figures
    "engines": {"core", "network"},
    "pipeline": _MIDDLE | {"recording", "streaming"},  # Live hands its results on
    "streaming": {"core", "pipeline"},
    "recording": _MIDDLE | {"pipeline"},  # a batch run drives the machine
    "training": _UPPER | {"evaluation"},
    "evaluation": _UPPER | {"training"},  # reads data as training does
    "gui": _UPPER,
    "cli": _UPPER | {"training", "evaluation", "gui"},
}
# What the package itself offers lazily: `from cpm_live import PoseMachine`.
MAY_KNOW["__init__"] = {"core", "pipeline"}
# python -m cpm_live.
MAY_KNOW["__main__"] = {"cli"}
QT = {"PySide6", "PySide2", "PyQt5", "PyQt6", "pyqtgraph", "shiboken6", "qtpy"}
# Rooms that start fast and small: torch is not imported when they are.
WITHOUT_TORCH = ("core", "capture", "drawing", "recording", "streaming", "pipeline", "gui", "cli")
TORCH = {"torch", "torch_tensorrt", "torchvision"}


class Import(NamedTuple):
    """One import: where it stands and what it names (``cpm_live.core.crop``)."""

    file: Path
    line: int
    module: str
    at_start: bool  # runs when the file is imported: not in a function, not under TYPE_CHECKING

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.module}"


def _is_type_checking(node: ast.AST) -> bool:
    if not isinstance(node, ast.If):
        return False
    return (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING") or (
        isinstance(node.test, ast.Attribute) and node.test.attr == "TYPE_CHECKING"
    )


def _walk(file: Path, nodes: list[ast.AST], at_start: bool) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(file, node.lineno, name.name, at_start)
        elif isinstance(node, ast.ImportFrom):
            package = list(file.relative_to(ROOT).parent.parts)
            base = ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])
            module = base if node.level else str(node.module)
            for name in node.names:
                # `from cpm_live.pipeline import live` names a module too; a plain name's file is looked up later.
                yield Import(file, node.lineno, f"{module}.{name.name}", at_start)
        elif _is_type_checking(node):
            assert isinstance(node, ast.If)
            yield from _walk(file, list(node.body), False)
            yield from _walk(file, list(node.orelse), at_start)
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _walk(file, list(ast.iter_child_nodes(node)), at_start and not inside)


@cache
def python_files() -> tuple[Path, ...]:
    files = tuple(sorted(PACKAGE.rglob("*.py")))
    assert files, f"no package in {PACKAGE}"
    return files


@cache
def imports() -> tuple[Import, ...]:
    return tuple(
        found
        for file in python_files()
        for found in _walk(file, [ast.parse(file.read_text(encoding="utf-8"), str(file))], True)
    )


def room(file: Path) -> str:
    """``core`` for cpm_live/core/crop.py; ``__init__`` for the package's own files."""
    parts = file.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else Path(parts[0]).stem


def told(broken: list[Import], rule: str) -> str:
    return f"{rule}:\n  " + "\n  ".join(map(str, broken))


def module_file(module: str) -> Path | None:
    """The file of one of our modules; for ``cpm_live.core.crop.Crop`` that of ``cpm_live.core.crop``."""
    parts = module.split(".")
    if parts[0] != "cpm_live":
        return None
    for length in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:length])
        if path.with_suffix(".py").is_file():
            return path.with_suffix(".py")
        if (path / "__init__.py").is_file():
            return path / "__init__.py"
    return None


def test_every_room_has_its_place() -> None:
    rooms = {room(file) for file in python_files()}
    assert rooms <= set(MAY_KNOW), (
        f"say what {rooms - set(MAY_KNOW)} may know, in {Path(__file__).name} and CONTRIBUTING.md"
    )


@pytest.mark.parametrize("name", sorted(MAY_KNOW))
def test_arrows_of_knowledge(name: str) -> None:
    broken = []
    for found in imports():
        target = module_file(found.module)
        if target is None or room(found.file) != name:
            continue
        known = room(target)
        # Every room may ask the package for its version; only cli.main's neighbours import through it.
        if known not in {name, *MAY_KNOW[name]} and found.module != "cpm_live.__version__":
            broken.append(found)
    assert not broken, told(broken, f"{name} may know only {sorted(MAY_KNOW[name]) or 'itself'}")


def test_every_import_of_ours_exists() -> None:
    # module_file falls back to the package, so a module that is not there would pass as the package itself.
    broken = [
        found
        for found in imports()
        if found.module.startswith("cpm_live.") and module_file(found.module) == PACKAGE / "__init__.py"
        if found.module.split(".")[1] not in {"__version__", "PoseMachine", "InputError"}
    ]
    assert not broken, told(broken, "no such module")


def test_qt_only_in_gui() -> None:
    broken = [found for found in imports() if found.module.split(".")[0] in QT and room(found.file) != "gui"]
    assert not broken, told(broken, "Qt lives in gui only")


def test_gui_toolkit_free_of_opencv_windows() -> None:
    for file in python_files():
        for name in ("cv2.imshow", "cv2.waitKey", "cv2.namedWindow"):
            assert name not in file.read_text(encoding="utf-8"), f"{file}: {name} does not exist in the headless wheel"


def test_no_torch_at_start() -> None:
    broken = [
        found
        for found in imports()
        if found.at_start and found.module.split(".")[0] in TORCH and room(found.file) in WITHOUT_TORCH
    ]
    assert not broken, told(broken, f"{', '.join(WITHOUT_TORCH)} do not import torch when they are imported")


def test_no_circles() -> None:
    """No file imports itself in a round trip, as far as it happens when the files are imported."""
    arrows: dict[Path, set[Path]] = {file: set() for file in python_files()}
    for found in imports():
        target = module_file(found.module)
        if found.at_start and target is not None and target != found.file and target.name != "__init__.py":
            arrows[found.file].add(target)
    done: set[Path] = set()

    def visit(file: Path, trail: tuple[Path, ...]) -> None:
        if file in trail:
            circle = " -> ".join(str(step.relative_to(PACKAGE)) for step in [*trail[trail.index(file) :], file])
            pytest.fail(f"imports in a circle: {circle}")
        if file not in done:
            for target in sorted(arrows[file]):
                visit(target, (*trail, file))
            done.add(file)

    for file in arrows:
        visit(file, ())


def test_no_pickles() -> None:
    broken = [found for found in imports() if found.module.split(".")[0] in {"pickle", "dill", "joblib"}]
    assert not broken, told(broken, "weights come as safetensors or ONNX, never as pickles")


@pytest.mark.parametrize("folder", ["cpm_live", "tests", "scripts", "benchmarks"])
def test_no_long_files(folder: str) -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for file in (ROOT / folder).rglob("*.py")
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert not long, f"more than {LONGEST} lines, split by idea: {long}"


def loaded_by(statements: str) -> set[str]:
    """Top-level names in sys.modules of a fresh interpreter after these statements."""
    code = f"import sys, json\n{statements}\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_live_on_the_cpu_loads_neither_torch_nor_qt() -> None:
    loaded = loaded_by("import cpm_live.pipeline.live, cpm_live.engines.onnx_cpu")
    assert {"numpy", "onnxruntime", "cpm_live"} <= loaded
    assert not loaded & (QT | TORCH)


def test_window_on_the_cpu_loads_no_torch() -> None:
    loaded = loaded_by("import cpm_live.gui.app, cpm_live.gui.window, cpm_live.engines.onnx_cpu")
    assert "PySide6" in loaded
    assert not loaded & TORCH


def test_command_line_starts_light() -> None:
    loaded = loaded_by("import cpm_live.cli.main")
    assert not loaded & (QT | TORCH | {"onnxruntime", "cv2", "av", "scipy"})


def test_core_is_light() -> None:
    loaded = loaded_by("\n".join(f"import cpm_live.core.{file.stem}" for file in (PACKAGE / "core").glob("[a-z]*.py")))
    assert not loaded & (QT | TORCH | {"onnxruntime", "av", "scipy", "typer", "rich"})
