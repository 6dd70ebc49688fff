"""The report's hypervolume, against areas that can be counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from experiments.report.page import page
from experiments.report.summary import RunSummary, Trial
from experiments.report.volume import dominated
from tests.experiments.summaries import summary


def run(*trials: tuple[float, int], **changes: object) -> RunSummary:
    made = [
        Trial(n, "finished", "random", "erk", 0.5, accuracy=a, kept=k, total=1_000, seconds=1.0)
        for n, (a, k) in enumerate(trials)
    ]
    return replace(summary(0), trials=tuple(made), **changes)  # type: ignore[arg-type]


def test_the_share_is_the_area_below_the_front() -> None:
    """From accuracy .5 to .9 and from 10 to 1,000 weights, by their logarithm: (0, 1), (1, 0), (.5, .5), (.75, .5)."""
    found = dominated(run((0.5, 10), (0.9, 1_000), (0.7, 100), (0.8, 100)))
    assert found == pytest.approx([0.0, 0.0, 0.25, 0.375])


def test_it_never_falls_and_stays_a_share() -> None:
    found = dominated(summary(60))
    assert len(found) == len(summary(60).finished)
    assert (np.diff(found) >= -1e-12).all()
    assert 0.0 <= found[0] <= found[-1] <= 1.0


def test_where_there_is_no_box_there_is_no_share_and_no_section() -> None:
    one = run((0.5, 10), (0.9, 1_000), objectives=("val_accuracy",))
    equal = run((0.5, 10), (0.9, 10))
    for without in (one, equal, run((0.5, 10)), run()):
        assert len(dominated(without)) == 0
        assert "Hypervolume" not in page(without)
    assert "Hypervolume" in page(summary(20))
