"""The interface of every search space: its choices and how to build; everything else is written once, here."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from search_spaces.architecture import Architecture, Choice, Signature, Value
from search_spaces.errors import SpaceError


class SearchSpace(ABC):
    """A finite product of choices. A subclass gives `name`, `choices`, `build`, and what makes networks equal."""

    name: str
    choices: tuple[Choice, ...]
    stages: int
    """The largest number of stages a network of this space has; a sparsity pattern has one multiplier for each."""

    @abstractmethod
    def build(self, architecture: Architecture, signature: Signature, *, generator: torch.Generator) -> nn.Module:
        """Return the initialised network, on the CPU in train mode, as a pure function of the arguments."""

    @abstractmethod
    def skeleton(self, architecture: Architecture, signature: Signature) -> nn.Module:
        """Return the network on the meta device: its shapes, without storage or values, in no time."""

    @abstractmethod
    def canonical(self, architecture: Architecture) -> Architecture:
        """Return the representative of all architectures that build the same network (idempotent)."""

    @abstractmethod
    def stage_patterns(self, architecture: Architecture) -> tuple[str, ...]:
        """Return one glob over parameter names for each live stage, input to output; no name matches two."""

    def describe(self, architecture: Architecture) -> str:
        """Return one line for people: the canonical architecture's values, spaces that know better say it shorter."""
        values = self.values(self.canonical(architecture))
        return ", ".join(f"{name}={value}" for name, value in values.items())

    @property
    def size(self) -> int:
        """Number of genomes, equal networks counted as often as they are written."""
        return math.prod(len(choice.values) for choice in self.choices)

    def validate(self, architecture: Architecture) -> None:
        """Return None if every gene is in range.

        Raises:
            SpaceError: the architecture belongs to another space, or its genes do not fit the choices.
        """
        if architecture.space != self.name:
            raise SpaceError(
                f"architecture must belong to space '{self.name}'; got '{architecture.space}'. "
                f"Use the space it was made in."
            )
        if len(architecture.genes) != len(self.choices):
            raise SpaceError(
                f"architecture of space '{self.name}' must have {len(self.choices)} genes; "
                f"got {len(architecture.genes)}. Rebuild it from named values."
            )
        for choice, gene in zip(self.choices, architecture.genes, strict=True):
            if type(gene) is not int or not 0 <= gene < len(choice.values):
                raise SpaceError(
                    f"gene '{choice.name}' must be an integer in 0..{len(choice.values) - 1}; got {gene!r} "
                    f"(space '{self.name}'). Choose one of {list(choice.values)}."
                )

    def values(self, architecture: Architecture) -> dict[str, Value]:
        """Return the architecture as choice name -> chosen value."""
        self.validate(architecture)
        return {c.name: c.values[g] for c, g in zip(self.choices, architecture.genes, strict=True)}

    def encode(self, values: Mapping[str, Value]) -> Architecture:
        """Return the architecture with these named values: the inverse of `values`.

        Raises:
            SpaceError: a name is missing or unknown, or a value is not among its choice's values.
        """
        names = [choice.name for choice in self.choices]
        if set(names) != set(values):
            missing, extra = sorted(set(names) - set(values)), sorted(set(values) - set(names))
            raise SpaceError(
                f"architecture of space '{self.name}' must name exactly its choices; "
                f"missing {missing}, unknown {extra}. Known: {names}."
            )
        return Architecture(self.name, tuple(_index(choice, values[choice.name]) for choice in self.choices))

    def random(self, rng: np.random.Generator) -> Architecture:
        """Return an architecture with every gene drawn uniformly."""
        genes: Sequence[int] = [int(rng.integers(len(choice.values))) for choice in self.choices]
        return Architecture(self.name, tuple(genes))


def _index(choice: Choice, value: Value) -> int:
    try:
        return choice.values.index(value)
    except ValueError:
        raise SpaceError(
            f"'{choice.name}' must be one of {list(choice.values)}; got {value!r}. Choose a listed value."
        ) from None
