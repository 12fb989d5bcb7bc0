"""``cpm-live evaluate``: accuracy on labelled pictures."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cpm_live.cli.progress import counted, table_console
from cpm_live.core.errors import InputError
from cpm_live.core.extras import install

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cpm_live.engines.recipe import Recipe
    from cpm_live.evaluation.pck import Errors
    from cpm_live.evaluation.predict import Looks
    from cpm_live.evaluation.predictions import Prediction
    from cpm_live.training.dataset import Sample


def evaluate(
    model: Annotated[str, typer.Argument(help="body, hand, finder, a recipe (.toml), or weights (.safetensors).")],
    data: Annotated[
        list[str],
        typer.Option(
            "--data", "-d", help="Folder with annotations.json (COCO) and images/, or our layout; or format:folder."
        ),
    ],
    data_format: Annotated[
        str, typer.Option("--format", help="Of the data: coco, or original files: lsp, lspet, mpii, flic.")
    ] = "coco",
    split: Annotated[str, typer.Option("--split", help="train or val.")] = "val",
    per_joint: Annotated[bool, typer.Option("--per-joint", help="Show this section; all if none is named.")] = False,
    per_source: Annotated[bool, typer.Option("--per-source", help="The same.")] = False,
    per_stage: Annotated[bool, typer.Option("--per-stage", help="The same.")] = False,
    scales: Annotated[
        str, typer.Option("--scales", help="Average beliefs over these: 0.7:0.1:1.3 (the paper's), or 1,1.2.")
    ] = "1",
    find: Annotated[
        bool, typer.Option("--find", help="Whole pictures through finder and pose machine, not the true boxes.")
    ] = False,
    flip: Annotated[bool, typer.Option("--flip", help="Average with the mirror image's beliefs.")] = False,
    predictions: Annotated[
        Path | None,
        typer.Option("--predictions", help="Score these instead: COCO results (.json), the paper's .mat."),
    ] = None,
    save_predictions: Annotated[
        Path | None, typer.Option("--save-predictions", help="Write what was found as COCO results.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Write a contact sheet (.png): random ones, then the worst.")
    ] = None,
    random: Annotated[int, typer.Option("--random", min=0, help="How many random ones on the sheet.")] = 40,
    worst: Annotated[int, typer.Option("--worst", min=0, help="How many of the worst on the sheet.")] = 20,
    engine: Annotated[str, typer.Option("--engine", "-e", help="auto, or one that cpm-live doctor lists.")] = "auto",
    threads: Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0 chooses.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure PCK (and PCKh, OKS, AP) with ground-truth boxes: per joint, per source and per stage."""
    from cpm_live.engines import recipe as recipes
    from cpm_live.evaluation import oks, tables
    from cpm_live.evaluation import predictions as files
    from cpm_live.evaluation.evaluate import errors_of, head_errors_of, report
    from cpm_live.evaluation.predict import Looks
    from cpm_live.training import data as places

    recipe = recipes.find(model)
    if recipe.skeleton.name == "finder":
        asked = {"--predictions": predictions, "--save-predictions": save_predictions, "--sheet": sheet,
                 "--find": find, "--flip": flip, "--scales": scales != "1"}  # fmt: skip
        if unfit := [name for name, value in asked.items() if value]:
            raise InputError(f"{unfit[0]} does not go with a finder")
        _finder(recipe, data, data_format, split, engine, threads, as_json)
        return
    # Before the work, not after it.
    for path in (save_predictions, sheet):
        if path is not None and not path.parent.is_dir():
            raise InputError(f"no folder {path.parent} to write {path.name} into")
        if path is not None and path.is_dir():
            raise InputError(f"cannot write {path}: it is a folder")
    if sheet is not None and sheet.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise InputError(f"--sheet {sheet} must end in .png or .jpg")
    if sheet is not None and random <= 0 and worst <= 0:
        raise InputError("an empty sheet: --random and --worst are both 0")
    if split not in ("train", "val"):
        raise InputError(f"--split is train or val, not {split!r}")
    looks = Looks(_scales(scales), flip)
    samples = places.load(data, recipe.skeleton, split, data_format)
    # With boxes from the truth nothing is looked for where nobody is.
    anywhere = predictions is not None or find
    empty = places.load_empty(data, recipe.skeleton, split, data_format) if anywhere else []
    if predictions is not None:
        answers, others = files.load(predictions, [*samples, *empty], recipe.skeleton)
        if others:
            typer.echo(f"{others} results are of other pictures and left out", err=True)
        found, name = files.match(answers, samples, recipe.skeleton), predictions.stem
    elif find:
        if not looks.once:
            raise InputError("--find looks as the live machine does: without --scales and --flip")
        (found, answers), name = _find(recipe, [*samples, *empty], engine, threads), recipe.name
        found = found[: len(samples)]
    else:
        found, name = _predict(recipe, samples, looks, engine, threads), recipe.name
        answers = files.of_samples(found[:, -1], samples)
    errors = errors_of(found, samples, recipe.skeleton)
    figures = report(errors, recipe.skeleton, name, head_errors_of(found, samples, recipe.skeleton))
    if not looks.once and predictions is None:
        figures["looks"] = {"scales": list(looks.scales), "flip": looks.flip}
    if oks.available():
        figures["oks"] = oks.average_precision(answers, samples, recipe.skeleton, empty)
    else:
        typer.echo(f"no OKS and AP: pycocotools is not installed ({install('train')})", err=True)
    if predictions is None:
        figures["weights"] = str(recipe.weights)
        if not as_json:
            typer.echo(f"weights: {recipe.weights}", err=True)
    # The figures first: a file that cannot be written must not cost them.
    if as_json:
        typer.echo(json.dumps(_without_nan(figures), allow_nan=False))
    else:
        wanted = {"joint": per_joint, "source": per_source, "stage": per_stage}
        sections = tuple(section for section, on in wanted.items() if on) or tables.SECTIONS
        tables.print_figures(table_console(), figures, recipe.skeleton, sections)
    if save_predictions is not None:
        files.save(save_predictions, answers)
    if sheet is not None:
        _write_sheet(sheet, recipe, samples, found[:, -1], errors, random, worst)


