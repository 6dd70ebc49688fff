"""Guidance: acquisitions against their definitions, guides that know nothing switched off, proposals as promised."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.errors import NasError
from nas.guidance import ACQUISITIONS, GUIDES, Guidance, GuidanceSettings, accuracy, guided, merit
from nas.guidance.acquisition import expected_improvement, thompson, upper_confidence
from nas.guidance.skill import beats_chance, skill
from nas.guidance.spread import farthest
from nas.strategies import STRATEGIES
from tests.nas.box import Seen
from tests.nas.test_strategies import Toy, check, history

NAMES = ("genes/a", "genes/b", "genes/c")


@given(st.floats(0.0, 1.0))
@settings(deadline=None)
def test_merit_and_accuracy_are_inverse(value: float) -> None:
    assert accuracy(float(merit(np.array([value]))[0])) == pytest.approx(value, abs=1e-12)


def test_halving_the_error_counts_alike() -> None:
    steps = np.diff(merit(1.005 - np.array([0.8, 0.4, 0.2, 0.1])))
    assert steps == pytest.approx([np.log(2)] * 3)


@pytest.mark.parametrize("mean", [-1.0, 0.0, 0.7])
@pytest.mark.parametrize("deviation", [0.1, 1.0])
def test_expected_improvement_is_the_integral(mean: float, deviation: float) -> None:
    z = np.linspace(-9.0, 9.0, 200_001)
    gain = np.maximum(mean + deviation * z - 0.3, 0.0) * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    integral = float(((gain[1:] + gain[:-1]) / 2 * np.diff(z)).sum())
    found = expected_improvement(np.array([mean]), np.array([deviation]), 0.3, np.random.default_rng(0))
    assert found[0] == pytest.approx(integral, abs=1e-9)


def test_hopeless_proposals_stay_ordered() -> None:
    mean = np.array([-50.0, -20.0, -10.0, 0.0])
    found = expected_improvement(mean, np.ones(4), 1.0, np.random.default_rng(0))
    assert np.all(np.diff(found) > 0)


def test_confidence_adds_a_deviation_and_thompson_draws_one() -> None:
    rng, mean, deviation = np.random.default_rng(0), np.zeros(20_000), np.full(20_000, 2.0)
    assert upper_confidence(mean, deviation, 0.0, rng) == pytest.approx(deviation)
    drawn = thompson(mean, deviation, 0.0, rng)
    assert drawn.mean() == pytest.approx(0.0, abs=0.07)  # five standard errors
    assert drawn.std() == pytest.approx(2.0, abs=0.05)


def test_chance_passes_one_guide_in_ten() -> None:
    """2,000 permutations of 12 ranks; the band is five standard errors wide on each side, and ties in tau add 0.02."""
    from scipy import stats

    rng = np.random.default_rng(0)
    taus = [stats.kendalltau(np.arange(12), rng.permutation(12)).statistic for _ in range(2000)]
    assert 0.05 < np.mean([beats_chance(tau, 12) for tau in taus]) < 0.14


@pytest.mark.parametrize("name", sorted(GUIDES))
def test_a_guide_learns_what_can_be_learnt_and_is_sure_where_it_has_seen(name: str) -> None:
    rng = np.random.default_rng(1)
    x = rng.random((40, 3))
    y = np.sin(3 * x[:, 0]) + x[:, 1]
    assert skill(lambda: GUIDES[name](NAMES, 0), x, y, rng) > 0.4
    guide = GUIDES[name](NAMES, 0).fit(x, y)
    mean, deviation = guide.posterior(x)
    assert np.corrcoef(mean, y)[0, 1] > 0.95
    assert np.all(deviation > 0)
    again = GUIDES[name](NAMES, 0).fit(x, y).posterior(x)
    assert np.array_equal(again[0], mean) and np.array_equal(again[1], deviation)


def test_the_process_is_less_sure_far_away() -> None:
    rng = np.random.default_rng(2)
    x = rng.random((30, 3))
    guide = GUIDES["process"](NAMES, 0).fit(x, x.sum(axis=1))
    near, far = guide.posterior(x)[1], guide.posterior(x + 3.0)[1]
    assert np.median(far) > 3 * np.median(near)


def test_noise_switches_guidance_off_most_of_the_time() -> None:
    """A guide of pure noise passes in one case of ten: 6 of 10 or more have a probability of 0.02 %."""
    rng = np.random.default_rng(3)
    settings = GuidanceSettings(guides=("process",))
    on = [Guidance(settings, NAMES).guide(rng.random((20, 3)), rng.random(20)) is not None for _ in range(10)]
    assert sum(on) < 6


def test_the_guide_that_ranks_better_is_chosen_and_named() -> None:
    rng = np.random.default_rng(4)
    x = rng.random((40, 3))
    y = x[:, 0] + 0.5 * x[:, 1]
    chosen = Guidance(GuidanceSettings(), NAMES).guide(x, y)
    assert chosen is not None
    taus = {name: skill(partial(make, NAMES, 0), x, y, np.random.default_rng(40)) for name, make in GUIDES.items()}
    assert chosen.name == max(taus, key=lambda name: taus[name])
    assert chosen.tau == pytest.approx(max(taus.values()))


def test_equal_accuracies_teach_nothing() -> None:
    assert Guidance(GuidanceSettings(), NAMES).guide(np.random.default_rng(5).random((30, 3)), np.zeros(30)) is None


@given(st.integers(0, 20_000))
@settings(deadline=None)
def test_a_fit_leaves_out_less_than_a_tenth_and_never_sees_the_future(count: int) -> None:
    rows = Guidance(GuidanceSettings(minimum=10), NAMES).fitted_rows(count)
    assert rows <= count
    assert (rows == 0) == (count < 10)
    assert count < 10 or 0 <= count - rows < max(1, count / 10)


def test_farthest_points_are_greedy() -> None:
    rng = np.random.default_rng(6)
    candidates, known = rng.random((30, 3)), rng.random((4, 3))
    scale = candidates.std(axis=0)
    chosen = farthest(candidates, known, 5)
    taken = [row / scale for row in known]
    for pick in chosen:
        distances = [min(float(((row / scale - other) ** 2).sum()) for other in taken) for row in candidates]
        assert pick == int(np.argmax(distances))
        taken.append(candidates[pick] / scale)
    assert len(set(farthest(candidates, known[:0], 30))) == 30


def describe(genes: tuple[int, ...]) -> np.ndarray:
    return np.array(genes, dtype=np.float64)


@pytest.mark.parametrize("acquisition", sorted(ACQUISITIONS))
@pytest.mark.parametrize("size", [0, 5, 60])
def test_guided_strategies_keep_the_contract(acquisition: str, size: int) -> None:
    space = Toy(even_only=True)
    names = [f"genes/{index}" for index in range(6)]
    settings = GuidanceSettings(acquisition=acquisition, guides=("process",))
    past = history(space, size, 1)
    first = guided(STRATEGIES["evolution"], describe, names, settings)(space, past, 6, np.random.default_rng(1))
    again = guided(STRATEGIES["evolution"], describe, names, settings)(space, past, 6, np.random.default_rng(1))
    assert first == again
    assert len(first) == 6
    check(space, past, first)
    assert guided(STRATEGIES["random"], describe, names, settings)(space, past, 0, np.random.default_rng(1)) == []


def learnt(value: bool) -> list[Seen]:
    """40 records whose accuracy is one gene's value, or all the same."""
    space = Toy()
    return [
        Seen(r.genes, r.digest, "finished", (0.5 + 0.05 * r.genes[2] if value else 0.5,))
        for r in history(space, 40, 1, state="finished")
    ]


