"""A tiny model, and a machine that looks as if it had an NVIDIA GPU with torch-tensorrt."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cpm_live.core.skeleton import BODY
from cpm_live.engines import build_cache, cuda, nvidia, probe, tensorrt, tensorrt_build
from cpm_live.engines.export import export
from cpm_live.engines.recipe import Recipe
from cpm_live.network import checkpoint
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS

GPU = nvidia.Gpu("NVIDIA Fake 4090", "8.9", 24000, "13.0")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """A network with random weights, exported."""
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    machine = build(PRESETS["tiny"])
    weights = folder / "tiny.safetensors"
    checkpoint.save(weights, machine.state_dict(), checkpoint.Header(machine.preset, "body"))
    export(weights, weights.with_suffix(".onnx"))
    return Recipe("tiny", BODY, "tiny", weights)


class FakeEngineModule(torch.nn.Module):
    """What torch-tensorrt's module is to us: bytes, names, and an answer."""

    answer: Callable[..., torch.Tensor]

    def __init__(
        self,
        serialized_engine: bytes | None = None,
        input_binding_names: list[str] | None = None,
        output_binding_names: list[str] | None = None,
        *,
        name: str = "",
    ) -> None:
        super().__init__()
        if serialized_engine is not None and not serialized_engine.startswith(b"plan"):
            raise RuntimeError("Unable to deserialize the TensorRT engine\nmore")
        self.serialized_engine = serialized_engine
        self.input_binding_names = input_binding_names or []
        self.output_binding_names = output_binding_names or []

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return FAKE.network(*inputs)


class FakeTorchTensorRT:
    """Stands where torch-tensorrt would: only its part of our control flow, nothing of TensorRT."""

    def __init__(self) -> None:
        self.network: Callable[..., torch.Tensor] = lambda *inputs: inputs[0]
        self.compiled: list[dict[str, object]] = []
        self._by_batch: dict[int, Callable[..., torch.Tensor]] = {}
        self.error: Exception | None = None
        self.wrong = 0.0
        self.parts = 1

    def compile(self, program: torch.export.ExportedProgram, **options: object) -> torch.nn.Module:
        self.compiled.append(options)
        if self.error is not None:
            raise self.error
        inner, fake = program.module(), self

        class Compiled(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                for part in range(fake.parts):
                    setattr(self, f"part{part}", FakeEngineModule(b"plan" * 9, ["images", "centres"], ["output0"]))

            def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
                return inner(*inputs) + fake.wrong

        images, _ = options["arg_inputs"]  # type: ignore[misc]
        self._by_batch[len(images)] = inner
        self.network = lambda *inputs: self._by_batch[len(inputs[0])](*inputs)
        return Compiled()

    def module(self) -> types.ModuleType:
        made = types.ModuleType("torch_tensorrt")
        made.dynamo = types.SimpleNamespace(compile=self.compile)  # type: ignore[attr-defined]
        made.runtime = types.SimpleNamespace(TorchTensorRTModule=FakeEngineModule)  # type: ignore[attr-defined]
        return made


FAKE = FakeTorchTensorRT()


@pytest.fixture
def rtx(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeTorchTensorRT:
    """As if there were a GPU, torch with CUDA, torch-tensorrt 2.13 and TensorRT; the cache is the test's own."""
    FAKE.__init__()  # type: ignore[misc]
    versions = {"torch": "2.13.0+cu130", "torch-tensorrt": "2.13.0", "tensorrt": "11.0.0.1"}
    monkeypatch.setattr(nvidia, "find_gpu", lambda: GPU)
    monkeypatch.setattr(probe, "version", lambda name: versions.get(name, ""))
    monkeypatch.setattr(probe, "installed", lambda name: True)
    monkeypatch.setattr(build_cache, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setitem(sys.modules, "torch_tensorrt", FAKE.module())
    for module in (tensorrt, tensorrt_build):
        monkeypatch.setattr(module, "require_cuda", lambda: None)
        monkeypatch.setattr(module, "DEVICE", "cpu")
    monkeypatch.setattr(cuda, "require_cuda", lambda: None)
    # Graphs are CUDA's.
    monkeypatch.setattr(tensorrt, "Graphed", lambda network, batch, size, dtype: network)
    return FAKE
