"""The contract every strategy joins: pure, in range, canonical, feasible, new; whatever the history."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from nas.strategies import STRATEGIES, Strategy
from search_spaces.architecture import Choice
from tests.nas.box import Genes, Seen


class Toy:
    """A space with dead genes: the last two are ignored (canonically 0) when the first is 0; odd sums may be out."""

    def __init__(self, sizes: Sequence[int] = (3, 1, 8, 4, 8, 4), *, even_only: bool = False) -> None:
        self.choices = tuple(Choice(f"g{i}", tuple(range(size)), ordered=size == 8) for i, size in enumerate(sizes))
        self.even_only = even_only

    def canonical(self, genes: Genes) -> Genes:
        return genes if genes[0] else (*genes[:-2], 0, 0)

    def digest(self, genes: Genes) -> str:
        return repr(self.canonical(genes))

    def random(self, rng: np.random.Generator) -> Genes:
        return tuple(int(rng.integers(len(choice.values))) for choice in self.choices)

    def feasible(self, genes: Genes) -> bool:
        return not self.even_only or sum(genes) % 2 == 0


def history(space: Toy, count: int, objectives: int, state: str | None = None, seed: int = 0) -> list[Seen]:
    rng = np.random.default_rng(seed)
    seen: dict[str, Seen] = {}
    while len(seen) < count:
        genes = space.canonical(space.random(rng))
        kind = state or ("running" if len(seen) % 7 == 3 else "failed" if len(seen) % 7 == 5 else "finished")
        values = tuple(map(float, (rng.random(), *rng.integers(1, 10_000, objectives - 1))))
        seen[space.digest(genes)] = Seen(genes, space.digest(genes), kind, values if kind == "finished" else None)
    return list(seen.values())


@pytest.fixture(params=sorted(STRATEGIES))
def strategy(request: pytest.FixtureRequest) -> Strategy:
    return STRATEGIES[request.param]


def check(space: Toy, past: Sequence[Seen], proposals: list[Genes]) -> None:
    known = {record.digest for record in past}
    digests = [space.digest(genes) for genes in proposals]
    assert len(set(digests)) == len(digests), "the same network twice in one call"
    assert known.isdisjoint(digests), "a network already known"
    for genes in proposals:
        assert all(0 <= gene < len(c.values) for gene, c in zip(genes, space.choices, strict=True))
        assert all(type(gene) is int for gene in genes)
        assert genes == space.canonical(genes)
        assert space.feasible(genes)


@pytest.mark.parametrize("objectives", [1, 2, 3])
@pytest.mark.parametrize("size", [0, 5, 60])
def test_proposals_are_new_canonical_and_feasible(strategy: Strategy, size: int, objectives: int) -> None:
    space = Toy(even_only=True)
    past = history(space, size, objectives)
    proposals = strategy(space, past, 12, np.random.default_rng(1))
    assert len(proposals) == 12
    check(space, past, proposals)


@pytest.mark.parametrize("state", ["failed", "running"])
def test_a_history_without_results_is_no_obstacle(strategy: Strategy, state: str) -> None:
    space = Toy()
    past = history(space, 40, 2, state=state)
    proposals = strategy(space, past, 8, np.random.default_rng(1))
    assert len(proposals) == 8
    check(space, past, proposals)


def test_equal_values_and_not_finite_ones_are_no_obstacle(strategy: Strategy) -> None:
    space = Toy()
    past = [
        Seen(r.genes, r.digest, "finished", (0.5, 10.0) if i % 5 else (float("nan"), 10.0))
        for i, r in enumerate(history(space, 40, 2))
    ]
    check(space, past, strategy(space, past, 8, np.random.default_rng(1)))


def test_no_proposals_wanted_none_given(strategy: Strategy) -> None:
    space = Toy()
    assert strategy(space, history(space, 40, 2), 0, np.random.default_rng(1)) == []


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_a_pure_function_of_history_and_generator(strategy: Strategy, objectives: int) -> None:
    space = Toy()
    past = history(space, 60, objectives)
    before = copy.deepcopy(past)
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    first = strategy(space, past, 8, np.random.default_rng(3))
    assert random.getstate() == states[0]
    assert all(np.array_equal(a, b) for a, b in zip(np.random.get_state(), states[1], strict=True))  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])
    assert past == before
    random.seed(6)
    np.random.seed(6)  # noqa: NPY002
    assert strategy(space, past, 8, np.random.default_rng(3)) == first, "global state shows in the proposals"
    assert strategy(space, past, 8, np.random.default_rng(4)) != first


def test_a_small_space_is_proposed_to_the_last_network_and_then_no_more(strategy: Strategy) -> None:
    space = Toy((2, 3, 2, 4))  # first gene 0: 3 networks; first gene 1: 3 * 2 * 4
    past: list[Seen] = []
    rng = np.random.default_rng(0)
    while proposals := strategy(space, past, 4, rng):
        check(space, past, proposals)
        past += [
            Seen(genes, space.digest(genes), "finished", (float(sum(genes)), float(genes[1] + 1)))
            for genes in proposals
        ]
    assert len(past) == 3 + 24


def search(
    strategy: Strategy, space: Toy, value: Callable[[Genes], tuple[float, ...]], trials: int, seed: int
) -> list[Seen]:
    """Run `trials` evaluations of `value`, four at a time, the others running meanwhile."""
    rng = np.random.default_rng(seed)
    past: list[Seen] = []
    while len(past) < trials:
        for genes in strategy(space, past, 4, rng):
            past.append(Seen(genes, space.digest(genes), "finished", value(genes)))
    return past


WIDE = (8, 1, 8, 5, 5, 8, 8, 5, 5, 8)


def separable(genes: Genes) -> tuple[float, ...]:
    """Accuracy: minus the squared distance to a known optimum, gene by gene."""
    target = (5, 0, 2, 3, 1, 6, 1, 4, 2, 3)
    return (-float(sum((a - b) ** 2 for a, b in zip(genes, target, strict=True))),)


@pytest.mark.parametrize("name", ["evolution", "local_search", "regularised_evolution", "tpe"])
def test_beats_random_on_a_separable_function(name: str) -> None:
    """Eight paired seeds, all won. Were the strategy no better than random, P = 2 ** -8 = 0.4 %."""
    for seed in range(8):
        best = {
            key: max(r.values[0] for r in search(STRATEGIES[key], Toy(WIDE), separable, 64, seed) if r.values)
            for key in (name, "random")
        }
        assert best[name] > best["random"], (seed, best)
