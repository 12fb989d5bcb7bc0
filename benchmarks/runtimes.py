"""The CPU engine (ONNX Runtime) against OpenVINO in float32 and, where the processor has it, bfloat16.

    python benchmarks/runtimes.py [ROUNDS]

All take turns, with one and with two threads. What a run takes of the processors is shown beside the time: threads
that wait in a loop for work are quick, and take it from whoever else wants the core.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from statistics import median

from cpm_live.engines import verify
from cpm_live.engines.base import Engine
from cpm_live.engines.onnx_cpu import CpuEngine
from cpm_live.engines.openvino_cpu import OpenVinoEngine, computes_in_bf16
from cpm_live.engines.recipe import FINDER, find

TURN = 8
REST_S = 0.02


def main() -> None:
    """Print a table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print(f"{'model':8}{'threads':>8}{'people':>8}  median ms / processor ms")
    for model in ("body", "hand", FINDER):
        for threads in (1, 2):
            recipe = find(model)
            engines: dict[str, Engine] = {
                "ONNX Runtime": CpuEngine.load(recipe, threads),
                "OpenVINO fp32": OpenVinoEngine.load(recipe, threads, exact=True),
            }
            if computes_in_bf16():
                engines["OpenVINO bf16"] = OpenVinoEngine.load(recipe, threads)
            for people in (1,) if model == FINDER else (1, 4):
                print(f"{model:8}{threads:8}{people:8}  {_timed(engines, people, rounds)}")
            for engine in engines.values():
                engine.close()


def _timed(engines: dict[str, Engine], people: int, rounds: int) -> str:
    took: dict[str, list[float]] = defaultdict(list)
    burnt: dict[str, float] = defaultdict(float)
    for _ in range(rounds):
        for name, engine in engines.items():
            given = verify.pictures(people, engine.preset)
            engine.infer(*given)
            time.sleep(REST_S)
            before = time.process_time()
            for _ in range(TURN):
                started = time.perf_counter()
                engine.infer(*given)
                took[name].append((time.perf_counter() - started) * 1e3)
            burnt[name] += (time.process_time() - before) * 1e3
    return ", ".join(f"{name} {median(took[name]):.2f} / {burnt[name] / rounds / TURN:.2f}" for name in engines)


if __name__ == "__main__":
    main()
