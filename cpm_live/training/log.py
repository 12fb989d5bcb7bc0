"""Logs of a run: ``log.csv`` with a row per evaluation, and TensorBoard's files where it is installed."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cpm_live.core.whole_file import whole

_EVERY = 20
"""Steps between two points of TensorBoard's curves."""


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """All rows, the columns being all their keys; the file appears whole or not at all."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, names, restval="")
        writer.writeheader()
        writer.writerows(rows)


class Curves:
    """TensorBoard's curves and pictures, under ``tensorboard/`` in the run's folder."""

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # What was written after the state that is resumed from is forgotten.
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=step)

    @classmethod
    def open(cls, folder: Path, step: int) -> Curves | None:
        """Curves, or None where TensorBoard is not installed."""
        try:
            return cls(folder, step)
        except ModuleNotFoundError:
            return None

    def note_step(self, step: int, losses: Tensor, rate: float, images_per_s: float) -> None:
        """A step's losses (T,), from time to time."""
        if step % _EVERY == 0:
            for number, loss in enumerate(losses.tolist(), start=1):
                self._writer.add_scalar(f"loss/stage_{number}", loss, step)
            self._writer.add_scalar("training/rate", rate, step)
            self._writer.add_scalar("training/images_per_s", images_per_s, step)

    def note_figures(self, step: int, row: dict[str, float], picture: NDArray[np.uint8] | None) -> None:
        """An evaluation's figures and its sample picture (H, W, 3) BGR."""
        for name, value in row.items():
            self._writer.add_scalar(f"validation/{name}", value, step)
        if picture is not None:
            self._writer.add_image("beliefs", np.ascontiguousarray(picture[..., ::-1]), step, dataformats="HWC")
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
