"""Small changes of a genome, the same for every space: a neighbour where there is order, else any value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from search_spaces import Choice

NEAR = 0.6
"""Steps on an ordered choice are geometric: P(step = k) = 0.6 * 0.4 ** (k - 1), then clipped to the range."""


def mutated(
    genes: Sequence[int], choices: Sequence[Choice], rng: np.random.Generator, *, expected: float = 1.0
) -> list[int]:
    """Return a copy of `genes` in which at least one gene that has an alternative is another value.

    Args:
        genes: indices into the choices' values.
        choices: the genome's alphabet.
        rng: the only randomness.
        expected: mean number of changed genes (before the guarantee of one); each gene changes independently
            with probability expected / (number of genes with an alternative).
    """
    child = list(genes)
    mutable = [index for index, choice in enumerate(choices) if len(choice.values) > 1]
    if not mutable:
        return child
    hit = [index for index in mutable if rng.random() < expected / len(mutable)]
    for index in hit or [mutable[int(rng.integers(len(mutable)))]]:
        child[index] = _other(child[index], choices[index], rng)
    return child


def _other(gene: int, choice: Choice, rng: np.random.Generator) -> int:
    last = len(choice.values) - 1
    if not choice.ordered:
        other = int(rng.integers(last))
        return other + (other >= gene)
    step = int(rng.geometric(NEAR))
    up = gene == 0 or (gene < last and rng.random() < 0.5)
    return min(gene + step, last) if up else max(gene - step, 0)
