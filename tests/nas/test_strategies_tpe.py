"""What makes tpe Optuna's: it learns, it spreads parallel proposals, and it leaves Optuna as it was."""

from __future__ import annotations

import warnings

import numpy as np
import optuna
import pytest

from nas.strategies.tpe import tpe
from search_spaces.architecture import Choice
from tests.nas.box import Genes, Seen


class Line:
    """One ordered gene (position) and one unordered (colour)."""

    choices = (Choice("position", tuple(range(50)), ordered=True), Choice("colour", ("red", "green", "blue")))

    def canonical(self, genes: Genes) -> Genes:
        return genes

    def digest(self, genes: Genes) -> str:
        return repr(genes)

    def random(self, rng: np.random.Generator) -> Genes:
        return int(rng.integers(50)), int(rng.integers(3))

    def feasible(self, genes: Genes) -> bool:
        return True


def measured() -> list[Seen]:
    """Accuracy peaks at position 30 and colour 1; every third position and its three colours are known."""
    return [
        Seen((p, c), repr((p, c)), "finished", (1.0 - abs(p - 30) / 50 - 0.3 * (c != 1),))
        for p in range(0, 50, 3)
        for c in range(3)
    ]


def test_proposals_lie_where_the_history_is_best() -> None:
    proposals = [g for seed in range(5) for g in tpe(Line(), measured(), 4, np.random.default_rng(seed))]
    distance = np.mean([abs(p - 30) for p, _ in proposals])
    assert distance < 10  # uniform: 13.4 expected; twenty draws
    assert np.mean([c == 1 for _, c in proposals]) > 0.5


def test_running_records_repel() -> None:
    """With the best region already running, fewer proposals fall into it than without (20 calls each)."""
    taken = [Seen((p, 1), repr((p, 1)), "running", None) for p in (28, 29, 31, 32) for _ in range(5)]

    def near(past: list[Seen]) -> int:
        calls = [tpe(Line(), past, 1, np.random.default_rng(seed))[0] for seed in range(20)]
        return sum(26 <= p <= 34 and c == 1 for p, c in calls)

    assert near([*measured(), *taken]) < near(measured())


def test_optuna_says_nothing_and_keeps_its_level(capfd: pytest.CaptureFixture[str]) -> None:
    optuna.logging.set_verbosity(optuna.logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tpe(Line(), measured(), 2, np.random.default_rng(0))
        assert optuna.logging.get_verbosity() == optuna.logging.INFO
    finally:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
    assert capfd.readouterr().err == ""