def test_guidance_prefers_what_it_learnt_and_leaves_an_exploring_share() -> None:
    names = [f"genes/{index}" for index in range(6)]
    space = Toy()

    def mean_gene(explore: float) -> float:
        settings = GuidanceSettings(explore=explore, oversample=64, guides=("process",))
        strategy = guided(STRATEGIES["random"], describe, names, settings)
        found = [strategy(space, learnt(True), 4, np.random.default_rng(seed)) for seed in range(5)]
        return float(np.mean([genes[2] for proposals in found for genes in proposals]))

    assert mean_gene(0.0) > 5.5  # uniform: 3.5, and a mean of 20 has a deviation of 0.5
    assert mean_gene(1.0) < 5.0


def test_where_nothing_can_be_learnt_the_proposals_are_the_strategys_own() -> None:
    space, past = Toy(), learnt(False)
    settings = GuidanceSettings(oversample=16)
    names = [f"genes/{index}" for index in range(6)]
    proposals = guided(STRATEGIES["random"], describe, names, settings)(space, past, 4, np.random.default_rng(7))
    rng = np.random.default_rng(7)
    rng.binomial(4, settings.explore)
    assert proposals == STRATEGIES["random"](space, past, 16, rng)[:4]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"minimum": 2}, "guidance needs minimum >= 3"),
        ({"explore": 1.5}, "explore in \\[0, 1\\]"),
        ({"guides": ()}, "at least one guide"),
        ({"guides": ("proces",)}, "did you mean 'process'"),
        ({"acquisition": "ei"}, "unknown acquisition 'ei'"),
    ],
)
def test_bad_settings_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(NasError, match=message):
        GuidanceSettings(**change)  # type: ignore[arg-type]
