from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruning import ranking
from pruning.ranking import DEAD, _shuffled, top, top_across

scores_with_ties = st.lists(st.sampled_from([0.0, 1.0, 2.5, -1.0]), min_size=1, max_size=40)


def ranked(scores: list[float], ties: int) -> list[int]:
    """The total order itself: score first, then the shuffled index."""
    keys = _shuffled(torch.arange(len(scores)), ties).tolist()
    return sorted(range(len(scores)), key=lambda i: (scores[i], keys[i]), reverse=True)


@given(scores_with_ties, st.integers(0, 2**62), st.data())
def test_top_is_the_head_of_the_total_order(scores: list[float], ties: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, len(scores)))
    kept = top(torch.tensor(scores, dtype=torch.float64), count, ties)
    assert kept.nonzero().flatten().tolist() == sorted(ranked(scores, ties)[:count])


@given(st.lists(scores_with_ties, min_size=1, max_size=6), st.integers(0, 2**62), st.data())
def test_top_across_is_the_head_once_each_layer_has_its_best(
    layers: list[list[float]], ties: int, data: st.DataObject
) -> None:
    flat = [score for layer in layers for score in layer]
    count = data.draw(st.integers(len(layers), len(flat)))
    order = ranked(flat, ties)
    owner = [number for number, layer in enumerate(layers) for _ in layer]
    best = {next(i for i in order if owner[i] == number) for number in range(len(layers))}
    expected = set(best)
    for index in order:
        if len(expected) < count:
            expected.add(index)
    if {owner[i] for i in order[:count]} == set(range(len(layers))):
        assert expected == set(order[:count])  # the floor costs nothing where the plain ranking has no empty layer
    kept = top_across(torch.tensor(flat, dtype=torch.float64), [len(layer) for layer in layers], count, ties)
    assert set(kept.nonzero().flatten().tolist()) == expected


@given(st.lists(st.floats(-3, 3, width=16), min_size=1, max_size=60), st.integers(0, 60), st.integers(0, 2**62))
def test_bounds_from_a_sample_change_nothing(scores: list[float], dead: int, ties: int) -> None:
    # Samples of a few scores and bounds of half a deviation: they miss the threshold as often as they hold it.
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("_FEW", 4), ("_SAMPLE", 4), ("_DEVIATIONS", 0.5)):
            patch.setattr(ranking, name, value)
        given_scores = torch.tensor([DEAD] * dead + scores, dtype=torch.float64)
        order = [i for i in ranked(given_scores.tolist(), ties) if given_scores[i] > DEAD]
        for count in range(len(scores) + 1):
            kept = top(given_scores, count, ties)
            assert kept.nonzero().flatten().tolist() == sorted(order[:count])


def test_a_large_ranking_is_that_of_a_sort() -> None:
    generator = torch.Generator().manual_seed(5)
    scores = torch.randn(400_000, generator=generator, dtype=torch.float64)
    scores[torch.rand(400_000, generator=generator) < 0.8] = DEAD
    order = scores.argsort(descending=True, stable=True)
    for count in (1, 500, 60_000, 79_000, int((scores > DEAD).sum())):
        kept = top(scores, count, 0)
        assert kept.nonzero().flatten().tolist() == order[:count].sort().values.tolist()


def test_dead_weights_are_never_kept() -> None:
    scores = torch.tensor([DEAD, -5.0, DEAD, -7.0], dtype=torch.float64)
    assert top(scores, 2, 0).tolist() == [False, True, False, True]


def test_ties_are_spread_evenly() -> None:
    # 10000 of 100000 equal scores, kept per tenth of the index range: each count is hypergeometric with mean 1000
    # and standard deviation 28.5. Six deviations: a false alarm is below 1e-7, and the seed is fixed.
    kept = top(torch.zeros(100_000, dtype=torch.float64), 10_000, ties=7)
    tenths = kept.view(10, -1).sum(1)
    assert int(kept.sum()) == 10_000
    assert bool(((tenths - 1000).abs() < 171).all())


def test_shuffling_is_a_bijection() -> None:
    keys = _shuffled(torch.arange(200_000), seed=3)
    assert len(set(keys.tolist())) == 200_000
    # splitmix64 from state 0: its first outputs are the finaliser of multiples of the golden gamma
    gamma = 0x9E3779B97F4A7C15 - 2**64
    assert int(_shuffled(torch.tensor([gamma]), 0)) == 0xE220A8397B1DCDAF - 2**64
