"""Learning curves of one or several runs as a picture, from their log.csv.

    python scripts/learning_curves.py curves.png runs/body [runs/other ...] [--show lsp@0.2 --show pck@0.2]

Left: loss of each stage; right: accuracy on the validation split, by default the last stage and stage 1 at the
threshold that counts, and every source; for the finder recall and precision. Several runs share the axes.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no window
from matplotlib import pyplot

_STYLES = ("-", "--", ":", "-.")


def read(run: Path) -> list[dict[str, float]]:
    """The rows of a run's log; cells without a number are left out."""
    path = run / "log.csv" if run.is_dir() else run
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle))
    except OSError as error:
        sys.exit(f"cannot read {path}: {error.strerror}")
    out = [{name: float(value) for name, value in row.items() if name and value not in ("", "nan")} for row in rows]
    if not out or "epoch" not in out[0]:
        sys.exit(f"{path} is not a log of cpm-live train")
    return out


def accuracies(rows: list[dict[str, float]], wanted: list[str]) -> list[str]:
    """The columns to draw on the right."""
    known = list(dict.fromkeys(name for row in rows for name in row))
    if wanted:
        if missing := [name for name in wanted if name not in known]:
            sys.exit(f"no column {missing[0]!r}; the log has {', '.join(known)}")
        return wanted
    finder = [name for name in known if name.startswith(("recall_", "precision_"))]
    # Hands are measured at 0.1 of their box, bodies at 0.2 of the torso: the log does not say which it is.
    threshold = "0.2" if "lsp@0.2" in known or "lspet@0.2" in known else "0.1"
    stages = [name for name in known if name.startswith("stage_") and name.endswith(f"@{threshold}")]
    others = [name for name in known if name.endswith(f"@{threshold}") and not name.startswith("stage_")]
    return finder or [*others, *stages[:1]]


def draw(out: Path, runs: list[Path], wanted: list[str]) -> None:
    """Write the picture."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 5), constrained_layout=True)
    for run, style in zip(runs, _STYLES * len(runs), strict=False):
        rows = read(run)
        label = f"{run.name}: " if len(runs) > 1 else ""
        losses = [name for name in rows[-1] if name.startswith("loss_")]
        for axes, names, factor in ((left, losses, 1.0), (right, accuracies(rows, wanted), 100.0)):
            for number, name in enumerate(names):
                points = [(row["epoch"], factor * row[name]) for row in rows if name in row]
                axes.plot(*zip(*points, strict=True), style, color=f"C{number % 10}", label=label + _words(name))
    for axes, title in ((left, "loss per stage"), (right, "validation, %")):
        axes.set(xlabel="epoch", title=title)
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    left.set_yscale("log")
    figure.savefig(out, dpi=110)
    print(out)


def _words(name: str) -> str:
    return name.replace("loss_", "stage ").replace("stage_", "stage ").replace("_", " ").replace("pck@", "all @")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--show", action="append", default=[], metavar="COLUMN")
    given = parser.parse_args()
    draw(given.out, given.runs, given.show)
