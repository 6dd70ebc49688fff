"""The arithmetic of benchmarks, how their tables are kept, and the command that runs them."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from experiments.benchmarks.paired import paired_difference
from experiments.benchmarks.screening import _volumes
from experiments.benchmarks.table import Table
from tests.experiments.commands import run


def test_paired_difference_by_hand() -> None:
    """Differences 1, 2, 3: mean 2, deviation 1, and Student's t at 97.5 % with two degrees of freedom is 4.3027."""
    found = paired_difference([2.0, 3.0, 4.0], [1.0, 1.0, 1.0])
    half = 4.302653 / math.sqrt(3)
    assert (found.mean, found.wins, found.pairs) == (2.0, 3, 3)
    assert [found.low, found.high] == pytest.approx([2 - half, 2 + half], abs=1e-4)
    assert not found.settled
    assert paired_difference([2.0, 3.0, 2.5], [1.0, 2.0, 1.5]).settled


@pytest.mark.parametrize(("first", "second"), [([1.0], [1.0]), ([1.0, 2.0], [1.0])])
def test_incomplete_pairs_are_refused(first: list[float], second: list[float]) -> None:
    with pytest.raises(ValueError, match="pairs must be at least two and complete"):
        paired_difference(first, second)


def test_volumes_by_hand() -> None:
    """Two networks, 100 and 10,000 weights: the box is two decades wide and 0.9 high."""
    curve = ("evolution", True, 0, [(0.55, 100.0), (1.0, 10_000.0), (0.55, 10_000.0)], 1.0)
    volumes = _volumes(curve[3], [curve])
    assert volumes.tolist() == pytest.approx([0.5, 0.5, 0.5])  # at the dear edge of the box nothing is dominated
    assert _volumes([(1.0, 100.0)], [curve]).tolist() == pytest.approx([1.0])


def test_a_table_is_kept_as_json_and_csv(tmp_path: Path) -> None:
    rows = [{"seed": 0, "accuracy": 0.5}, {"seed": 1, "accuracy": 0.75}]
    table = Table("toy", "two seeds", rows, {"mean": 0.625})
    table.write(tmp_path / "new")
    kept = json.loads((tmp_path / "new/toy.json").read_text())
    assert (kept["name"], kept["protocol"], kept["summary"]) == ("toy", "two seeds", {"mean": 0.625})
    with (tmp_path / "new/toy.csv").open() as file:
        assert [float(row["accuracy"]) for row in csv.DictReader(file)] == [0.5, 0.75]


def test_bench_lists_and_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    listed = run(capsys, "bench", "--json")
    assert set(json.loads(listed.out)["benchmarks"]) >= {"executors", "overhead", "resume", "screening", "training"}
    refused = run(capsys, "bench", "screning")
    assert refused.code == 2
    assert "unknown benchmark 'screning'; did you mean 'screening'?" in refused.err


def test_reproduce_lists_and_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    listed = run(capsys, "reproduce", "--json")
    assert set(json.loads(listed.out)["reproductions"]) >= {"isometry-rules", "signal-propagation"}
    refused = run(capsys, "reproduce", "signal-propagaton")
    assert refused.code == 2
    assert "unknown reproduction 'signal-propagaton'; did you mean 'signal-propagation'?" in refused.err
