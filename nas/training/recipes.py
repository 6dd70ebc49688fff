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
    """Where one task starts: `search` for trials of a few epochs, `final` for retraining."""

    search: Recipe
    final: Recipe


RECIPES: dict[str, Recipes] = {
    "digits": Recipes(
        search=Recipe(epochs=8, batch_size=32, learning_rate=0.3, label_smoothing=0.1, crop_pad=0),
        final=Recipe(epochs=30, batch_size=32, learning_rate=0.3, label_smoothing=0.1, crop_pad=0),
    ),
    "mnist": Recipes(
        search=Recipe(epochs=1, batch_size=64, learning_rate=0.3, label_smoothing=0.1, crop_pad=1),
        final=Recipe(epochs=10, batch_size=64, learning_rate=0.3, label_smoothing=0.1),
    ),
    "cifar10": Recipes(
        search=Recipe(epochs=2, batch_size=128, learning_rate=0.3, label_smoothing=0.1, crop_pad=1),
        final=Recipe(epochs=25, batch_size=128, learning_rate=0.3, label_smoothing=0.1, crop_pad=2),
    ),
    **{
        name: Recipes(
            search=Recipe(epochs=3, batch_size=128, learning_rate=0.01, optimizer="adamw", precision="float32"),
            final=Recipe(epochs=15, batch_size=128, learning_rate=0.01, optimizer="adamw", precision="float32"),
        )
        for name in ("reber", "reber_embedded", "reber_next", "reber_published")
    },
    "nasbench201": Recipes(search=Recipe(epochs=200), final=Recipe(epochs=200)),  # looked up, not trained
}
"""Those of images were measured on residual and plain networks of density 0.2: in few epochs a network has seen too
little to need noise, so short recipes shift less (2 epochs of CIFAR-10: 4 pixels 69 %, 2 pixels 70 %; 8 of digits:
1 pixel 97 %, none 99 %), and rates three times the textbook's 0.1 gain 1 to 2 points; more epochs bear more shift.
Those of strings were chosen without a comparison."""


def recipe_for(task: str, purpose: Purpose = "search", **settings: Any) -> Recipe:
    """Return the task's recipe for a purpose, with `settings` (fields of `Recipe`) in place of its own.

    Raises:
        NasError: no recipe for such a task, or a setting is out of its range.
    """
    if task not in RECIPES:
        raise NasError(unknown("task", task, RECIPES))
    recipes = RECIPES[task]
    return replace(recipes.final if purpose == "final" else recipes.search, **settings)
