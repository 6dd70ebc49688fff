"""A kept history against a plain list of the same observations: every strategy proposes the same, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

from nas.strategies import STRATEGIES
from nas.strategies.chronicle import Chronicle, Ranked, digests, parents
from nas.strategies.deap_tools import _needed
from tests.nas.box import Box, Seen

SPACE = Box(7, 5, 3, 4, 6, 2, ordered=False)
KEPT = ("evolution", "genetic", "local_search", "random", "regularised_evolution")
"""Strategies that ask a kept history for more than its records; the others read all of it, as of a list."""


def seen(rng: np.random.Generator, genes: tuple[int, ...], objectives: int, values: int) -> Seen:
    state = ("finished", "finished", "finished", "failed", "running")[int(rng.integers(5))]
    point = tuple(float(value) for value in rng.integers(1, values, size=objectives))
    if rng.random() < 0.03:
        point = (float("nan"), *point[1:])
    return Seen(genes, repr(genes), state, point if state == "finished" else None)


def told(history: list[Seen], rng: np.random.Generator) -> Chronicle[Seen]:
    """The history as a search sees it: all running at first, then closed in any order."""
    chronicle: Chronicle[Seen] = Chronicle()
    for key, one in enumerate(history):
        chronicle.put(10 * key, Seen(one.genes, one.digest, "running", None))
    for key in rng.permutation(len(history)).tolist():
        chronicle.put(10 * key, history[key])
        if rng.random() < 0.1 and chronicle.parents:
            chronicle.parents.leading(5)  # its fronts are sorted as they come, or many at once
    return chronicle


@pytest.mark.parametrize("strategy", KEPT)
@pytest.mark.parametrize("objectives", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_strategies_propose_the_same(strategy: str, objectives: int, seed: int) -> None:
    rng = np.random.default_rng([objectives, seed])
    genomes = list(dict.fromkeys(SPACE.random(rng) for _ in range(int(rng.integers(20, 300)))))
    history = [seen(rng, genes, objectives, (4, 10**6)[seed % 2]) for genes in genomes]
    kept = told(history, rng)
    assert list(kept) == history and digests(kept) == digests(history)
    assert list(parents(kept)) == list(parents(history))
    for count in (1, 16):
        plain = STRATEGIES[strategy](SPACE, history, count, np.random.default_rng(seed))
        assert STRATEGIES[strategy](SPACE, kept, count, np.random.default_rng(seed)) == plain
    assert list(kept) == history, "a strategy left its history as it was"


@pytest.mark.parametrize("objectives", [1, 2, 3])
@pytest.mark.parametrize("values", [3, 30, 10**6])
def test_the_leading_fronts_of_the_first_records_are_those_of_a_list(objectives: int, values: int) -> None:
    rng = np.random.default_rng([objectives, values])
    for _ in range(20):
        kept, every = Ranked[Seen](), dict[int, Seen]()
        for key in rng.permutation(int(rng.integers(1, 80))).tolist():
            for _ in range(1 + int(rng.random() < 0.2)):  # now and then a better record takes another's place
                point = tuple(float(value) for value in rng.integers(values, size=objectives))
                every[key] = Seen((key,), str(key), "finished", point)
                kept.put(key, every[key])
            ordered = [every[key] for key in sorted(every)]
            size, first = int(rng.integers(1, 40)), int(rng.integers(1, len(every) + 5))
            looked_at = ordered[:first]
            found = kept.leading(size, first)
            if size >= len(looked_at):
                assert found == looked_at
            elif objectives > 1:
                assert found == [looked_at[index] for index in _needed(looked_at, size)]
            else:  # a list is cut at `size`, here those as good as the last come too
                least = sorted((one.values or (0.0,))[0] for one in looked_at)[-size]
                assert found == [one for one in looked_at if (one.values or (0.0,))[0] >= least]
