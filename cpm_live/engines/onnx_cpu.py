"""The CPU engine: ONNX Runtime on the exported network."""

from __future__ import annotations

import json
import platform

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from cpm_live.core.errors import InputError, first_line
from cpm_live.engines.base import EngineInfo, run_empty
from cpm_live.engines.recipe import Recipe
from cpm_live.network.presets import Preset


class CpuEngine:
    """Runs ``<weights>.onnx`` (made by ``cpm-live models export``)."""

    def __init__(self, session: ort.InferenceSession, preset: Preset, threads: int) -> None:
        self._session, self.preset, self._threads = session, preset, threads

    @classmethod
    def load(cls, recipe: Recipe, threads: int) -> CpuEngine:
        """Load the recipe's exported network, exporting its checkpoint into the cache if there is none.

        Raises:
            InputError: no such file, not an exported network of ours, or torch is needed and missing.
        """
        path = recipe.onnx
        if not path.is_file():
            from cpm_live.engines.export_cache import exported

            path = exported(recipe.weights)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Spinning threads would take the core that paints the window.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            metadata = session.get_modelmeta().custom_metadata_map
            preset = Preset.from_dict(json.loads(metadata["preset"]))
        except Exception as error:  # noqa: BLE001 - ONNX Runtime raises many unrelated types
            raise InputError(
                f"cannot read network {path}: {first_line(error)}; make it again with cpm-live models export"
            ) from None
        return cls(session, preset, threads)

    def infer(self, images: NDArray[np.uint8], centres: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :meth:`Engine.infer`."""
        inputs: dict[str, NDArray[np.generic]] = {"images": images}
        if self.preset.centre_map:
            inputs["centres"] = centres
        beliefs: NDArray[np.float32] = self._session.run(["beliefs"], inputs)[0]
        return beliefs

    def warm_up(self) -> None:
        """See :meth:`Engine.warm_up`."""
        run_empty(self)

    def describe(self) -> EngineInfo:
        """See :meth:`Engine.describe`."""
        return EngineInfo(
            "cpu",
            f"CPU (ONNX Runtime {ort.__version__})",
            platform.processor() or platform.machine(),
            "fp32",
            self._threads,
        )

    def close(self) -> None:
        """Drop the session."""
        del self._session
