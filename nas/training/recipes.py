"""The recipe each task starts from: a short one to compare candidates, a long one to finish the best."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from nas.errors import NasError
from nas.training.recipe import Recipe
from pruning.naming import unknown

Purpose: TypeAlias = Literal["search", "final"]


@dataclass(frozen=True, slots=True)
class Recipes:
    """What was measured best for one task: `search` for trials of a few epochs, `final` for retraining."""

    search: Recipe
    final: Recipe


RECIPES: dict[str, Recipes] = {
    "digits": Recipes(
        search=Recipe(epochs=8, batch_size=32, learning_rate=0.1, weight_decay=5e-4),
        final=Recipe(epochs=40, batch_size=32, learning_rate=0.1, weight_decay=5e-4, label_smoothing=0.1),
    ),
    "mnist": Recipes(
        search=Recipe(epochs=1, batch_size=128, learning_rate=0.1, weight_decay=5e-4),
        final=Recipe(epochs=10, batch_size=128, learning_rate=0.1, weight_decay=5e-4, label_smoothing=0.1),
    ),
    "cifar10": Recipes(
        search=Recipe(epochs=2, batch_size=128, learning_rate=0.1, weight_decay=5e-4),
        final=Recipe(epochs=30, batch_size=128, learning_rate=0.2, weight_decay=5e-4, evaluate_every=1),
    ),
}


def recipe_for(task: str, purpose: Purpose = "search", **settings: Any) -> Recipe:
    """Return the task's recipe for a purpose, with `settings` (fields of `Recipe`) in place of its own.

    Raises:
        NasError: no recipe for such a task, or a setting is out of its range.
    """
    if task not in RECIPES:
        raise NasError(unknown("task", task, RECIPES))
    recipes = RECIPES[task]
    return replace(recipes.final if purpose == "final" else recipes.search, **settings)