def _scales(text: str) -> tuple[float, ...]:
    """``0.7:0.1:1.3`` or ``0.8,1,1.2``."""
    try:
        if ":" in text:
            low, step, high = (float(part) for part in text.split(":"))
            count = round((high - low) / step) + 1
            values = tuple(round(low + index * step, 6) for index in range(count)) if 0 < count <= 50 else ()
        else:
            values = tuple(float(part) for part in text.split(","))
    except (ValueError, ZeroDivisionError, OverflowError):
        values = ()
    if not values or not all(0.2 <= value <= 5 for value in values):
        raise InputError(f"--scales takes low:step:high or a list, each from 0.2 to 5, not {text!r}")
    return values


def _finder(
    recipe: Recipe, data: list[str], data_format: str, split: str, engine: str, threads: int, as_json: bool
) -> None:
    from cpm_live.cli.evaluate_finder import measure_finder, print_finder
    from cpm_live.training import data as places

    figures = measure_finder(recipe, places.finder_folder(data, data_format), split, engine, threads)
    if as_json:
        typer.echo(json.dumps(_without_nan(figures), allow_nan=False))
    else:
        print_finder(figures)


def _find(
    recipe: Recipe, samples: list[Sample], engine: str, threads: int
) -> tuple[NDArray[np.float32], list[Prediction]]:
    from cpm_live.evaluation.whole import predict_whole
    from cpm_live.pipeline.machine import PoseMachine

    machine = PoseMachine(recipe, engine, threads)
    try:
        with counted(f"{recipe.name}, whole pictures", len(samples)) as progress:
            return predict_whole(machine, samples, progress)
    finally:
        machine.close()


def _predict(recipe: Recipe, samples: list[Sample], looks: Looks, engine: str, threads: int) -> NDArray[np.float32]:
    from cpm_live.engines.select import open_engine
    from cpm_live.evaluation.predict import predict

    machine = open_engine(recipe, engine, threads)
    try:
        with counted(recipe.name, len(samples)) as progress:
            preset = machine.preset
            return predict(
                machine.infer,
                samples,
                recipe.skeleton,
                preset.size,
                preset.stride,
                recipe.training_margin,
                looks=looks,
                progress=progress,
            )
    finally:
        machine.close()


def _write_sheet(
    path: Path,
    recipe: Recipe,
    samples: list[Sample],
    found: NDArray[np.float32],
    errors: Errors,
    random: int,
    worst: int,
) -> None:
    import numpy as np

    from cpm_live.core.picture_file import write_picture
    from cpm_live.evaluation import sheet
    from cpm_live.evaluation.evaluate import main_threshold

    threshold = main_threshold(recipe.skeleton)
    # The same ones each time, so that two models can be compared.
    chosen = np.random.default_rng(0).permutation(len(samples))[:random]
    parts = [
        sheet.draw(f"{recipe.name}: {len(numbers)} {what}, joints right within {threshold} of all labelled",
                   samples, found, errors, recipe.skeleton, threshold, [int(n) for n in numbers])
        for what, numbers in (("at random", chosen), ("worst", sheet.ranking(errors, threshold)[:worst]))
        if len(numbers)
    ]  # fmt: skip
    write_picture(path, sheet.join(parts))
    typer.echo(f"sheet: {path}", err=True)


def _without_nan(value: Any) -> Any:
    """JSON has no NaN: what could not be measured (a joint nobody labelled) becomes null."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
