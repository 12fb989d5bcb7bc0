"""Is int8 worth it? Static quantisation with real calibration pictures, its speed and its PCK.

    python benchmarks/quantise.py DATA [MODEL] [--images N]

The bar: PCK falls by less than a point and time falls by a third. Needs the train extra and the training
data; nothing that it makes is kept.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from cpm_live.core.crop import Crop
from cpm_live.engines import recipe as recipes
from cpm_live.engines.look import middles
from cpm_live.engines.onnx_cpu import CpuEngine
from cpm_live.engines.recipe import Recipe
from cpm_live.engines.select import default_threads
from cpm_live.evaluation.evaluate import labelled_box, measure
from cpm_live.network.presets import Preset
from cpm_live.training import dataset
from cpm_live.training.dataset import Sample

Given = dict[str, np.ndarray]


class Pictures(CalibrationDataReader):  # type: ignore[misc]
    """Crops of training pictures, as the pipeline would make them."""

    def __init__(self, samples: list[Sample], recipe: Recipe, preset: Preset) -> None:
        self._given = self._make(samples, recipe, preset)

    @staticmethod
    def _make(samples: list[Sample], recipe: Recipe, preset: Preset) -> Iterator[Given]:
        for sample in samples:
            crop = Crop.around(labelled_box(sample), preset.size, preset.stride, recipe.training_margin)
            picture = np.ascontiguousarray(crop.extract(sample.image()).transpose(2, 0, 1))[None]
            yield {"images": picture, "centres": middles(1, preset.size)}

    def get_next(self) -> Given | None:
        """The next one, None at the end."""
        return next(self._given, None)


def widened(path: Path, out: Path) -> None:
    """The network with its weights in fp32 where they belong: the quantiser does not look through casts."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(out)
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def engine_of(path: Path, preset: Preset) -> CpuEngine:
    """The CPU engine on another file."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = default_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return CpuEngine(ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]), preset, 1)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("model", nargs="?", default="body")
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--calibrate", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=60)
    asked = parser.parse_args()
    recipe = recipes.find(asked.model)
    rng = np.random.default_rng(0)

    def some(split: str, count: int) -> list[Sample]:
        samples = dataset.load(asked.data, recipe.skeleton, split)
        return [samples[i] for i in rng.permutation(len(samples))[:count]]

    # Calibrated on training pictures, measured on others.
    to_calibrate, to_measure = some("train", asked.calibrate), some("val", asked.images)
    preset = Preset.from_dict(json.loads(onnx_metadata(recipe.onnx)["preset"]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain, ready = folder / "plain.onnx", folder / "ready.onnx"
        widened(recipe.onnx, plain)
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
        engines = {"fp32": CpuEngine.load(recipe, default_threads())}
        # The last convolution of each stage believes; the first sees pixels: both are better left alone.
        graph = onnx.load(str(ready)).graph
        convolutions = [node for node in graph.node if node.op_type == "Conv"]
        maps = preset.maps
        shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
        spared = [node.name for node in convolutions if shapes.get(node.input[1], [0])[0] == maps]
        variants = {"int8, all": [], "int8, maps and first layer fp32": [*spared, convolutions[0].name]}
        for label, excluded in variants.items():
            out = folder / f"{len(engines)}.onnx"
            quantize_static(
                str(ready), str(out), Pictures(to_calibrate, recipe, preset), quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv"], per_channel=True, activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8, nodes_to_exclude=excluded,
                extra_options={"WeightSymmetric": True, "ActivationSymmetric": False},
            )  # fmt: skip
            engines[label] = engine_of(out, preset)
        times: dict[str, list[float]] = {label: [] for label in engines}
        picture, centre = Pictures._make(to_measure[:1], recipe, preset).__next__().values()
        for _ in range(asked.rounds):
            for label, engine in engines.items():
                started = time.perf_counter()
                engine.infer(picture, centre)
                times[label].append((time.perf_counter() - started) * 1e3)
        print(f"{recipe.name}: {asked.images} validation pictures, calibrated on {asked.calibrate} training pictures")
        print(f"ONNX Runtime {ort.__version__}, {default_threads()} threads, {processor()}")
        print(f"{'':34}{'ms':>8}{'p95':>8}{'PCK@0.1':>9}{'PCK@0.2':>9}")
        for label, engine in engines.items():
            errors = measure(
                engine.infer, to_measure, recipe.skeleton, preset.size, preset.stride, recipe.training_margin, batch=8
            )
            p50, p95 = np.percentile(times[label], (50, 95))
            print(f"{label:34}{p50:8.2f}{p95:8.2f}{100 * errors.pck(0.1):9.1f}{100 * errors.pck(0.2):9.1f}")


def onnx_metadata(path: Path) -> dict[str, str]:
    """What an exported network says about itself."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return dict(session.get_modelmeta().custom_metadata_map)


def processor() -> str:
    """Its vector instructions decide what int8 is worth."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return "instructions unknown"
    return ", ".join(flag for flag in ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8") if flag in flags)


if __name__ == "__main__":
    main()
