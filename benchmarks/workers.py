"""How many crops a second reach a trainer that is busy itself: worker processes and their way back, without making any.

    python benchmarks/workers.py [--workers 2] [--batch 128] [--side 192]

The maker answers at once, so what is left is the transport; "busy" asks torch for small operations meanwhile, as a
trainer does that keeps a GPU fed.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from cpm_live.training.examples import Batch, Job
from cpm_live.training.workers import Workers

SECONDS = 4.0


class Ready:
    """A maker that has everything."""

    def __init__(self, batch: int, side: int) -> None:
        rest = np.zeros((batch, 14, 3), np.float32)
        self._batch = Batch(
            np.zeros((batch, 3, side, side), np.uint8), rest, rest[:, 0, :2], rest[:, 0, 0], np.zeros(batch, np.int64)
        )

    def make(self, jobs: list[Job], size: int) -> Batch:
        """The same batch, whatever is asked for."""
        return self._batch


def main() -> None:
    """Print a line for an idle and for a busy trainer, twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--side", type=int, default=192)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    ahead, jobs = 2 * asked.workers, [(0, 0)] * asked.batch
    workers = Workers(Ready(asked.batch, asked.side), asked.workers, asked.batch * 3 * asked.side**2, ahead)
    workers.take(workers.submit(jobs, asked.side))
    small = torch.zeros(8)
    for busy in (False, True, False, True):
        pending = [workers.submit(jobs, asked.side) for _ in range(ahead)]
        taken, started = 0, time.perf_counter()
        while (took := time.perf_counter() - started) < SECONDS:
            if busy:
                for _ in range(200):
                    small = small + 0.0
                if not pending[0].future.done():
                    continue
            workers.take(pending.pop(0))
            pending.append(workers.submit(jobs, asked.side))
            taken += 1
        print(f"{'busy' if busy else 'idle'}: {asked.batch * taken / took:.0f} crops of {asked.side} px a second")
        for each in pending:
            workers.take(each)
    workers.close()


if __name__ == "__main__":
    main()
