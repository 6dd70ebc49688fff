"""Many masked recurrent networks trained as one tensor program."""

from nas.training.population.members import Members, gather, kind, scatter_
from nas.training.population.train import accuracy, refusal, train_population

__all__ = ["Members", "accuracy", "gather", "kind", "refusal", "scatter_", "train_population"]
