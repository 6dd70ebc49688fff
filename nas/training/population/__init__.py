"""Many masked recurrent networks trained as one tensor program."""

from nas.training.population.members import Members, gather, scatter_
from nas.training.population.train import accuracy, train_population

__all__ = ["Members", "accuracy", "gather", "scatter_", "train_population"]
