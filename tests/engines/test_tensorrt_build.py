"""What happens around TensorRT: absent, not loading, failing, wrong, full, damaged. A fake stands in its place."""

from __future__ import annotations

import errno
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cpm_live.core.crop import Crop
from cpm_live.core.errors import InputError
from cpm_live.core.extras import install
from cpm_live.engines import build_cache, cuda, nvidia, probe, tensorrt, tensorrt_build
from cpm_live.engines.recipe import Recipe
from cpm_live.engines.request import recipe_of, request_for
from cpm_live.engines.select import open_engine
from tests.engines.conftest import GPU, FakeTorchTensorRT


def build(recipe: Recipe, batch: int = 1) -> build_cache.Entry:
    return tensorrt_build.build(recipe, batch, build_cache.folder(), lambda step: None)


def one_line(error: pytest.ExceptionInfo[InputError]) -> str:
    line = str(error.value)
    assert "\n" not in line and len(line) < 320
    return line


def test_builds_checks_stores_and_runs(rtx: FakeTorchTensorRT, tiny: Recipe) -> None:
    for batch in (1, 2):
        build(tiny, batch)
    (options, _) = rtx.compiled
    assert options["require_full_compilation"] and options["immutable_weights"]
    images, centres = options["arg_inputs"]  # type: ignore[misc]
    assert images.dtype == torch.float16 and centres.dtype == torch.float32, "fp16 means a half model and half inputs"
    assert Path(str(options["timing_cache_path"])).parent == build_cache.folder(), "not in the shared temp folder"
    assert build_cache.missing(tiny) == ([4], "")
    engine = open_engine(tiny, "tensorrt")
    assert engine.describe().kind == "tensorrt" and GPU.name in engine.describe().label
    frame = np.full((90, 120, 3), 90, np.uint8)
    looked = engine.look(frame, [Crop(60, 45, 80, 128)], 14)
    assert looked.joints.shape == (1, 3, 14, 3)


def test_absent(rtx: FakeTorchTensorRT, tiny: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "installed", lambda name: name != "torch_tensorrt")
    with pytest.raises(InputError, match="not installed; ") as caught:
        open_engine(tiny, "tensorrt")
    assert one_line(caught) == (
        f"engine tensorrt: torch-tensorrt is not installed; {install('tensorrt')}, or use --engine auto"
    )


