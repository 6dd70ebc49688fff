"""What makes each single-population strategy itself: ageing, walking, generations, a fitted distribution."""

from __future__ import annotations

import numpy as np

from nas.strategies.cma_es import cma_es
from nas.strategies.genetic import genetic
from nas.strategies.local_search import local_search, neighbours
from nas.strategies.nsga3 import nsga3
from nas.strategies.regularised_evolution import regularised_evolution
from search_spaces.architecture import Choice
from tests.nas.box import Box, Genes, Seen


def seen(genes: Genes, *values: float) -> Seen:
    return Seen(genes, repr(genes), "finished" if values else "running", values or None)


def distance(a: Genes, b: Genes) -> int:
    return sum(x != y for x, y in zip(a, b, strict=True))


def nearest(child: Genes, genomes: list[Genes]) -> int:
    return min(distance(child, genes) for genes in genomes)


def scattered(space: Box, count: int, seed: int = 0) -> list[Genes]:
    rng = np.random.default_rng(seed)
    found: dict[Genes, None] = {}
    while len(found) < count:
        found[space.random(rng)] = None
    return list(found)


def test_the_old_have_no_children_however_good() -> None:
    """The best record is the oldest: with it alive, tournaments of all would always choose it."""
    space = Box(*[6] * 12, ordered=False)
    star, *others = scattered(space, 31)
    past = [seen(star, 1.0), *(seen(genes, 0.5) for genes in others)]
    rng = np.random.default_rng(0)
    children = regularised_evolution(space, past, 20, rng, population=30, sample=30)
    assert all(nearest(child, others) < distance(child, star) for child in children)
    children = regularised_evolution(space, past, 20, rng, population=31, sample=31)
    assert all(distance(child, star) < nearest(child, others) for child in children)


def test_tournaments_of_one_are_no_selection_and_of_all_are_the_best() -> None:
    space = Box(*[6] * 12, ordered=False)
    genomes = scattered(space, 30)
    past = [seen(genes, index / 30) for index, genes in enumerate(genomes)]
    mothers = {
        sample: {
            int(np.argmin([distance(child, genes) for genes in genomes]))
            for child in regularised_evolution(space, past, 60, np.random.default_rng(1), sample=sample)
        }
        for sample in (1, 30)
    }
    assert mothers[30] == {29}
    assert len(mothers[1]) > 15  # 60 draws of 30: fewer than 16 different ones has a probability below 1e-9


def test_neighbours_are_one_step_or_any_value_away() -> None:
    ordered, free = Choice("a", (1, 2, 3, 4), ordered=True), Choice("b", ("x", "y", "z"))
    assert set(neighbours((0, 1), (ordered, free))) == {(1, 1), (0, 0), (0, 2)}
    assert set(neighbours((2, 0), (ordered, free))) == {(1, 0), (3, 0), (2, 1), (2, 2)}


def test_a_walk_sees_all_neighbours_of_the_best_and_then_of_the_next() -> None:
    space = Box(4, 4, 4, ordered=False)
    past = [seen((0, 0, 0), 0.9), seen((3, 3, 3), 0.8), seen((1, 2, 3), 0.1)]
    rng = np.random.default_rng(2)
    walk = local_search(space, past, 9, rng, initial=3)
    assert set(walk) == set(neighbours((0, 0, 0), space.choices))
    running = [*past, *(seen(genes) for genes in walk)]
    assert set(local_search(space, running, 9, rng, initial=3)) == set(neighbours((3, 3, 3), space.choices))
    better = [*running, seen((1, 0, 0), 0.95)]
    assert all(distance(genes, (1, 0, 0)) == 1 for genes in local_search(space, better, 3, rng, initial=3))


def test_a_generation_has_the_parents_of_its_beginning() -> None:
    """What finishes within a generation does not breed before the next one, whatever its value."""
    space = Box(*[6] * 12, ordered=False)
    genomes = scattered(space, 40)
    past = [seen(genes, 0.5 + index / 100) for index, genes in enumerate(genomes[:20])]
    poor = [*past, *(seen(genes, 0.0) for genes in genomes[20:39])]
    rich = [*past, *(seen(genes, 1.0) for genes in genomes[20:39])]
    assert genetic(space, poor, 10, np.random.default_rng(3)) == genetic(space, rich, 10, np.random.default_rng(3))
    full = genetic(space, [*rich, seen(genomes[39], 1.0)], 40, np.random.default_rng(3), crossover=0.0)
    assert all(nearest(child, genomes[20:]) < nearest(child, genomes[:20]) for child in full)


def test_children_by_crossover_mix_two_parents() -> None:
    space = Box(*[6] * 12, ordered=False)
    mother, father = (0,) * 12, (5,) * 12
    children = genetic(space, [seen(mother, 0.5), seen(father, 0.6)], 10, np.random.default_rng(4), mu=2, crossover=1.0)
    assert all(set(child) <= {0, 5} for child in children[:1])
    assert sum(set(child) == {0, 5} for child in children) >= 8


def test_a_distribution_fitted_to_the_best_proposes_near_them() -> None:
    space = Box(50, 50, ordered=True)
    past = [seen(g, 1.0 - (abs(g[0] - 30) + abs(g[1] - 10)) / 100) for g in scattered(space, 60)]
    found = [g for seed in range(5) for g in cma_es(space, past, 4, np.random.default_rng(seed))]
    away = np.mean([abs(a - 30) + abs(b - 10) for a, b in found])
    assert away < 20  # drawn uniformly: 30 on average, and its mean over 20 has a deviation of 3


def test_a_gene_without_order_is_learnt_too() -> None:
    space = Box(6, 6, 6, ordered=False)
    past = [seen(g, 0.9 if g[0] == 4 else 0.2) for g in scattered(space, 60)]
    found = [g for seed in range(10) for g in cma_es(space, past, 2, np.random.default_rng(seed))]
    assert np.mean([g[0] == 4 for g in found]) > 0.4  # uniformly: 1/6 of 20


def test_the_third_nsga_breeds_from_the_front() -> None:
    """All good records share a gene's value; children keep it far more often than chance."""
    space = Box(*[6] * 6, ordered=False)
    genomes = scattered(space, 64)
    past = [seen(g, 0.9 if g[0] == 3 else 0.1, 10.0 + i % 7) for i, g in enumerate(genomes)]
    found = [g for seed in range(10) for g in nsga3(space, past, 2, np.random.default_rng(seed))]
    assert np.mean([g[0] == 3 for g in found]) > 0.4  # uniformly: 1/6 of 20
