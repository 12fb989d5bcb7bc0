"""Several processes training one network: what ``torchrun`` starts. Rank 0 decides, evaluates and writes."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

PATIENCE = timedelta(hours=6)
"""The others wait so long while rank 0 evaluates (torch's ten minutes are too few for a large validation split on a
CPU). Where one of them dies, torchrun ends the others."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """Which of how many processes this is.

    Attributes:
        rank: 0 decides, evaluates and writes.
        count: of processes.
        local: number among those on this machine: which GPU is its own.
    """

    rank: int = 0
    count: int = 1
    local: int = 0

    @classmethod
    def from_environment(cls) -> Ranks:
        """As ``torchrun`` says in the environment; alone without it."""
        if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
            return cls()
        return cls(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), int(os.environ.get("LOCAL_RANK", 0)))

    @property
    def leads(self) -> bool:
        """Whether this process decides, evaluates and writes."""
        return self.rank == 0

    def begin(self, kind: str) -> None:
        """Meet the others; returns when all are there.

        Args:
            kind: ``cuda`` (they talk through NCCL) or ``cpu`` (Gloo).
        """
        if self.count > 1:
            if kind == "cuda":
                torch.cuda.set_device(self.local)
            dist.init_process_group(
                "nccl" if kind == "cuda" else "gloo", timeout=PATIENCE, rank=self.rank, world_size=self.count
            )

    def meet(self) -> None:
        """Wait until all have come this far: whoever leaves while another still talks takes it down."""
        if self.count > 1:
            dist.barrier()

    def end(self) -> None:
        """Part from the others."""
        if self.count > 1 and dist.is_initialized():
            dist.destroy_process_group()

    def leave(self) -> None:
        """The successful end of a process that is one of several, when all is written; does nothing when alone.

        torch's threads that still run while Python shuts down ask for its lock and are ended in a way that takes the
        process down (*terminate called without an active exception*: once in a dozen runs on a busy machine), and
        torchrun then calls a finished training failed. So Python does not shut down.
        """
        if self.count > 1:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)

    def wrap(self, machine: nn.Module) -> nn.Module:
        """The network as it should be called while training: gradients are averaged over all processes."""
        if self.count == 1:
            return machine
        # Frozen parts of a pretrained trunk have no gradients.
        return DistributedDataParallel(machine, find_unused_parameters=True)

    def agree(self, values: list[float], device: str) -> list[float]:
        """Rank 0's values, for everybody: clocks and signals differ, steps must not."""
        if self.count == 1:
            return values
        shared = torch.tensor(values, dtype=torch.float64, device=device)
        dist.broadcast(shared, 0)
        return [float(value) for value in shared]

    def gather(self, value: Any) -> list[Any]:
        """Everybody's value, by rank."""
        if self.count == 1:
            return [value]
        out: list[Any] = [None] * self.count
        dist.all_gather_object(out, value)
        return out