def test_present_but_not_loading(
    rtx: FakeTorchTensorRT, tiny: Recipe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    build(tiny)
    package = tmp_path / "site" / "torch_tensorrt"
    package.mkdir(parents=True)
    # As the real one does where TensorRT's libraries are missing (2.13, _TensorRTProxyModule.py).
    (package / "__init__.py").write_text(
        "print('make sure tensorrt lib is in the LD_LIBRARY_PATH: None')\n"
        "raise Exception('import error when try to import _TensorRTProxyModule, got error Could not find "
        "libnvinfer.so.11\\n  Search paths: x')\n"
    )
    monkeypatch.delitem(sys.modules, "torch_tensorrt")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    for _ in range(2):
        with pytest.raises(InputError, match="does not load: Could not find libnvinfer") as caught:
            open_engine(tiny, "tensorrt")
        assert "pip install" in one_line(caught)
    assert capsys.readouterr().out == "", "what the package prints would spoil --json"
    assert "torch_tensorrt" not in sys.modules


@pytest.mark.parametrize(
    ("versions", "line"),
    [
        ({"torch-tensorrt": "2.12.0", "torch": "2.13.0"}, "torch-tensorrt 2.12.0 is installed, 2.13 is needed"),
        ({"torch-tensorrt": "2.13.0", "torch": "2.11.0"}, "torch-tensorrt 2.13.0 needs torch 2.13, not 2.11.0"),
        ({"torch": "2.13.0+cpu"}, r"torch 2\.13\.0\+cpu was built without CUDA; .* -m pip uninstall torch"),
    ],
)
def test_versions_that_do_not_go_together(
    rtx: FakeTorchTensorRT, tiny: Recipe, monkeypatch: pytest.MonkeyPatch, versions: dict[str, str], line: str
) -> None:
    monkeypatch.setattr(probe, "version", lambda name: versions.get(name, ""))
    with pytest.raises(InputError, match=line) as caught:
        open_engine(tiny, "tensorrt")
    one_line(caught)


@pytest.mark.parametrize("version", ["2.9.0a0+50eac811a6.nv25.09", "2.13.0a0+gitd990dad"])
def test_a_containers_own_torch_is_asked_for_its_library(
    rtx: FakeTorchTensorRT, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str
) -> None:
    """Whoever followed the advice to reinstall it would destroy NVIDIA's container."""
    monkeypatch.setattr(probe, "version", lambda name: version if name == "torch" else "")
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(probe.importlib.util, "find_spec", lambda module: spec)
    assert "was built without CUDA" in probe.cuda().what
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libtorch_cuda.so").touch()
    assert probe.cuda().ready


def test_no_gpu(rtx: FakeTorchTensorRT, tiny: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "find_gpu", lambda: None)
    monkeypatch.setattr(nvidia, "on_the_bus", lambda: False)
    for kind in ("tensorrt", "cuda"):
        with pytest.raises(InputError, match=f"engine {kind}: no NVIDIA GPU with a driver was found; use --engine"):
            open_engine(tiny, kind)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(InputError, match="CUDA_VISIBLE_DEVICES='' hides them"):
        open_engine(tiny, "cuda")


def test_a_card_that_this_torch_has_no_kernels_for(
    rtx: FakeTorchTensorRT, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refuses:
        def to(self, *_: object, **__: object) -> None:
            raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nlong")

    monkeypatch.setattr(cuda, "halved", lambda machine: Refuses())
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "GeForce 9")
    with pytest.raises(InputError, match=r"does not start on GeForce 9: CUDA error: no kernel image.*use --engine cpu"):
        open_engine(tiny, "cuda")
    assert open_engine(tiny, "auto").describe().kind == "cpu"


def test_nothing_built_yet(rtx: FakeTorchTensorRT, tiny: Recipe) -> None:
    with pytest.raises(
        InputError, match="no TensorRT engine of tiny is built for this GPU; build it: cpm-live models build"
    ):
        open_engine(tiny, "tensorrt")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("no kernel\nlong"), "TensorRT could not build tiny for 1 at once: no kernel"),
        (AssertionError(), "TensorRT could not build tiny for 1 at once: AssertionError"),
        (RuntimeError("[defaultAllocator.cpp::allocate] Cuda Runtime (out of memory)"), "not enough GPU memory"),
        (torch.cuda.OutOfMemoryError("CUDA out of memory. Tried 9 GiB"), "not enough GPU memory for building"),
    ],
)
def test_build_that_fails(rtx: FakeTorchTensorRT, tiny: Recipe, error: Exception, line: str) -> None:
    rtx.error = error
    with pytest.raises(InputError, match=line) as caught:
        build(tiny)
    one_line(caught)
    assert build_cache.missing(tiny)[0] == [1, 2, 4]


def test_weights_that_change_during_a_build_are_built_again(
    rtx: FakeTorchTensorRT, tiny: Recipe, tmp_path: Path
) -> None:
    own = replace(tiny, weights=tmp_path / "own.safetensors")
    own.weights.write_bytes(tiny.weights.read_bytes())
    plain = rtx.compile

    def trained_meanwhile(program: torch.export.ExportedProgram, **options: object) -> torch.nn.Module:
        own.weights.write_bytes(own.weights.read_bytes()[:-1] + b"x")
        return plain(program, **options)

    sys.modules["torch_tensorrt"].dynamo.compile = trained_meanwhile
    with pytest.raises(InputError, match="changed while its TensorRT engine was built; build it again"):
        build(own)


def test_timings_are_kept_whole_or_not_at_all(rtx: FakeTorchTensorRT, tiny: Recipe) -> None:
    plain, seen = rtx.compile, []
    build_cache.folder().mkdir(parents=True)  # as the build process does

    def writes(program: torch.export.ExportedProgram, **options: object) -> torch.nn.Module:
        path = Path(str(options["timing_cache_path"]))
        seen.append(path.read_bytes() if path.exists() else b"")
        path.write_bytes(b"half")
        made = plain(program, **options)
        path.write_bytes(b"whole")
        return made

    sys.modules["torch_tensorrt"].dynamo.compile = writes
    rtx.error = RuntimeError("no kernel")
    with pytest.raises(InputError, match="no kernel"):
        build(tiny)
    rtx.error = None
    for batch in (1, 2):
        build(tiny, batch)
    assert seen == [b"", b"", b"whole"]
    assert len(list(build_cache.folder().glob("timing-*"))) == 1


