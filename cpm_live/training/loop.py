"""The training loop: resumable, with averaged weights and an evaluation per epoch."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cpm_live.core.errors import InputError
from cpm_live.core.picture_file import write_picture
from cpm_live.evaluation.evaluate import Infer
from cpm_live.network import checkpoint
from cpm_live.network.cpm import PoseNetwork
from cpm_live.training import state
from cpm_live.training.average import Averaged
from cpm_live.training.depthwise import quicken
from cpm_live.training.device import Device
from cpm_live.training.distributed import Ranks
from cpm_live.training.figures import columns
from cpm_live.training.graphs import GraphedPasses, Network
from cpm_live.training.log import Curves, write_csv
from cpm_live.training.plan import Plan
from cpm_live.training.schedule import Budget, Leg, evaluations_due, rate_share
from cpm_live.training.task import Closable, Pictured, Task

log = logging.getLogger("cpm_live.training")

__all__ = ["Budget", "Progress", "Trainer"]


@dataclass(frozen=True, slots=True)
class Progress:
    """What the loop tells after each step.

    Attributes:
        on_device: the loss of each stage (T,), where it was computed.
    """

    epoch: float
    done: float
    on_device: Tensor
    images_per_s: float
    figures: dict[str, Any] | None = None

    @property
    def losses(self) -> tuple[float, ...]:
        """The loss of each stage. Whoever asks waits for a GPU to come so far: now and then, not at each step."""
        return tuple(self.on_device.tolist())


class Trainer:
    """Trains one machine; everything that must survive an interruption is in ``state.pt``.

    Args:
        machine: the network, fresh or pretrained.
        make_task: makes the task from the random numbers that are saved and restored with it.
        out: folder for ``state.pt`` (resume), ``ema.safetensors`` (the averaged weights), ``log.csv`` and
            ``pictures/``.
        device: where, and in which precision.
        ranks: which of several processes this is; the batch of a step is ``plan.batch`` times their count.
    """

    def __init__(
        self,
        machine: PoseNetwork,
        make_task: Callable[[np.random.Generator], Task],
        plan: Plan,
        out: Path,
        budget: Budget,
        provenance: dict[str, Any] | None = None,
        device: Device | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        self.device, self.ranks = device or Device(), ranks or Ranks()
        if self.device.kind == "cpu":
            quicken(machine)
        self.machine = machine.to(device=self.device.name, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.plan, self.out, self.leg = plan, out, Leg(budget)
        self.provenance = provenance or {}
        # Each process draws its own examples.
        self.rng = np.random.default_rng([plan.seed, self.ranks.rank] if self.ranks.rank else plan.seed)
        self.task = make_task(self.rng)
        self._epoch_size = sum(self.ranks.gather(self.task.epoch_size))
        self.optimiser = _optimiser(self.machine, plan)
        self.scaler = self.device.scaler()
        self.ema: dict[str, Tensor] = {k: v.detach().clone() for k, v in self.machine.state_dict().items()}
        self.step, self.seen, self.seconds, self.evaluated = 0, 0, 0.0, 0
        self.history: list[dict[str, Any]] = []
        self._sums = torch.zeros((), dtype=torch.float64)
        self._summed = 0
        self._averaged = Averaged(self.machine, self.ema)
        self._net = self._callable()
        self._curves: Curves | None = None
        if self.ranks.leads:
            try:
                out.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f"cannot write into {out}: {error.strerror}; choose another --out") from None

    @property
    def epoch(self) -> float:
        """Epochs done, fractional."""
        return self.seen / self._epoch_size

    @property
    def done(self) -> float:
        """How far along the training is, 0..1."""
        return self.leg.progress(self.epoch, self.seconds)

    def log_curves(self) -> bool:
        """Write TensorBoard's files, too; False where it is not installed."""
        if self.ranks.leads:
            self._curves = Curves.open(self.out, self.step)
        return self._curves is not None or not self.ranks.leads

    def run(
        self,
        tell: Callable[[Progress], None] = lambda progress: None,
        stop: Callable[[], bool] = lambda: False,
        save_every: float = 180.0,
    ) -> dict[str, Any]:
        """Train until the budget is spent or ``stop`` says so.

        Returns:
            The last figures; empty when stopped: whoever asks to stop may not wait for an evaluation.
        """
        saved = time.monotonic()
        try:
            while True:
                due = time.monotonic() - saved > save_every
                done, stopping, saving = self.ranks.agree([self.done, stop(), due], self.device.name)
                if done >= 1 or stopping:
                    self.save()
                    return {} if stopping else self._finish(tell)
                if saving:
                    self.save()
                    saved = time.monotonic()
                # Before the step, not after: a run that is killed meanwhile evaluates the same weights again.
                self._evaluate_if_due(tell)
                started = time.monotonic()
                losses = self._step(done)
                took = time.monotonic() - started
                self.seconds += took
                speed = self.plan.batch * self.ranks.count / took
                if self._curves is not None:
                    self._curves.note_step(self.step, losses, self.optimiser.param_groups[0]["lr"], speed)
                tell(Progress(self.epoch, self.done, losses, speed))
        finally:
            if isinstance(self.task, Closable):
                self.task.close()
            if self._curves is not None:
                self._curves.close()

    def _callable(self) -> Network:
        """The network as the steps call it: in the device's precision, for one process or one of several."""
        if self.device.graphs and self.ranks.count == 1:
            return GraphedPasses(self.machine, self.device)
        net = self.ranks.wrap(self.machine)

        def call(images: Tensor, centres: Tensor) -> Tensor:
            with self.device.autocast():
                maps: Tensor = net(images, centres)
            return maps

        return call

    def _step(self, done: float) -> Tensor:
        plan = self.plan
        self._resize(plan.size_at(done))
        rate = plan.rate * rate_share(done, self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["scale"]
        batch = self.task.draw(self.machine.size)
        self.machine.train()
        images = self.device.put(batch.images).to(memory_format=torch.channels_last)
        maps = self._net(images, self.device.put(batch.centres))
        # The losses' squares and sums need all digits.
        losses = batch.losses(maps.float())
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(losses.sum()).backward()
        self.scaler.unscale_(self.optimiser)
        torch.nn.utils.clip_grad_norm_(self.machine.parameters(), plan.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.step += 1
        self.seen += plan.batch * self.ranks.count
        self._averaged.follow(min(plan.ema, (1 + self.step) / (10 + self.step)))
        losses = losses.detach()
        self._sums = self._sums.to(losses.device) + losses.double()
        self._summed += 1
        return losses

    def _resize(self, size: int) -> None:
        if self.machine.size != size:
            self.machine.set_size(size)
            # The new centre map's coordinates are made on the CPU.
            self.machine.to(self.device.name)

    def _evaluate_if_due(self, tell: Callable[[Progress], None]) -> None:
        due = evaluations_due(self.epoch, self.plan.evaluate_every)
        if due > self.evaluated:
            if self.ranks.leads:
                # Saved first: the evaluation takes a while.
                self._write(self._gathered())
                figures = self._measure_and_log()
                tell(Progress(self.epoch, self.done, self._mean_losses(), 0.0, figures))
            else:
                self._gathered()
            self.evaluated = due
            self._forget_losses()

    def _finish(self, tell: Callable[[Progress], None]) -> dict[str, Any]:
        figures: dict[str, Any] = {}
        if self.ranks.leads:
            figures = self._measure_and_log()
            tell(Progress(self.epoch, 1.0, self._mean_losses(), 0.0, figures))
        self.evaluated = max(self.evaluated, evaluations_due(self.epoch, self.plan.evaluate_every))
        self._forget_losses()
        self.save(figures)
        return figures

    def evaluate(self) -> dict[str, Any]:
        """Figures of the averaged weights on the validation split."""
        return self._with_ema(self.task.evaluate)

    def _measure_and_log(self) -> dict[str, Any]:
        """Figures, a row of the log and a picture."""
        figures = self.evaluate()
        picture = self._with_ema(self.task.picture) if isinstance(self.task, Pictured) else None
        if picture is not None:
            write_picture(self.out / "pictures" / f"epoch_{self.epoch:07.2f}.png", picture)
        row: dict[str, Any] = {"epoch": round(self.epoch, 2), "step": self.step, "seconds": round(self.seconds)}
        row["size"] = self.plan.size_at(self.done)
        row |= {f"loss_{i + 1}": round(loss, 6) for i, loss in enumerate(self._mean_losses().tolist())}
        row |= columns(figures)
        # A finished run that is evaluated once more has no news but its figures.
        if self.history and self.history[-1]["step"] == self.step:
            row = self.history.pop() | row
        self.history.append(row)
        with self._told():
            try:
                write_csv(self.out / "log.csv", self.history)
            except PermissionError as error:
                # On Windows a spreadsheet that shows it is enough. No row is lost: the state has them all.
                log.warning("log.csv stays as it was until the next evaluation: %s", error.strerror)
        if self._curves is not None:
            self._curves.note_figures(self.step, columns(figures), picture)
        return figures

    def _mean_losses(self) -> Tensor:
        """Of each stage (T,) since the last evaluation; empty where there was no step."""
        return self._sums / self._summed if self._summed else torch.zeros(0)

    def _forget_losses(self) -> None:
        self._sums, self._summed = torch.zeros((), dtype=torch.float64), 0

    def _with_ema(self, look: Callable[[Infer], Any]) -> Any:
        own = {k: v.clone() for k, v in self.machine.state_dict().items()}
        size, centre_map = self.machine.size, self.machine.centre_map
        self.machine.load_state_dict(self.ema)
        self.machine.eval()
        self._resize(self.machine.preset.size)

        def infer(pictures: Any, centres: Any) -> Any:
            with torch.inference_mode():
                images = self.device.put(pictures).to(memory_format=torch.channels_last)
                return self.machine(images, self.device.put(centres)).float().cpu().numpy()

        try:
            return look(infer)
        finally:
            self.machine.load_state_dict(own)
            # The very same one: recorded passes read its memory.
            self.machine.size, self.machine.centre_map = size, centre_map

    def save(self, figures: dict[str, Any] | None = None) -> None:
        """Write the state to resume from and the averaged weights; every process takes part."""
        shares = self._gathered()
        if self.ranks.leads:
            self._write(shares, figures)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """A disk that is full ends hours of work with a line that says what to do."""
        try:
            yield
        except OSError as error:
            cure = "make room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "make that possible"
            raise InputError(
                f"cannot write into {self.out}: {error.strerror}; {cure}, and go on with --resume --out {self.out}"
            ) from None

    def _gathered(self) -> list[dict[str, Any]]:
        """What each process alone knows."""
        return self.ranks.gather({"rng": self.rng.bit_generator.state, "task": self.task.state()})

    def _write(self, shares: list[dict[str, Any]], figures: dict[str, Any] | None = None) -> None:
        with self._told():
            state.write(
                self.out / "state.pt",
                {
                    "machine": self.machine.state_dict(),
                    "ema": self.ema,
                    "optimiser": self.optimiser.state_dict(),
                    "scaler": self.scaler.state_dict(),
                    "torch_rng": torch.get_rng_state(),
                    "ranks": shares,
                    "joints": list(self.task.skeleton.joints),
                    "leg": self.leg.to_plain(),
                    "counters": (self.step, self.seen, self.seconds, self.evaluated),
                    "sums": (self._summed, self._sums.tolist()),
                    "history": self.history,
                    "provenance": self.provenance,
                },
            )
            provenance = self.provenance | {
                "epochs": round(self.epoch, 2), "minutes": round(self.seconds / 60, 1), "steps": self.step,
                "device": f"{self.device.name} {self.device.precision}"
                + (f", {self.ranks.count} processes" if self.ranks.count > 1 else ""),
                "plan": self.plan.to_plain(),
            }  # fmt: skip
            header = checkpoint.Header.of(self.machine.preset, self.task.skeleton, provenance, figures)
            checkpoint.save(self.out / "ema.safetensors", self.ema, header)

    def resume(self) -> bool:
        """Continue from ``state.pt`` if there is one; says how :meth:`Leg.continued` treats another length.

        Raises:
            InputError: damaged, of another network, other data or another number of processes.
        """
        path = self.out / "state.pt"
        if not path.exists():
            return False
        saved = state.read(path)
        if len(saved["ranks"]) != self.ranks.count:
            raise InputError(
                f"{path} was written by {len(saved['ranks'])} processes, now there are {self.ranks.count}: "
                "resume with as many"
            )
        joints = list(self.task.skeleton.joints)
        if saved.get("joints", joints) != joints:
            raise InputError(f"{path} has learned other joints, or in another order: {', '.join(saved['joints'])}")
        try:
            self.machine.load_state_dict(saved["machine"])
        except RuntimeError:
            raise InputError(f"{path} is of another network than the recipe's preset") from None
        self.ema = {name: value.to(self.device.name) for name, value in saved["ema"].items()}
        self._averaged = Averaged(self.machine, self.ema)
        asked = [(group["weight_decay"], group["scale"]) for group in self.optimiser.param_groups]
        self.optimiser.load_state_dict(saved["optimiser"])
        # The state brings its own; what is asked for now counts, as it does for the other keys of the plan.
        for group, (decay, scale) in zip(self.optimiser.param_groups, asked, strict=True):
            group["weight_decay"], group["scale"] = decay, scale
        if self.scaler.is_enabled() and saved["scaler"]:
            self.scaler.load_state_dict(saved["scaler"])
        torch.set_rng_state(saved["torch_rng"])
        own = saved["ranks"][self.ranks.rank]
        self.rng.bit_generator.state = own["rng"]
        self.task.restore(own["task"])
        self.step, self.seen, self.seconds, self.evaluated = saved["counters"]
        self._summed, sums = saved["sums"]
        self._sums = torch.tensor(sums if self._summed else 0.0, dtype=torch.float64)
        self.history = saved["history"]
        # Resumed without --init or --teacher the weights still come from there, and their data's terms pass on.
        before = saved.get("provenance", {})
        self.provenance |= {name: before[name] for name in ("trunk", "init", "teacher") if name in before}
        self.leg = Leg.from_plain(saved["leg"]).continued(self.leg.budget, self.epoch, self.seconds)
        # Where ``evaluate_every`` or the data changed, the count may be ahead: no evaluation would come for long.
        self.evaluated = min(self.evaluated, evaluations_due(self.epoch, self.plan.evaluate_every))
        return True


def _optimiser(machine: PoseNetwork, plan: Plan) -> torch.optim.Optimizer:
    """AdamW; a pretrained trunk learns more slowly than the fresh rest."""
    trunk_module = getattr(machine, "trunk", None)
    trunk = list(trunk_module.parameters()) if trunk_module is not None else []
    known = {id(parameter) for parameter in trunk}
    rest = [parameter for parameter in machine.parameters() if id(parameter) not in known]
    trunk_scale = plan.trunk_rate if machine.preset.pretrained else 1.0
    return torch.optim.AdamW(
        [{"params": rest, "scale": 1.0}, {"params": trunk, "scale": trunk_scale}],
        lr=plan.rate,
        weight_decay=plan.weight_decay,
        fused=True,
    )
