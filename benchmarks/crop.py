"""Ways from a frame to the network's uint8 batch (1, 3, size, size): which one the CPU engines use, and why.

python benchmarks/crop.py [WIDTHxHEIGHT] [ROUNDS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import cv2
import numpy as np

from cpm_live.core.crop import Crop
from cpm_live.core.decode import decode
from cpm_live.engines.look import crop_batch
from cpm_live.network.presets import PRESETS

SIZE = PRESETS["lite"].size


def main() -> None:
    """Print a table of medians in microseconds; all ways take turns."""
    width, height = (int(part) for part in (sys.argv[1] if len(sys.argv) > 1 else "640x480").split("x"))
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 400
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
    crop = Crop.around((width * 0.3, height * 0.2, height * 0.3, height * 0.5), SIZE, 8, 1.4)
    batch = np.empty((1, 3, SIZE, SIZE), np.uint8)
    maps = rng.random((1, 4, 15, SIZE // 8, SIZE // 8)).astype(np.float32)

    def transposed() -> object:
        return np.ascontiguousarray(crop.extract(frame).transpose(2, 0, 1))[None]

    def assigned() -> object:
        batch[0] = crop.extract(frame).transpose(2, 0, 1)
        return batch

    def channel_by_channel() -> object:
        matrix = crop.matrix()
        for channel in range(3):
            cv2.warpAffine(np.ascontiguousarray(frame[..., channel]), matrix, (SIZE, SIZE), batch[0, channel],
                           cv2.INTER_LINEAR, cv2.BORDER_CONSTANT, 128)  # fmt: skip
        return batch

    ways: dict[str, Callable[[], object]] = {
        "crop, cv2.split into the batch (used)": lambda: crop_batch(frame, [crop], SIZE),
        "crop, assign transposed": assigned,
        "crop, transpose, copy": transposed,
        "crop, cv2.dnn.blobFromImage uint8": lambda: cv2.dnn.blobFromImage(crop.extract(frame), ddepth=cv2.CV_8U),
        "crop, cv2.dnn.blobFromImage float": lambda: cv2.dnn.blobFromImage(crop.extract(frame), 1 / 128),
        "warp channel by channel": channel_by_channel,
        "the crop alone": lambda: crop.extract(frame),
        "decode 4 stages of 14 joints": lambda: decode(maps[:, :, :14]),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            times[name].append((time.perf_counter() - started) * 1e6)
    print(f"{width}x{height}, OpenCV {cv2.__version__}, medians of {rounds} in microseconds")
    for name, values in times.items():
        print(f"{name:40}{np.median(values):8.0f}")


if __name__ == "__main__":
    main()
