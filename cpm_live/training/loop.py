"""The training loop: resumable, with averaged weights and an evaluation per epoch."""

from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cpm_live.core.skeleton import Skeleton
from cpm_live.evaluation import evaluate
from cpm_live.network import checkpoint
from cpm_live.network.cpm import PoseMachine
from cpm_live.training.batches import Batcher
from cpm_live.training.dataset import Sample
from cpm_live.training.plan import Plan
from cpm_live.training.targets import draw_targets, stage_losses


@dataclass(frozen=True, slots=True)
class Progress:
    """What the loop tells after each step."""

    epoch: float
    done: float
    losses: tuple[float, ...]
    images_per_s: float
    figures: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop: whichever comes first. The schedule is stretched over it."""

    epochs: float | None = None
    minutes: float | None = None

    def done(self, epochs: float, seconds: float) -> float:
        """Share of the budget that is spent, 0..1."""
        shares = []
        if self.epochs:
            shares.append(epochs / self.epochs)
        if self.minutes:
            shares.append(seconds / (60 * self.minutes))
        return min(1.0, max(shares, default=1.0))


class Trainer:
    """Trains one machine; everything that must survive an interruption is in ``state.pt``.

    Args:
        machine: the network, fresh or pretrained.
        out: folder for ``state.pt`` (resume), ``ema.safetensors`` (the averaged weights) and ``log.csv``.
    """

    def __init__(
        self,
        machine: PoseMachine,
        skeleton: Skeleton,
        plan: Plan,
        train: list[Sample],
        val: list[Sample],
        out: Path,
        budget: Budget,
        provenance: dict[str, Any] | None = None,
    ) -> None:
        self.machine = machine.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.skeleton, self.plan, self.val, self.out, self.budget = skeleton, plan, val, out, budget
        self.provenance = provenance or {}
        self.rng = np.random.default_rng(plan.seed)
        self.batches = Batcher(train, skeleton, plan, self.rng)
        trunk_module = getattr(machine, "trunk", None)
        trunk = list(trunk_module.parameters()) if trunk_module is not None else []
        known = {id(parameter) for parameter in trunk}
        rest = [parameter for parameter in machine.parameters() if id(parameter) not in known]
        trunk_scale = plan.trunk_rate if machine.preset.trunk == "lite0" else 1.0
        self.optimiser = torch.optim.AdamW(
            [{"params": rest, "scale": 1.0}, {"params": trunk, "scale": trunk_scale}],
            lr=plan.rate,
            weight_decay=plan.weight_decay,
        )
        self.ema: dict[str, Tensor] = {k: v.detach().clone() for k, v in machine.state_dict().items()}
        self.step, self.seen, self.seconds, self.epochs_evaluated = 0, 0, 0.0, 0
        self.history: list[dict[str, Any]] = []
        out.mkdir(parents=True, exist_ok=True)

    @property
    def epoch(self) -> float:
        """Epochs done, fractional."""
        return self.seen / self.batches.epoch_size

    @property
    def done(self) -> float:
        """Share of the budget spent."""
        return self.budget.done(self.epoch, self.seconds)

    def run(
        self,
        tell: Callable[[Progress], None] = lambda progress: None,
        stop: Callable[[], bool] = lambda: False,
        save_every: float = 180.0,
    ) -> dict[str, Any]:
        """Train until the budget is spent or ``stop`` says so; returns the last figures."""
        saved = time.monotonic()
        figures: dict[str, Any] = {}
        while self.done < 1.0 and not stop():
            started = time.monotonic()
            losses = self._step()
            took = time.monotonic() - started
            self.seconds += took
            if int(self.epoch) > self.epochs_evaluated:
                self.epochs_evaluated = int(self.epoch)
                self.save()
                figures = self.evaluate()
                self._log(losses, figures)
                tell(Progress(self.epoch, self.done, losses, self.plan.batch / took, figures))
            tell(Progress(self.epoch, self.done, losses, self.plan.batch / took))
            if time.monotonic() - saved > save_every:
                self.save()
                saved = time.monotonic()
        # Saved first: whoever asked to stop may not wait for the evaluation.
        self.save()
        figures = self.evaluate()
        if figures:
            self.save(figures)
        return figures

    def _step(self) -> tuple[float, ...]:
        plan, done = self.plan, self.done
        size = plan.size_at(done)
        if self.machine.size != size:
            self.machine.set_size(size)
        warm = min(1.0, (self.step + 1) / 100)
        rate = plan.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["scale"]
        batch = self.batches.draw(size)
        stride = self.machine.preset.stride
        targets = draw_targets(
            batch.joints, batch.weights, size // stride, stride, plan.sigma, self.machine.preset.background
        )
        self.machine.train()
        images = torch.from_numpy(batch.images).to(memory_format=torch.channels_last)
        beliefs = self.machine(images, torch.from_numpy(batch.centres))
        losses = stage_losses(beliefs, targets, plan.peak_weight)
        self.optimiser.zero_grad(set_to_none=True)
        losses.sum().backward()
        torch.nn.utils.clip_grad_norm_(self.machine.parameters(), plan.clip)
        self.optimiser.step()
        self.step += 1
        self.seen += plan.batch
        self._average()
        return tuple(losses.detach().tolist())

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.plan.ema, (1 + self.step) / (10 + self.step))
        for name, value in self.machine.state_dict().items():
            mean = self.ema[name]
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)

    def evaluate(self) -> dict[str, Any]:
        """Figures of the averaged weights on the validation split."""
        if not self.val:
            return {}
        own = {k: v.clone() for k, v in self.machine.state_dict().items()}
        size = self.machine.size
        self.machine.load_state_dict(self.ema)
        self.machine.eval()
        self.machine.set_size(self.machine.preset.size)

        def infer(pictures: Any, centres: Any) -> Any:
            with torch.inference_mode():
                images = torch.from_numpy(pictures).to(memory_format=torch.channels_last)
                return self.machine(images, torch.from_numpy(centres)).numpy()

        preset, margin = self.machine.preset, sum(self.plan.augment.zoom) / 2
        errors = evaluate.measure(infer, self.val, self.skeleton, preset.size, preset.stride, margin)
        self.machine.load_state_dict(own)
        self.machine.set_size(size)
        return evaluate.report(errors, self.skeleton, self.machine.preset.name)

    def _log(self, losses: tuple[float, ...], figures: dict[str, Any]) -> None:
        row = {"epoch": round(self.epoch, 2), "seconds": round(self.seconds), "size": self.machine.size}
        row |= {f"loss_{i + 1}": round(loss, 5) for i, loss in enumerate(losses)}
        row |= {f"pck@{t}": v for t, v in figures.get("pck", {}).items()}
        row |= {f"{s}@{t}": v for s, by in figures.get("per_source", {}).items() for t, v in by.items()}
        self.history.append(row)
        columns = list(dict.fromkeys(name for past in self.history for name in past))
        temporary = self.out / "log.csv.part"
        with temporary.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, columns, restval="")
            writer.writeheader()
            writer.writerows(self.history)
        os.replace(temporary, self.out / "log.csv")

    def save(self, figures: dict[str, Any] | None = None) -> None:
        """Write the state to resume from and the averaged weights."""
        state = {
            "machine": self.machine.state_dict(),
            "ema": self.ema,
            "optimiser": self.optimiser.state_dict(),
            "rng": self.rng.bit_generator.state,
            "batches": self.batches.state(),
            "counters": (self.step, self.seen, self.seconds, self.epochs_evaluated),
            "history": self.history,
        }
        temporary = self.out / "state.pt.part"
        torch.save(state, temporary)
        os.replace(temporary, self.out / "state.pt")
        provenance = self.provenance | {
            "epochs": round(self.epoch, 2), "minutes": round(self.seconds / 60, 1), "steps": self.step,
        }  # fmt: skip
        header = checkpoint.Header(self.machine.preset, self.skeleton.name, provenance, figures or {})
        checkpoint.save(self.out / "ema.safetensors", self.ema, header)

    def resume(self) -> bool:
        """Continue from ``state.pt`` if there is one."""
        path = self.out / "state.pt"
        if not path.exists():
            return False
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.machine.load_state_dict(state["machine"])
        self.ema = state["ema"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.rng.bit_generator.state = state["rng"]
        self.batches.restore(state["batches"])
        self.step, self.seen, self.seconds, self.epochs_evaluated = state["counters"]
        self.history = state["history"]
        return True
