"""The search benchmark's bookkeeping: runs that end at the optimum, incumbents, regret with its error."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from experiments.benchmarks.cells import Cells, incumbents, networks, run
from experiments.benchmarks.search import Arm
from experiments.benchmarks.search_markdown import MARKS
from experiments.benchmarks.simulated import Simulated
from nas.executors import Job
from nas.outcomes import Failure
from nas.strategies import STRATEGIES
from search_spaces import cell_graph

module = importlib.import_module("experiments.benchmarks.search")

ACCURACY = np.random.default_rng(0).random(cell_graph.COUNT)
BEST = float(ACCURACY[networks()].max())


def test_a_run_asks_for_no_network_twice_and_keeps_the_best() -> None:
    asked: list[int] = []

    def spy(space: object, history: object, count: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
        found = STRATEGIES["random"](space, history, count, rng)  # type: ignore[arg-type]
        asked.extend(cell_graph.number(genes) for genes in found)
        return found

    changes = run(spy, Cells(), ACCURACY, BEST, 60, 1, seed=3)
    assert len(set(asked)) == len(asked) == 60
    best = np.maximum.accumulate(ACCURACY[asked])
    assert ACCURACY[incumbents(changes, 60)] == pytest.approx(best)
    assert run(STRATEGIES["random"], Cells(), ACCURACY, BEST, 60, 1, seed=3) == changes


def test_a_run_ends_once_the_best_network_is_found() -> None:
    space = Cells()
    best = int(networks()[np.argmax(ACCURACY[networks()])])
    order = [genes for genes in cell_graph.all_cells() if cell_graph.canonical(genes) == genes][:50]
    target = cell_graph.all_cells()[best]
    order = [*order[:9], target, *order[9:]]

    def listed(_: object, history: list[object], count: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
        return order[len(history) : len(history) + count]

    changes = run(listed, Cells(), ACCURACY, BEST, 60, 1, seed=0)  # type: ignore[arg-type]
    assert changes[-1] == [10, best]
    assert incumbents(changes, 60)[9:].tolist() == [best] * 51
    assert space.digest(target) == str(best)


def test_rows_hold_mean_regret_and_its_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    test = ACCURACY[::-1].copy()
    columns = {"c10_val_200": ACCURACY, "c10_test_200": test, "c100_test_200": test}
    monkeypatch.setattr(module, "_table", lambda: columns)
    arm = Arm("random", runs=3, queries=20)
    best = int(networks()[np.argmax(ACCURACY[networks()])])
    done = {("CIFAR-10", "random", seed): [[1, 7], [6 + seed, best]] for seed in range(3)}
    rows = {row["queries"]: row for row in module._rows("CIFAR-10", arm, done)}
    assert set(rows) == {5, 10, 15, 20}
    poor, good = 100 * (test.max() - test[7]), 100 * (test.max() - test[best])
    assert rows[5]["regret"] == pytest.approx(poor, abs=1e-4)
    assert rows[5]["found"] == 0.0
    assert rows[20]["regret"] == pytest.approx(good, abs=1e-4)
    assert rows[20]["regret_error"] == 0.0
    assert rows[20]["found"] == 1.0
    assert 20 in MARKS and len(module._summary(rows.values())["CIFAR-10: random"]) == 1


def test_an_interrupted_benchmark_keeps_its_runs(tmp_path: Path) -> None:
    log = tmp_path / "runs.jsonl"
    log.write_text(
        '["CIFAR-10", "random", 0, [[1, 7]]]\n["CIFAR-10", "random", 1, [[1["CIFAR-10", "random", 2, [[1, 9]]]\n'
    )
    assert module._read(log) == {("CIFAR-10", "random", 0): [[1, 7]]}


def test_what_is_finished_makes_a_table_and_the_rest_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = dict.fromkeys(("c10_val_200", "c10_test_200", "c100_test_200"), ACCURACY)
    monkeypatch.setattr(module, "_table", lambda: columns)
    arms = [Arm("random", runs=9, queries=20), Arm("genetic", runs=9, queries=20)]
    lines = [
        json.dumps(["CIFAR-10", arm, seed, [[1, 7]]]) for arm, seed in (("random", 0), ("random", 4), ("genetic", 1))
    ]
    (tmp_path / "search_runs.jsonl").write_text("\n".join(lines) + "\n")
    rows = module.so_far(tmp_path, arms).rows
    assert {(row["strategy"], row["runs"]) for row in rows} == {("random", 2)}  # of one run there is no error
    assert (tmp_path / "search.png").stat().st_size > 0


def test_simulated_time_passes_with_the_jobs() -> None:
    """Two slots, jobs of 10 and 30 s in turn: both always busy but for the end; the driver's own time is small."""
    failure = Failure("exception", "none")
    executor = Simulated(2, lambda job: (10.0 if job.identity % 2 else 30.0, failure))
    left = iter(range(100, 140))
    for _ in range(2):
        executor.submit(Job(next(left), None))  # type: ignore[arg-type]
    while ended := executor.wait():
        for _ in ended:
            if (identity := next(left, None)) is not None:
                executor.submit(Job(identity, None))  # type: ignore[arg-type]
    assert len(executor.spans) == 40
    assert 0.97 < executor.utilisation() <= 1.0
    assert 400 <= executor.clock < 460
