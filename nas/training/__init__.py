"""Training of masked networks: one loop, its settings, and what it comes to."""

from nas.training.evaluate import evaluate
from nas.training.failure import TrainingFailed
from nas.training.loop import train
from nas.training.recipe import Recipe
from nas.training.recipes import RECIPES, Recipes, recipe_for

__all__ = ["RECIPES", "Recipe", "Recipes", "TrainingFailed", "evaluate", "recipe_for", "train"]
