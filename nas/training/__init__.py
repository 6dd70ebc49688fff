"""Training of masked networks: one loop, its settings, and what it comes to."""

from nas.training.evaluate import evaluate, measured_errors
from nas.training.failure import TrainingFailed
from nas.training.loop import Trained, train, train_masks
from nas.training.recipe import Recipe, half_batch
from nas.training.recipes import RECIPES, Recipes, recipe_for

__all__ = [
    "RECIPES",
    "Recipe",
    "Recipes",
    "Trained",
    "TrainingFailed",
    "evaluate",
    "half_batch",
    "measured_errors",
    "recipe_for",
    "train",
    "train_masks",
]
