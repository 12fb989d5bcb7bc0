"""Our calls of torch-tensorrt against the source of the real 2.13 wheel. It is read, not imported: TensorRT's
libraries are on few machines, and unknown keywords are silently swallowed by its ``**kwargs``."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from cpm_live.engines import build_cache, probe
from cpm_live.engines.cuda import halved
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS

ENGINES = Path(build_cache.__file__).parent
VERSION = "2.13.0"


class Wheel:
    """The Python source inside a wheel."""

    def __init__(self, path: Path) -> None:
        self.files: dict[str, str] = {}
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith((".py", "METADATA")):
                    self.files[name] = archive.read(name).decode("utf-8")

    def definition(self, dotted: str) -> ast.FunctionDef | ast.ClassDef:
        """``torch_tensorrt.dynamo.compile`` as it is defined, through whatever the packages import."""
        *parents, name = dotted.split(".")
        for file in ("/".join(parents) + "/__init__.py", "/".join(parents) + ".py"):
            if file not in self.files:
                continue
            tree = ast.parse(self.files[file])
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
                    return node
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and name in {alias.asname or alias.name for alias in node.names}:
                    package = file.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
                    module = ".".join([*package.split(".")[: None if node.level < 2 else 1 - node.level], *(
                        [node.module] if node.module else [])]) if node.level else str(node.module)  # fmt: skip
                    return self.definition(f"{module}.{name}")
        raise AssertionError(f"torch-tensorrt {VERSION} has no {dotted}")

    def parameters(self, dotted: str) -> set[str]:
        """Named parameters, without what ``**kwargs`` would swallow."""
        found = self.definition(dotted)
        if isinstance(found, ast.ClassDef):
            (found,) = (n for n in found.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
        args = found.args
        return {arg.arg for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs)} - {"self"}

    def positional(self, dotted: str) -> int:
        found = self.definition(dotted)
        if isinstance(found, ast.ClassDef):
            (found,) = (n for n in found.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
        return len([arg for arg in (*found.args.posonlyargs, *found.args.args) if arg.arg != "self"])


@pytest.fixture(scope="module")
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    cache: pytest.Cache | None = getattr(request.config, "cache", None)  # none with -p no:cacheprovider
    folder = cache.mkdir("torch-tensorrt-wheel") if cache else tmp_path_factory.mktemp("torch-tensorrt-wheel")
    if not list(folder.glob(f"torch_tensorrt-{VERSION}-*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--retries=0",
                   "--disable-pip-version-check", "-d", str(folder), f"torch-tensorrt=={VERSION}"]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip("torch-tensorrt's wheel could not be downloaded within 90 s")
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
            pytest.skip(f"torch-tensorrt's wheel cannot be obtained here: {why}")
    return Wheel(next(iter(folder.glob(f"torch_tensorrt-{VERSION}-*.whl"))))


def our_calls() -> Iterator[tuple[str, int, set[str]]]:
    """(dotted name, positional arguments, keywords) of each call of torch_tensorrt in the engines' source."""
    for file in sorted(ENGINES.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            if not name.startswith("torch_tensorrt."):
                continue
            keywords = {word.arg for word in node.keywords if word.arg is not None}
            for word in node.keywords:
                if word.arg is None:
                    assert ast.unparse(word.value) == "build_cache.OPTIONS", "only these options are unpacked"
                    keywords |= set(build_cache.OPTIONS)
            yield name, len(node.args), keywords


def test_we_call_what_we_think_we_call() -> None:
    assert {name for name, _, _ in our_calls()} == {
        "torch_tensorrt.dynamo.compile",
        "torch_tensorrt.runtime.TorchTensorRTModule",
    }


def test_every_function_and_keyword_exists(wheel: Wheel) -> None:
    for name, positional, keywords in our_calls():
        unknown = keywords - wheel.parameters(name)
        assert not unknown, f"{name} does not take {unknown}; its **kwargs would swallow them"
        assert positional <= wheel.positional(name), name


def test_what_2_13_swallows_is_not_used(wheel: Wheel) -> None:
    assert not {"enabled_precisions", "use_explicit_typing"} & wheel.parameters("torch_tensorrt.dynamo.compile")
    source = "".join(path.read_text(encoding="utf-8") for path in ENGINES.glob("*.py"))
    assert "enabled_precisions" not in source and "use_explicit_typing" not in source


def test_a_built_module_has_what_we_keep_of_it(wheel: Wheel) -> None:
    source = ast.unparse(wheel.definition("torch_tensorrt.runtime.TorchTensorRTModule"))
    for name in ("serialized_engine", "input_binding_names", "output_binding_names"):
        assert f"self.{name} =" in source, name


def test_versions_go_together(wheel: Wheel) -> None:
    metadata = next(text for name, text in wheel.files.items() if name.endswith(".dist-info/METADATA"))
    assert re.search(r"^Requires-Dist: torch<2\.14\.0,>=2\.13\.0$", metadata, re.MULTILINE)
    assert re.search(r"^Requires-Dist: tensorrt<11\.1\.0,>=11", metadata, re.MULTILINE)
    assert VERSION.startswith(f"{probe.PAIRED}.")


def test_why_it_does_not_load_is_said_as_we_expect(wheel: Wheel) -> None:
    assert "import error when try to import _TensorRTProxyModule, got error " in wheel.files[
        "torch_tensorrt/__init__.py"
    ]  # fmt: skip


@pytest.mark.parametrize("name", PRESETS)
def test_every_operation_of_the_networks_has_a_converter(wheel: Wheel, name: str) -> None:
    """``require_full_compilation`` leaves nothing to torch, so nothing may be without a converter."""
    conversion = "".join(
        text for file, text in wheel.files.items() if file.startswith("torch_tensorrt/dynamo/conversion/")
    )
    known = set(re.findall(r"dynamo_tensorrt_converter\(\s*torch\.ops\.([a-z_0-9]+\.[A-Za-z0-9_.]+)", conversion))
    passes = wheel.files["torch_tensorrt/dynamo/lowering/passes/replace_max_pool_with_indices.py"]
    asserts = wheel.files["torch_tensorrt/dynamo/lowering/passes/remove_assert_nodes.py"]
    own = wheel.files["torch_tensorrt/dynamo/lowering/_decompositions.py"]
    decomposed = {
        f"aten.{found}" for found in re.findall(r"register_torch_trt_decomposition\(\s*aten\.([a-z_0-9]+)", own)
    }
    preset = PRESETS[name]
    machine = halved(build(preset))
    given = torch.zeros(1, 3, preset.size, preset.size).half(), torch.full((1, 2), (preset.size - 1) / 2)
    program = torch.export.export(machine, given).run_decompositions()
    missing = set()
    for node in program.graph.nodes:
        operation = str(node.target)
        if node.op != "call_function" or "getitem" in operation:
            continue
        lowered = operation in passes.replace("torch.ops.", "") or operation in asserts.replace("torch.ops.", "")
        lowered |= operation.removesuffix(".default") in decomposed
        if not lowered and operation not in known and operation.removesuffix(".default") not in known:
            missing.add(operation)
    assert not missing, f"torch-tensorrt {VERSION} has no converter for {missing}"
