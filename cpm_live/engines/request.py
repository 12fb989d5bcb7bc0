"""What a build process is asked for, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cpm_live.core import own_skeleton
from cpm_live.core.skeleton import SKELETONS
from cpm_live.engines.recipe import Recipe


def request_for(recipe: Recipe, batches: Sequence[int], where: Path) -> dict[str, Any]:
    """The request to build a recipe's engines."""
    return {
        "name": recipe.name,
        "skeleton": recipe.skeleton.name,
        "joints": own_skeleton.to_table(recipe.skeleton),
        "preset": recipe.preset,
        "weights": str(recipe.weights.resolve()),
        "batches": list(batches),
        "folder": str(where.resolve()),
    }


def recipe_of(request: dict[str, Any]) -> Recipe:
    """As much of the recipe as building needs."""
    name = request["skeleton"]
    skeleton = SKELETONS[name] if name in SKELETONS else own_skeleton.from_table(name, request["joints"])
    return Recipe(request["name"], skeleton, request["preset"], Path(request["weights"]))
