"""Which engine runs, with how many threads; what the probe finds. Fakes stand for drivers and providers."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cpm_live.core.errors import InputError
from cpm_live.core.extras import install
from cpm_live.engines import build_cache, nvidia, probe, select
from cpm_live.engines.recipe import Recipe, find
from cpm_live.engines.select import open_engine
from cpm_live.training.augment import Augmentation
from tests.fakes import DotEngine

BODY = find("body")


class FakeDriver:
    """What libcuda answers on a machine with one GPU."""

    def __init__(self, devices: int = 1, status: int = 0) -> None:
        self.devices, self.status = devices, status

    def cuInit(self, flags: int) -> int:
        return self.status

    def cuDeviceGetCount(self, count: object) -> int:
        count._obj.value = self.devices  # type: ignore[attr-defined]
        return 0

    def cuDeviceGetName(self, name: ctypes.Array, length: int, device: int) -> int:
        name.value = b"NVIDIA GeForce RTX 4070"
        return 0

    def cuDeviceGetAttribute(self, value: object, attribute: int, device: int) -> int:
        value._obj.value = {75: 8, 76: 9}[attribute]  # type: ignore[attr-defined]
        return 0

    def cuDeviceTotalMem_v2(self, value: object, device: int) -> int:
        value._obj.value = 12282 << 20  # type: ignore[attr-defined]
        return 0

    def cuDriverGetVersion(self, value: object) -> int:
        value._obj.value = 13020  # type: ignore[attr-defined]
        return 0


def test_a_driver_is_asked() -> None:
    assert nvidia.ask(FakeDriver()) == nvidia.Gpu("NVIDIA GeForce RTX 4070", "8.9", 12282, "13.2")  # type: ignore[arg-type]
    assert nvidia.ask(FakeDriver(devices=0)) is None  # type: ignore[arg-type]
    assert nvidia.ask(FakeDriver(status=100)) is None, "no device"  # type: ignore[arg-type]


def test_a_card_without_a_driver_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "find_gpu", lambda: None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(nvidia, "on_the_bus", lambda: True)
    assert "no driver answers" in probe.cuda().what and "nvidia-driver" in probe.cuda().fix
    monkeypatch.setattr(nvidia, "on_the_bus", lambda: False)
    assert probe.cuda() == probe.Found("cuda", False, "no NVIDIA GPU with a driver was found")


def test_torch_missing_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "find_gpu", lambda: nvidia.Gpu("G", "8.9", 1, "13.0"))
    monkeypatch.setattr(probe, "installed", lambda name: False)
    assert probe.cuda().line == f"cuda: G found, but torch is not installed; {install('gpu')}"
    assert probe.tensorrt().fix == install("tensorrt")
    with pytest.raises(InputError, match="torch is not installed"):
        select.open_engine(BODY, "torch")


def test_every_engine_is_offered_once() -> None:
    assert [found.kind for found in probe.find_engines()] == [kind for kind in select.ENGINES if kind != "auto"]
    assert set(select.LABELS) == set(select.ENGINES)


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, alone, beside in ((1, 1, 1), (2, 2, 2), (3, 3, 2), (4, 4, 3), (16, 4, 4)):
        monkeypatch.setattr(select, "physical_cores", lambda cores=cores: cores)
        assert (select.default_threads(), select.default_threads(window=True)) == (alone, beside)
    asked: list[int] = []
    monkeypatch.setattr(select, "physical_cores", lambda: 4)
    monkeypatch.setattr(select, "open_engine", lambda recipe, kind, threads: asked.append(threads))
    select.open_for_window(BODY)
    select.open_for_window(BODY, "cpu", 2)
    assert asked == [3, 2], "--threads wins"


def test_two_threads_of_one_core_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    siblings = {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}
    monkeypatch.setattr(select.os, "sched_getaffinity", lambda pid: set(siblings), raising=False)
    monkeypatch.setattr(
        Path, "read_text", lambda self, *a, **k: siblings[int(self.parts[-3].removeprefix("cpu"))] + "\n"
    )
    assert select.physical_cores() == 2


class Provider(DotEngine):
    """An engine that answers as it is told to."""

    def __init__(self, kind: str, seconds: float, off: float = 0.0) -> None:
        super().__init__(seconds)
        self.kind, self.off = kind, off

    def infer(self, images: np.ndarray, centres: np.ndarray) -> np.ndarray:
        return super().infer(images, centres) + np.float32(self.off)


@pytest.fixture
def on_windows(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Provider]]:
    """As if ONNX Runtime had DirectML: what the CPU's and DirectML's engine are like."""

    def make(cpu: Provider, directml: Provider | Exception) -> dict[str, Provider]:
        def open_one(recipe: object, kind: str, threads: int) -> Provider:
            if kind == "cpu":
                return cpu
            if isinstance(directml, Exception):
                raise directml
            return directml

        monkeypatch.setattr(probe, "provider", lambda kind: probe.Found(kind, kind == "directml", "as if"))
        monkeypatch.setattr(probe, "cuda", lambda: probe.Found("cuda", False, "as if"))
        monkeypatch.setattr(select, "_open", open_one)
        return {"used": select._best(BODY, 1)}  # type: ignore[dict-item]

    return make


def test_a_faster_provider_is_used(on_windows: Callable[..., dict[str, Provider]]) -> None:
    cpu, other = Provider("cpu", 0.02), Provider("directml", 0.0)
    assert on_windows(cpu, other)["used"] is other and cpu.closed and not other.closed


@pytest.mark.parametrize(
    "other",
    [Provider("directml", 0.05), Provider("directml", 0.0, off=0.1), RuntimeError("DXGI_ERROR_DEVICE_REMOVED\nx")],
    ids=["slower", "wrong", "broken"],
)
def test_a_slower_wrong_or_broken_provider_is_not(
    on_windows: Callable[..., dict[str, Provider]], other: Provider | Exception
) -> None:
    cpu = Provider("cpu", 0.01)
    assert on_windows(cpu, other)["used"] is cpu and not cpu.closed
    assert isinstance(other, Exception) or other.closed


def test_the_provider_is_handed_to_onnx_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    from cpm_live.engines import onnx_cpu

    seen: list[object] = []
    real = onnx_cpu.ort.InferenceSession

    def session(path: str, options: object, providers: list[str], enable_fallback: int) -> object:
        seen.append(providers)
        made = real(path, options, providers=["CPUExecutionProvider"])
        if takes_it:
            made.get_providers = lambda: providers
        return made

    takes_it = True
    monkeypatch.setattr(onnx_cpu, "ort", SimpleNamespace(**{**vars(onnx_cpu.ort), "InferenceSession": session}))
    engine = onnx_cpu.CpuEngine.load(BODY, 1, "directml")
    assert seen == [["DmlExecutionProvider", "CPUExecutionProvider"]]
    assert (engine.describe().kind, engine.describe().precision) == ("directml", "fp16")
    engine.close()
    takes_it = False
    with pytest.raises(InputError, match="DmlExecutionProvider does not start: ONNX Runtime left the network to the"):
        onnx_cpu.CpuEngine.load(BODY, 1, "directml")


def test_a_provider_that_fails_is_not_the_networks_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    from cpm_live.engines import onnx_cpu

    def session(path: str, options: object, providers: list[str], enable_fallback: int) -> object:
        assert not enable_fallback, "it would print, and go on with the CPU"
        raise RuntimeError("no adapter\nlong")

    monkeypatch.setattr(onnx_cpu, "ort", SimpleNamespace(**{**vars(onnx_cpu.ort), "InferenceSession": session}))
    with pytest.raises(InputError, match=r"^DmlExecutionProvider does not start: no adapter; use --engine cpu$"):
        onnx_cpu.CpuEngine.load(BODY, 1, "directml")


def test_a_damaged_network_is_made_again_from_its_weights(
    tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "t.safetensors"
    weights.write_bytes(tiny.weights.read_bytes())
    weights.with_suffix(".onnx").write_bytes(b"cut off")
    recipe = replace(tiny, weights=weights)
    open_engine(recipe, "cpu", 1).close()
    monkeypatch.setattr("cpm_live.engines.exported.installed", lambda module: False)
    with pytest.raises(InputError, match=rf"make it again with cpm-live models export {weights}$"):
        open_engine(recipe, "cpu", 1)


def test_an_onnx_runtime_that_does_not_load_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "cpm_live.engines.onnx_cpu", raising=False)
    with pytest.raises(InputError, match=r"ONNX Runtime does not load: .*pip install --force-reinstall"):
        open_engine(BODY, "cpu", 1)
    monkeypatch.setattr(sys, "platform", "win32")
    found = probe.provider("directml")
    assert not found.ready and "does not load" in found.what and "--force-reinstall" in found.fix


def test_ctrl_c_while_onnx_runtime_loads_is_no_broken_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "cpm_live.engines.onnx_cpu":
                raise ImportError("initialization failed") from KeyboardInterrupt()

    monkeypatch.delitem(sys.modules, "cpm_live.engines.onnx_cpu", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    with pytest.raises(KeyboardInterrupt):
        open_engine(BODY, "cpu", 1)


def test_cores_where_there_is_no_affinity_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select.os, "sched_getaffinity")
    counted: dict[bool, int | None] = {False: 2, True: 4}
    monkeypatch.setitem(sys.modules, "psutil", SimpleNamespace(cpu_count=lambda logical: counted[logical]))
    assert select.physical_cores() == 2
    counted[False] = None
    monkeypatch.setattr(select.os, "cpu_count", lambda: 8)
    assert select.physical_cores() == 8


def test_true_boxes_are_measured_with_the_margin_of_the_training() -> None:
    body = find("body")
    assert body.training_margin == sum(body.train["augment"]["zoom"]) / 2 != body.margin
    # What training evaluates with where the recipe does not say.
    assert replace(body, train={}).training_margin == pytest.approx(sum(Augmentation().zoom) / 2)


def test_without_a_cache_folder_cuda_runs_and_nothing_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    def unusable() -> Path:
        raise InputError("the cache folder cannot be made")

    for name in ("cuda", "tensorrt"):
        monkeypatch.setattr(probe, name, lambda name=name: probe.Found(name, True, ""))
    monkeypatch.setattr(build_cache, "key", lambda recipe, batch: {})
    monkeypatch.setattr(build_cache, "cache_dir", unusable)
    wanted = select.plan(find("body"), "auto")
    assert (wanted.quick, wanted.best, wanted.build) == ("cpu", ("cuda",), False)
    assert "cache folder" in wanted.note


def test_the_window_starts_on_the_cpu_where_another_accelerator_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "cuda", lambda: probe.Found("cuda", False, "no GPU"))
    assert select.plan(BODY, "auto") == select.Plan(best=("auto",))
    monkeypatch.setattr(probe, "provider", lambda kind: probe.Found(kind, kind == "coreml", "as if"))
    assert select.plan(BODY, "auto") == select.Plan("cpu", ("auto",))
    assert select.plan(BODY, "cpu") == select.Plan(best=("cpu",))


def test_a_damaged_engine_is_told_without_a_window_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = select.Plan(
        "cpu", ("auto",), True, "the cached TensorRT engine is damaged and was removed" + select._AGAIN
    )
    monkeypatch.setattr(select, "plan", lambda recipe, kind: damaged)
    select.open_engine(BODY, "auto", 1).close()
    assert "is damaged and was removed" in caplog.text and "building it again" not in caplog.text
