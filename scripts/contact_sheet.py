"""Contact sheets of all shipped pose models: 40 random validation samples and the 20 worst of each.

    python scripts/contact_sheet.py ../shared/data out/ [body hand ...]

One picture per model, the same samples each time; `cpm-live evaluate MODEL --data DIR --sheet FILE` makes them one
by one, of any data.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MODELS = ("body", "hand")


def main(data: Path, out: Path, models: tuple[str, ...] = MODELS) -> None:
    """Write ``out/<model>.png`` for each model."""
    out.mkdir(parents=True, exist_ok=True)
    for model in models or MODELS:
        command = [sys.executable, "-m", "cpm_live.cli.main", "evaluate", model, "--data", str(data)]
        subprocess.run([*command, "--sheet", str(out / f"{model}.png"), "--per-source"], check=True)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), tuple(sys.argv[3:]))
