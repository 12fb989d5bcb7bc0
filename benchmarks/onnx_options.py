"""What the CPU engine's options are worth: threads, spinning, optimisation level and its cache, shapes, arena.

    python benchmarks/onnx_options.py [MODEL] [ROUNDS]

All variants take turns within one run, so a busy machine slows them alike.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from cpm_live.engines import recipe as recipes
from cpm_live.engines.select import physical_cores


def session(path: Path, threads: int, **options: Any) -> tuple[ort.InferenceSession, float]:
    """A session and how long it took to make, in milliseconds."""
    chosen = ort.SessionOptions()
    chosen.intra_op_num_threads, chosen.inter_op_num_threads = threads, 1
    chosen.log_severity_level = 3
    chosen.add_session_config_entry("session.intra_op.allow_spinning", str(options.pop("spinning", 0)))
    if fixed := options.pop("fixed", 0):
        chosen.add_free_dimension_override_by_name("n", fixed)
    for name, value in options.items():
        setattr(chosen, name, value)
    started = time.perf_counter()
    made = ort.InferenceSession(str(path), chosen, providers=["CPUExecutionProvider"])
    return made, (time.perf_counter() - started) * 1e3


def main() -> None:
    """Print a table."""
    model = sys.argv[1] if len(sys.argv) > 1 else "body"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    path = recipes.find(model).onnx
    cores = physical_cores()
    level = ort.GraphOptimizationLevel
    with tempfile.TemporaryDirectory() as folder:
        cached = Path(folder) / "optimised.onnx"
        session(path, cores, optimized_model_filepath=str(cached))
        variants: dict[str, tuple[Path, int, dict[str, Any]]] = {
            f"{cores} threads (as the engine)": (path, cores, {}),
            f"{max(1, cores - 1)} threads": (path, max(1, cores - 1), {}),
            "batch fixed to 1": (path, cores, {"fixed": 1}),
            "no memory arena": (path, cores, {"enable_cpu_mem_arena": False}),
            "no memory pattern": (path, cores, {"enable_mem_pattern": False}),
            "optimisation: extended": (path, cores, {"graph_optimization_level": level.ORT_ENABLE_EXTENDED}),
            "optimisation: basic": (path, cores, {"graph_optimization_level": level.ORT_ENABLE_BASIC}),
            "optimised graph from the cache": (cached, cores, {"graph_optimization_level": level.ORT_DISABLE_ALL}),
        }
        sessions, starts = {}, {name: [] for name in variants}
        for _ in range(5):
            for name, (file, threads, options) in variants.items():
                sessions[name], took = session(file, threads, **options)
                starts[name].append(took)
        size = sessions[next(iter(variants))].get_inputs()[0].shape[-1]
        inputs = {
            "images": np.random.default_rng(0).integers(0, 255, (1, 3, size, size), dtype=np.uint8),
            "centres": np.full((1, 2), (size - 1) / 2, np.float32),
        }
        times: dict[str, list[float]] = {name: [] for name in variants}

        def run(name: str) -> None:
            made = sessions[name]
            given = {one.name: inputs[one.name] for one in made.get_inputs()}
            started = time.perf_counter()
            made.run(["beliefs"], given)
            times[name].append((time.perf_counter() - started) * 1e3)

        for _ in range(rounds):
            for name in variants:
                run(name)
        # By itself: threads that spin would take the cores from whoever runs next.
        spinning = f"{cores} threads, spinning (alone)"
        made = [session(path, cores, spinning=1) for _ in range(3)]
        sessions[spinning], times[spinning], starts[spinning] = made[-1][0], [], [took for _, took in made]
        for _ in range(rounds):
            run(spinning)
    print(f"{model}, ONNX Runtime {ort.__version__}, {cores} cores, {rounds} rounds; medians in ms")
    print(f"{'':34}{'run':>8}{'p95':>8}{'load':>8}")
    for name, values in times.items():
        p50, p95 = np.percentile(values, (50, 95))
        print(f"{name:34}{p50:8.2f}{p95:8.2f}{np.median(starts[name]):8.1f}")


if __name__ == "__main__":
    main()
