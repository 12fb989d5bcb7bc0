"""``cpm-live train``: train a recipe's network on labelled data."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cpm_live.cli.stopping import asked_to_stop
from cpm_live.core.errors import InputError
from cpm_live.core.extras import install

if TYPE_CHECKING:
    from cpm_live.training.loop import Trainer


def train(
    recipe: Annotated[str, typer.Argument(help="body, hand, finder, or a recipe (.toml) with a table \\[train].")],
    data: Annotated[
        list[str],
        typer.Option("--data", "-d", help="Folder with the training data, or format:folder; may be repeated."),
    ],
    data_format: Annotated[
        str, typer.Option("--format", help="Of the data: coco, or original files: lsp, lspet, mpii, flic.")
    ] = "coco",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for checkpoints and logs; runs/RECIPE if not given.")
    ] = None,
    epochs: Annotated[float, typer.Option("--epochs", min=0, help="Train for so many epochs.")] = 0,
    minutes: Annotated[float, typer.Option("--minutes", min=0, help="Train for so many minutes.")] = 0,
    threads: Annotated[int, typer.Option("--threads", min=1, help="CPU threads.")] = 2,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last state.")] = False,
    init: Annotated[
        Path | None,
        typer.Option("--init", help="Start from this checkpoint (.safetensors), of another skeleton or preset too."),
    ] = None,
    trunk: Annotated[
        Path | None,
        typer.Option("--trunk", help="ImageNet weights of the trunk; default: those of the package for the preset."),
    ] = None,
    teacher: Annotated[
        Path | None, typer.Option("--teacher", help="Learn from this checkpoint's belief maps, too (distillation).")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a key of the recipe's table \\[train]: --set rate=0.002; may be repeated."),
    ] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[
        str, typer.Option("--precision", help="auto (mixed where quicker), fp32, bf16 or fp16.")
    ] = "auto",
    graphs: Annotated[
        bool, typer.Option("--graphs/--no-graphs", help="Record the network's passes on a GPU and replay them.")
    ] = True,
    workers: Annotated[
        int, typer.Option("--workers", min=-1, help="Processes that make batches ahead; -1 chooses.")
    ] = -1,
) -> None:
    """Train a network; interrupt it with Ctrl-C or SIGTERM and go on later with --resume.

    On several GPUs: torchrun --nproc-per-node 4 -m cpm_live.cli.main train ...
    """
    if not epochs and not minutes:
        raise InputError("say how long: --epochs 20 or --minutes 60")
    try:
        import torch
    except ModuleNotFoundError:
        raise InputError(f"training needs torch; install it: {install('train')}") from None
    import cv2

    from cpm_live.engines import recipe as recipes
    from cpm_live.training import device as devices
    from cpm_live.training import setup
    from cpm_live.training.distributed import Ranks
    from cpm_live.training.figures import headline
    from cpm_live.training.loop import Trainer
    from cpm_live.training.memory import keep_freed_memory
    from cpm_live.training.plan import Plan, with_settings
    from cpm_live.training.schedule import Budget

    ranks = Ranks.from_environment()

    def say(line: str) -> None:
        if ranks.leads:
            typer.echo(line, err=True)

    chosen = recipes.find(recipe)
    folder = out or _usual_folder(chosen.name)
    begun = (folder / "state.pt").exists()
    if begun and not resume:
        raise InputError(f"{folder} holds an earlier run; go on with --resume, or choose another --out")
    plan = Plan.from_table(with_settings(chosen.train, settings or []))
    where = devices.choose(device, precision, ranks.local, graphs)
    if where.kind == "cpu":
        keep_freed_memory()
    say(f"training on {where.name} in {where.precision}")
    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    torch.manual_seed(plan.seed)
    ranks.begin(where.kind)
    try:
        if begun:
            machine, provenance = setup.network_to_resume(chosen)
            if init is not None:
                say(f"resuming: {folder / 'state.pt'} has the weights, --init {init.name} is not needed")
        else:
            machine, provenance = setup.network(chosen, init, trunk, say)
        plan.check_sizes(machine.preset.step)
        if (last := plan.sizes[-1][1]) != machine.preset.size:
            size = machine.preset.size
            say(f"note: the last crops have {last} px a side ([train] sizes), the network will see {size}")
        count = setup.default_workers(where, ranks) if workers < 0 else workers
        make_task, about = setup.task(
            chosen, machine.preset, plan, data, data_format, teacher, where, ranks, count, say
        )  # fmt: skip
        budget = Budget(epochs or None, minutes or None)
        trainer = Trainer(machine, make_task, plan, folder, budget, {**provenance, **about}, where, ranks)
        if resume:
            _resume(trainer, budget, say)
        if not trainer.log_curves():
            say(f"no TensorBoard here, log.csv only; for its curves: {install('train')}")
        figures = _run(trainer)
        ranks.meet()
    finally:
        ranks.end()
    if ranks.leads:
        minutes_spent = f"{trainer.seconds / 60:.1f} min"
        typer.echo(f"weights: {folder / 'ema.safetensors'} (epoch {trainer.epoch:.2f}, {minutes_spent})")
        if figures:
            typer.echo(headline(figures))
        elif trainer.done < 1:
            typer.echo("stopped; go on with --resume")
    ranks.leave()


def _usual_folder(name: str) -> Path:
    """In ``runs/``. A recipe may be anybody's: one that is called ``../../x`` is not to write there."""
    if name == ".." or Path(name).name != name:
        raise InputError(f"the recipe's name {name!r} is none that a folder can have; say where with --out")
    return Path("runs") / name


def _resume(trainer: Trainer, budget: Any, say: Any) -> None:
    """Go on from the folder's state, and say what that means when the length is another."""
    if not trainer.resume():
        say(f"nothing to resume in {trainer.out}: starting")
        return
    if trainer.ranks.leads:
        typer.echo(f"resumed at epoch {trainer.epoch:.2f}, {100 * trainer.done:.0f} % done")
    if trainer.done >= 1:
        say(f"nothing is left to train: the run has had {trainer.epoch:.2f} epochs, {trainer.seconds / 60:.1f} minutes")
    elif trainer.leg.since > 0:
        say(f"another length than before: the rest of the schedule, from {100 * trainer.leg.start:.0f} %, fills it")


def _run(trainer: Trainer) -> dict[str, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from cpm_live.training.figures import headline

    console = Console(stderr=True, quiet=not trainer.ranks.leads)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>5.1f} %"),
               TimeElapsedColumn())  # fmt: skip
    with asked_to_stop() as stop, Progress(*columns, console=console) as progress:
        task = progress.add_task("training", total=1.0)
        shown = 0.0

        def tell(step: Any) -> None:
            nonlocal shown
            if step.figures is not None:
                losses = " ".join(f"{loss:.4f}" for loss in step.losses)
                line = f"epoch {step.epoch:.2f}: loss per stage {losses}; {headline(step.figures)}"
                console.print(line, markup=False)
                return
            # Losses are waited for: at each step a GPU would stand idle meanwhile.
            if time.monotonic() - shown < 0.25:
                return
            shown = time.monotonic()
            text = f"epoch {step.epoch:.2f}  loss {step.losses[-1]:.4f}  {step.images_per_s:.0f} images/s"
            progress.update(task, completed=step.done, description=text)

        figures: dict[str, Any] = trainer.run(tell, stop=stop)
    return figures