def test_a_good_plan_that_a_full_gpu_does_not_run_is_kept(
    rtx: FakeTorchTensorRT, tiny: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tiny)

    def refuses(*_: object) -> None:
        raise RuntimeError("Unable to (re)create TensorRT execution context")

    monkeypatch.setattr(tensorrt, "Graphed", refuses)
    with pytest.raises(InputError, match=r"does not load .*execution context.*; use --engine cuda or cpu"):
        open_engine(tiny, "tensorrt")
    assert 1 not in build_cache.missing(tiny)[0]


def test_wrong_answers_are_not_used(rtx: FakeTorchTensorRT, tiny: Recipe) -> None:
    rtx.wrong = 0.05
    with pytest.raises(InputError, match=r"is not used: its beliefs differ by 0\.05"):
        build(tiny)
    rtx.wrong = float("nan")
    with pytest.raises(InputError, match="is not used: its beliefs differ by inf"):
        build(tiny)
    assert build_cache.missing(tiny)[0] == [1, 2, 4]


def test_a_network_in_parts_is_not_used(rtx: FakeTorchTensorRT, tiny: Recipe) -> None:
    rtx.parts = 2
    with pytest.raises(InputError, match="in 2 parts"):
        build(tiny)


@pytest.mark.parametrize("fails_on", [".plan", ".json"])
def test_full_disk(rtx: FakeTorchTensorRT, tiny: Recipe, monkeypatch: pytest.MonkeyPatch, fails_on: str) -> None:
    real = build_cache.os.replace

    def replace(source: Path, target: Path) -> None:
        if str(target).endswith(fails_on):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(build_cache.os, "replace", replace)
    with pytest.raises(InputError, match=r"no room for a TensorRT engine .* free some disk space") as caught:
        build(tiny)
    one_line(caught)
    assert not [path for path in build_cache.folder().iterdir() if path.suffix in (".plan", ".json", ".part")]


def test_a_disk_that_is_full_before_the_engine_is_written(rtx: FakeTorchTensorRT, tiny: Recipe) -> None:
    """torch-tensorrt writes the timing of kernels there while it builds."""
    rtx.error = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(InputError, match=r"no room for a TensorRT engine in .*; free some disk space") as caught:
        build(tiny)
    one_line(caught)


def test_an_engine_that_does_not_load_is_removed(rtx: FakeTorchTensorRT, tiny: Recipe) -> None:
    wanted = build_cache.key(tiny, 1)
    build_cache.store(wanted, build_cache.Entry(b"not a plan", ("images",), ("out",), {}))
    with pytest.raises(InputError, match=r"does not load .Unable to deserialize.*; it was removed") as caught:
        open_engine(tiny, "tensorrt")
    one_line(caught)
    assert build_cache.find(wanted) == build_cache.Miss()


def test_the_process_tells_in_json_lines(rtx: FakeTorchTensorRT, tiny: Recipe) -> None:
    request = json.loads(json.dumps(request_for(tiny, [1, 2], build_cache.folder())))
    assert recipe_of(request).skeleton is tiny.skeleton
    out = io.StringIO()
    assert tensorrt_build.run(request, out) == 0
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["built"] for line in told if "built" in line] == [1, 2]
    assert told[0] == {"step": "loading torch-tensorrt, batch size 1", "done": 0, "of": 2}
    assert {"tracing the network, batch size 2", "checking the engine, batch size 2"} <= {
        line.get("step") for line in told
    }
    rtx.error = RuntimeError("no kernel")
    out = io.StringIO()
    assert tensorrt_build.run(request, out) == 1
    assert json.loads(out.getvalue().splitlines()[-1])["failed"].endswith("at once: no kernel")


def test_a_network_without_centre_map_has_one_input(rtx: FakeTorchTensorRT, tiny: Recipe) -> None:
    got: list[int] = []
    rtx.network = lambda *inputs: got.append(len(inputs)) or torch.zeros(len(inputs[0]), 3, 15, 16, 16)
    network = tensorrt._network(sys.modules["torch_tensorrt"], build_cache.Entry(b"plan", ("images",), ("o",), {}), "x")
    network(torch.zeros(1, 3, 128, 128), torch.zeros(1, 2))
    assert got == [1]
