"""What makes evolution NSGA-II: who the parents are, what the operators do, and that DEAP stays fenced."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.strategies.deap_tools import deap_seeded, select
from nas.strategies.evolution import evolution
from nas.strategies.mutation import mutated
from search_spaces.architecture import Choice
from tests.nas.box import Box, Genes, Seen


def record(index: int, values: tuple[float, ...], genes: Genes | None = None) -> Seen:
    return Seen(genes or (index,), str(index), "finished", values)


def fronts(values: list[tuple[float, ...]]) -> list[set[int]]:
    """Non-dominated sorting by its definition: peel off what nothing left dominates."""

    def dominates(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
        signed = [(x, y) if i == 0 else (-x, -y) for i, (x, y) in enumerate(zip(a, b, strict=True))]
        return all(x >= y for x, y in signed) and any(x > y for x, y in signed)

    left, peeled = set(range(len(values))), []
    while left:
        front = {i for i in left if not any(dominates(values[j], values[i]) for j in left)}
        peeled.append(front)
        left -= front
    return peeled


@settings(deadline=None)
@given(
    st.integers(1, 3).flatmap(lambda n: st.lists(st.tuples(*[st.integers(0, 6)] * n), min_size=1, max_size=30)),
    st.integers(1, 30),
)
def test_the_population_is_whole_fronts_first(points: list[tuple[int, ...]], size: int) -> None:
    values = [tuple(map(float, point)) for point in points]
    chosen = {individual[0] for individual in select([record(i, v) for i, v in enumerate(values)], size)}
    assert len(chosen) == min(size, len(values))
    for front in fronts(values):
        if not front <= chosen:
            assert chosen <= set().union(*fronts(values)[: fronts(values).index(front) + 1])
            break


def test_crowding_keeps_the_ends_and_halvings_count_alike() -> None:
    """On a front of costs 2**0..2**20 with accuracy rising evenly, the kept points are spread over all scales."""
    past = [record(i, (i / 20, float(2**i))) for i in range(21)]
    chosen = sorted(individual[0] for individual in select(past, 8))
    assert {0, 20} <= set(chosen)


def test_parents_are_the_best_finished_records_only() -> None:
    """Genomes far apart: a child of one parent by a step of mutation shows whose it is."""
    space = Box(1000, 1000, ordered=True)
    good = [record(i, (0.9, 1.0), (100 + i, 100)) for i in range(20)]
    bad = [record(100 + i, (0.1, 5.0), (900, 800 + i)) for i in range(20)]
    failed = [Seen((500, 500 + i), f"f{i}", "failed", None) for i in range(20)]
    children = evolution(space, [*bad, *failed, *good], 50, np.random.default_rng(0), population=20)
    assert all(90 <= a <= 130 and 85 <= b <= 115 for a, b in children)


def test_before_enough_records_have_finished_proposals_are_random() -> None:
    space = Box(1000, 1000, ordered=True)
    past = [record(i, (0.9, 1.0), (i, 0)) for i in range(15)]
    proposals = evolution(space, past, 200, np.random.default_rng(0), initial=16)
    assert np.mean([b > 500 for _, b in proposals]) > 0.3  # 200 fair coins fall below 60 with P < 1e-8


@pytest.mark.parametrize("population", [1, 2, 3, 4, 5, 7])
def test_any_population_size_will_do(population: int) -> None:
    space = Box(9, 9, 9, 9, ordered=True)
    rng = np.random.default_rng(0)
    past = [record(i, (i / 20, 20.0 + i), space.random(rng)) for i in range(20)]
    assert len(evolution(space, past, 10, rng, population=population)) == 10


def test_the_fence_restores_global_state_after_an_exception_too() -> None:
    state, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    with pytest.raises(RuntimeError), deap_seeded(np.random.default_rng(0)):
        random.random()
        np.random.random()  # noqa: NPY002
        raise RuntimeError
    assert random.getstate() == state
    assert all(np.array_equal(a, b) for a, b in zip(np.random.get_state(), legacy, strict=True))  # noqa: NPY002


def test_deap_creator_gets_no_classes() -> None:
    from deap import creator

    before = set(vars(creator))
    test_any_population_size_will_do(4)
    assert set(vars(creator)) == before


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=8), st.integers(0, 999))
def test_mutation_changes_a_gene_and_stays_in_range(sizes: list[tuple[int, bool]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    choices = [Choice(f"g{i}", tuple(range(n)), ordered) for i, (n, ordered) in enumerate(sizes)]
    genes = [int(rng.integers(n)) for n, _ in sizes]
    before = list(genes)
    child = mutated(genes, choices, rng)
    assert genes == before
    assert all(0 <= gene < n for gene, (n, _) in zip(child, sizes, strict=True))
    assert (child != genes) == any(n > 1 for n, _ in sizes)


def test_ordered_choices_step_to_neighbours_and_unordered_ones_anywhere_else() -> None:
    """Frequencies over 4,000 draws, against the stated law within 5 standard errors (false alarm < 1e-5)."""
    rng = np.random.default_rng(0)
    line = [Choice("x", tuple(range(21)), ordered=True)]
    steps = Counter(abs(mutated([10], line, rng)[0] - 10) for _ in range(4000))
    for step, share in ((1, 0.6), (2, 0.24), (3, 0.096)):
        assert steps[step] / 4000 == pytest.approx(share, abs=5 * (share * (1 - share) / 4000) ** 0.5)
    bag = [Choice("x", tuple("abcde"))]
    values = Counter(mutated([2], bag, rng)[0] for _ in range(4000))
    assert set(values) == {0, 1, 3, 4}
    for count in values.values():
        assert count / 4000 == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / 4000) ** 0.5)


def test_one_gene_in_the_mean_is_mutated() -> None:
    """With 20 genes at rate 1/20 each and at least one: mean 1 + (1 - 1/20) ** 20 = 1.358."""
    rng = np.random.default_rng(0)
    choices = [Choice(f"g{i}", tuple(range(9)), ordered=True) for i in range(20)]
    changed = [sum(a != 4 for a in mutated([4] * 20, choices, rng)) for _ in range(4000)]
    assert np.mean(changed) == pytest.approx(1 + 0.95**20, abs=5 * np.std(changed) / 4000**0.5)
