"""How near the CUDA engine comes to what the GPU can do: each network's FLOPs over the measured matrix rate.

    python benchmarks/roofline.py [--presets lite vgg] [--batches 1 4]

Needs an NVIDIA GPU. Networks have random weights: speed does not depend on them. Eager torch computes float32
convolutions in TF32, as it does by default.
"""

from __future__ import annotations

import argparse
import sys

import torch
from torch.utils.flop_counter import FlopCounterMode

from cpm_live.engines import probe
from cpm_live.engines.cuda import Graphed, halved
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS


def milliseconds(work: object, rounds: int = 100) -> float:
    """Median time of one run on the GPU."""
    times = []
    for _ in range(rounds):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()  # type: ignore[operator]
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return sorted(times)[len(times) // 2]


def matrix_rate(side: int = 8192) -> float:
    """Measured fp16 FLOPs per second of a large matrix product."""
    a, b = (torch.randn(side, side, device="cuda", dtype=torch.float16) for _ in range(2))
    for _ in range(5):
        a @ b
    return 2 * side**3 / (milliseconds(lambda: a @ b, 20) / 1e3)


def flops(preset: str, batch: int) -> int:
    """Of one forward pass, counted by torch."""
    machine, size = build(PRESETS[preset]).eval(), PRESETS[preset].size
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        machine(torch.zeros(batch, 3, size, size), torch.full((batch, 2), size / 2))
    return counter.get_total_flops()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", default=["lite", "vgg"], choices=sorted(PRESETS))
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 4])
    asked = parser.parse_args()
    if not (found := probe.cuda()).ready:
        sys.exit(f"roofline: {found.line}")
    # The engine has it on. (CPM-VGG at batch 4 without it: 28 ms instead of 4.)
    torch.backends.cudnn.benchmark = True
    rate = matrix_rate()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}")
    print(f"measured fp16 matrix rate: {rate / 1e12:.0f} TFLOP/s")
    print(f"{'preset':12}{'batch':>6}{'GFLOP':>9}{'roof ms':>9}{'eager tf32':>12}{'graph fp16':>12}{'of roof':>9}")
    for name in asked.presets:
        size = PRESETS[name].size
        for batch in asked.batches:
            work = flops(name, batch)
            images = torch.randint(0, 255, (batch, 3, size, size), device="cuda", dtype=torch.uint8)
            centres = torch.full((batch, 2), (size - 1) / 2, device="cuda")
            with torch.inference_mode():
                plain = build(PRESETS[name]).eval().cuda()
                for _ in range(5):
                    plain(images, centres)
                eager = milliseconds(lambda: plain(images, centres))  # noqa: B023 - called at once
                half = halved(plain).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
                graph, pictures = Graphed(half, batch, size, torch.float16), images.half()
                fast = milliseconds(lambda: graph(pictures, centres))  # noqa: B023 - called at once
            roof = work / rate * 1e3
            print(f"{name:12}{batch:6}{work / 1e9:9.1f}{roof:9.3f}{eager:12.2f}{fast:12.3f}{100 * roof / fast:8.0f}%")


if __name__ == "__main__":
    main()
