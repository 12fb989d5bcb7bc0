"""The CPU engine: ONNX Runtime on the exported network; also the road to DirectML and CoreML.

Measured with benchmarks/onnx_options.py: ONNX Runtime's full graph optimisation is worth a factor of 3 to 4,
its memory arena, memory pattern and fixed shapes are not worth anything on these networks, and keeping the
optimised graph in the cache would save 30 ms of the start, too little for a cache that can go stale.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from cpm_live.core.errors import InputError, first_line
from cpm_live.engines.base import EngineInfo, processor
from cpm_live.engines.exported import Network, Unreadable, given, open_network
from cpm_live.engines.look import OnCpu
from cpm_live.engines.probe import PROVIDERS
from cpm_live.engines.recipe import Recipe
from cpm_live.network.presets import Preset


class CpuEngine(OnCpu):
    """Runs ``<weights>.onnx`` (made by ``cpm-live models export``)."""

    def __init__(self, session: ort.InferenceSession, preset: Preset, threads: int, kind: str = "cpu") -> None:
        self._session: ort.InferenceSession | None = session
        self.preset, self._threads, self._kind = preset, threads, kind

    @classmethod
    def load(cls, recipe: Recipe, threads: int, kind: str = "cpu") -> CpuEngine:
        """Load the recipe's exported network, exporting its checkpoint into the cache if there is none or an old one.

        Args:
            kind: ``cpu``, ``directml`` or ``coreml``: through which of ONNX Runtime's providers.

        Raises:
            InputError: no such file, not an exported network of ours, or torch is needed and missing.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Spinning threads would take the core that paints the window.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        if kind != "cpu":
            providers.insert(0, PROVIDERS[kind])
        if kind == "directml":
            # DirectML asks for both.
            options.enable_mem_pattern = False
            options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        network = open_network(recipe, lambda path: _read(path, options, providers))
        return cls(network.runs, network.preset, threads, kind)

    def infer(self, images: NDArray[np.uint8], centres: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :meth:`Engine.infer`."""
        if self._session is None:
            raise RuntimeError("the engine is closed")
        beliefs: NDArray[np.float32] = self._session.run(["beliefs"], given(self.preset, images, centres))[0]
        return beliefs

    def describe(self) -> EngineInfo:
        """See :meth:`Engine.describe`."""
        name = {"cpu": "CPU", "directml": "DirectML", "coreml": "CoreML"}[self._kind]
        # Providers may compute in half precision as they like.
        precision = "fp32" if self._kind == "cpu" else "fp16"
        label = f"{name} (ONNX Runtime {ort.__version__})"
        return EngineInfo(self._kind, label, processor(), precision, self._threads)

    def close(self) -> None:
        """Drop the session; a second time does nothing."""
        self._session = None


def _read(path: Path, options: ort.SessionOptions, providers: list[str]) -> Network[ort.InferenceSession]:
    try:
        # Falling back prints, and opens the CPU under another provider's name.
        session = ort.InferenceSession(str(path), options, providers=providers, enable_fallback=0)
        network = Network.told_by(session, dict(session.get_modelmeta().custom_metadata_map))
    except Exception as error:  # noqa: BLE001 - ONNX Runtime raises many unrelated types
        if providers[0] != "CPUExecutionProvider":
            raise InputError(f"{providers[0]} does not start: {first_line(error)}; use --engine cpu") from None
        raise Unreadable(path, first_line(error)) from None
    session.disable_fallback()
    if providers[0] not in session.get_providers():
        raise InputError(f"{providers[0]} does not start: ONNX Runtime left the network to the CPU; use --engine cpu")
    return network
