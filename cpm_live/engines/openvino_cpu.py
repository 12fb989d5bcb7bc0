"""OpenVINO on the exported network: for processors of Intel's and AMD's that compute in bfloat16.

Measured beside ONNX Runtime with benchmarks/runtimes.py: with bfloat16 it takes half the time; in float32 it is as
quick on one thread, and on two only while nobody else wants the second core. What bfloat16 costs is in
docs/measurements.md: two tenths of a point of PCK.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from cpm_live.core.errors import InputError, first_line
from cpm_live.engines.base import EngineInfo, processor
from cpm_live.engines.exported import Network, Unreadable, given, open_network
from cpm_live.engines.look import OnCpu
from cpm_live.engines.probe import version
from cpm_live.engines.recipe import Recipe
from cpm_live.network.presets import Preset

_DEVICE = "CPU"


class OpenVinoEngine(OnCpu):
    """Runs ``<weights>.onnx`` (made by ``cpm-live models export``)."""

    def __init__(self, network: ov.CompiledModel, preset: Preset, threads: int, precision: str) -> None:
        self._request: ov.InferRequest | None = network.create_infer_request()
        self.preset, self._threads, self._precision = preset, threads, precision

    @classmethod
    def load(cls, recipe: Recipe, threads: int, exact: bool = False) -> OpenVinoEngine:
        """Load the recipe's exported network, exporting its checkpoint into the cache if there is none or an old one.

        Args:
            exact: compute in float32 also where bfloat16 is to be had.

        Raises:
            InputError: no such file, not an exported network of ours, or torch is needed and missing.
        """
        core = ov.Core()
        network = open_network(recipe, lambda path: _read(core, path))
        precision = "bf16" if computes_in_bf16(core) and not exact else "fp32"
        # One picture at a time. Pinned threads would wait for whoever is on their core already.
        wishes = {
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False, "INFERENCE_PRECISION_HINT": {"bf16": "bf16", "fp32": "f32"}[precision],
        }  # fmt: skip
        try:
            compiled = core.compile_model(network.runs, _DEVICE, wishes)
        except RuntimeError as error:
            raise InputError(f"OpenVINO does not run {recipe.name}: {first_line(error)}; use --engine cpu") from None
        return cls(compiled, network.preset, threads, precision)

    def infer(self, images: NDArray[np.uint8], centres: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :meth:`Engine.infer`."""
        if self._request is None:
            raise RuntimeError("the engine is closed")
        # The answer is copied: the next inference writes over it.
        beliefs: NDArray[np.float32] = self._request.infer(given(self.preset, images, centres), share_inputs=True)[0]
        return beliefs

    def describe(self) -> EngineInfo:
        """See :meth:`Engine.describe`."""
        label = f"OpenVINO {version('openvino')} (CPU, {self._precision})"
        return EngineInfo("openvino", label, processor(), self._precision, self._threads)

    def close(self) -> None:
        """Drop the network; a second time does nothing."""
        self._request = None


def computes_in_bf16(core: ov.Core | None = None) -> bool:
    """Whether this processor has instructions for bfloat16: only then is OpenVINO the quicker one."""
    return "BF16" in (core or ov.Core()).get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES")


def _read(core: ov.Core, path: Path) -> Network[ov.Model]:
    try:
        model = core.read_model(path)
        names = model.get_rt_info("framework").value if model.has_rt_info("framework") else ()
        return Network.told_by(model, {name: model.get_rt_info(["framework", name]).value for name in names})
    except Exception as error:  # noqa: BLE001 - OpenVINO raises RuntimeError, and others where it finds no metadata
        raise Unreadable(path, first_line(error)) from None
