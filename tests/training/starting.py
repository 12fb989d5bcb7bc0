"""A trainer that hears Ctrl-C while its worker is only starting, as a process of its own.

Signals that a test sends to its own process reach whatever else the tests before have loaded there: twice such a
process was gone without a word, in the middle of the suite.
"""

from __future__ import annotations

import os
import signal
from typing import Any

from cpm_live.core.skeleton import BODY
from cpm_live.training.examples import Batch, ExampleMaker, Job
from cpm_live.training.workers import Workers
from tests.training.common import figures, plan_of


class Interrupted(ExampleMaker):
    """Ctrl-C and SIGTERM reach the process that it is being copied into, which has only just been started."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), number)
        self.__dict__.update(state)


def main() -> None:
    """Print what was heard, and the shape of the batch that was made all the same."""
    heard: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    workers: Workers[Job, Batch] = Workers(Interrupted(figures(2), [0, 1], BODY, plan_of()), 1, 3 * 64 * 64, 1)
    try:
        pending = workers.submit([(0, 1)], 64)
        os.kill(os.getpid(), signal.SIGINT)
        print([int(number) for number in heard], workers.take(pending).images.shape)
    finally:
        workers.close()


if __name__ == "__main__":
    main()
