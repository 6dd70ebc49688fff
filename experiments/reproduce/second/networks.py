"""Networks drawn from a space and trained for a short while: what the frozen recipe is tried on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.reproduce.mnist import everything
from nas.seeds import derive, numpy_stream, stream
from nas.tasks import load_task
from nas.training import Recipe, train
from predictors import feature_names, features
from predictors.models.model import Floats
from search_spaces import SPACES
from search_spaces.architecture import Architecture

RECIPE = Recipe(epochs=2, batch_size=32, optimizer="adamw", learning_rate=0.003, crop_pad=0)


@dataclass(frozen=True)
class Population:
    """Trained networks of one space.

    Attributes:
        accuracies: (networks, seeds), validation accuracy on digits after two epochs.
        genes: (networks, one-hot columns).
        columns: (networks, features) of the dense networks, those that vary; `names`.
    """

    accuracies: Floats
    genes: Floats
    columns: Floats
    names: Sequence[str]


def drawn(space: str, count: int) -> list[Architecture]:
    """Return different networks, each gene drawn uniformly; more of them begin with the same."""
    chosen, rng = SPACES[space], numpy_stream(0, f"second-space/{space}")
    found: dict[Architecture, None] = {}
    while len(found) < count:
        found.setdefault(chosen.canonical(chosen.random(rng)))
    return list(found)


def trained(space: str, architecture: Architecture, seeds: int) -> list[dict[str, Any]]:
    """Return one row a seed: the genes and the validation accuracy on digits after `RECIPE`."""
    task, rows = load_task("digits", None), []
    for seed in range(seeds):
        module = SPACES[space].build(architecture, task.signature, generator=stream(seed, "init"))
        outcome = train(module, everything(module), task, RECIPE, seed=derive(seed, "second-space"))
        genes = json.dumps(architecture.genes, separators=(",", ":"))
        rows.append({"space": space, "genes": genes, "seed": seed, "val_accuracy": outcome.val_accuracy})
    return rows


def population(space: str, rows: Sequence[Mapping[str, Any]]) -> Population:
    """Return the networks of one space's rows: about 15 ms each for their features."""
    of_genes: dict[str, list[float]] = {}
    for row in rows:
        if row["space"] == space:
            of_genes.setdefault(row["genes"], []).append(row["val_accuracy"])
    architectures = [Architecture(space, tuple(json.loads(genes))) for genes in of_genes]
    described = np.array([_described(space, architecture) for architecture in architectures])
    varied = np.ptp(described, axis=0) > 1e-9
    return Population(
        np.array(list(of_genes.values())),
        np.array([_one_hot(space, architecture) for architecture in architectures]),
        described[:, varied],
        [name for name, varies in zip(feature_names(), varied, strict=True) if varies],
    )


def _described(space: str, architecture: Architecture) -> list[float]:
    signature = load_task("digits", None).signature
    module = SPACES[space].build(architecture, signature, generator=stream(0, "init"))
    row = features(module, everything(module), signature.input_shape)
    return [row[name] for name in feature_names()]


def _one_hot(space: str, architecture: Architecture) -> list[float]:
    choices = SPACES[space].choices
    pairs = zip(choices, architecture.genes, strict=True)
    return [float(value == gene) for choice, gene in pairs for value in range(len(choice.values))]
