"""What a build process is asked for, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cpm_live.core.skeleton import SKELETONS
from cpm_live.engines.recipe import Recipe


def request_for(recipe: Recipe, batches: Sequence[int], where: Path) -> dict[str, Any]:
    """The request to build a recipe's engines."""
    return {
        "name": recipe.name,
        "skeleton": recipe.skeleton.name,
        "preset": recipe.preset,
        "weights": str(recipe.weights.resolve()),
        "batches": list(batches),
        "folder": str(where.resolve()),
    }


def recipe_of(request: dict[str, Any]) -> Recipe:
    """As much of the recipe as building needs."""
    return Recipe(request["name"], SKELETONS[request["skeleton"]], request["preset"], Path(request["weights"]))
