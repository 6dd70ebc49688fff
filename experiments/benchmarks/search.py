"""How many trainings until a good network is found: every strategy on NAS-Bench-201, with and without guidance."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.cells import Cells, incumbents, networks, run
from experiments.benchmarks.search_figure import draw
from experiments.benchmarks.search_markdown import MARKS, tables
from experiments.benchmarks.table import Table
from experiments.files import write_text
from nas.guidance import ACQUISITIONS, GuidanceSettings, guided
from nas.strategies import STRATEGIES, Strategy
from nas.tasks.nasbench201 import read_table
from predictors.cells import cell_matrix
from search_spaces import cell_graph

QUERIES = 300
BATCH = 5
"""Most proposals of one call of a guided strategy; at most a tenth of what is known, as between two fits."""
OVERSAMPLE = 200
ACQUISITION = "expected_improvement"
DATA_SETS = {"CIFAR-10": ("c10_val_200", "c10_test_200"), "CIFAR-100": ("c100_test_200", "c100_test_200")}
"""What a query answers, and what is reported. CIFAR-100 has no validation accuracy after 200 epochs."""


@dataclass(frozen=True)
class Arm:
    """One way to search: a strategy, alone or guided.

    `queries` are fewer where a run takes long; `guides` and `acquisition` as in GuidanceSettings.
    """

    strategy: str
    guides: tuple[str, ...] = ()
    acquisition: str = ACQUISITION
    runs: int = 200
    queries: int = QUERIES

    @property
    def name(self) -> str:
        """The arm's name in tables."""
        if not self.guides:
            return self.strategy
        acquisition = "" if self.acquisition == ACQUISITION else f", {self.acquisition}"
        return f"{self.strategy} + {' or '.join(self.guides)}{acquisition}"

    def make(self) -> tuple[Strategy, int]:
        """Return the strategy and the proposals of one call."""
        if not self.guides:
            return STRATEGIES[self.strategy], 1
        settings = GuidanceSettings(
            oversample=OVERSAMPLE, explore=0.0, guides=self.guides, acquisition=self.acquisition
        )
        names, rows = _features()
        return guided(STRATEGIES[self.strategy], lambda genes: rows[cell_graph.number(genes)], names, settings), BATCH


EITHER = ("process", "trees")
CHEAP = ("random", "genetic", "regularised_evolution", "local_search", "evolution")
SLOW = ("tpe", "nsga3", "cma_es", "gp")
PICTURES = {"search.png": CHEAP, "search_optuna.png": (*SLOW, "evolution")}
ARMS = (
    *(Arm(name) for name in CHEAP),
    *(Arm(name, queries=150) for name in SLOW),
    *(Arm(name, EITHER) for name in CHEAP),
    *(Arm(name, ("process",), queries=150) for name in SLOW),
    *(Arm("evolution", ("process",), acquisition) for acquisition in ACQUISITIONS),
    *(Arm("evolution", ("trees",), acquisition) for acquisition in ACQUISITIONS),
)


def search(folder: Path, say: Callable[[str], None]) -> Table:
    """Return regret and share of runs that found the best network, by strategy and number of queries.

    Every finished run is kept in `search_runs.jsonl` in the folder, and not run again by the same command;
    `search_tables.md` has the page's tables, `PICTURES` are its pictures.
    """
    return measure(folder, say, ARMS)


def measure(folder: Path, say: Callable[[str], None], arms: Sequence[Arm], processes: int = 2) -> Table:
    """Return the table of `search` for some arms only."""
    log = folder / "search_runs.jsonl"
    done = _read(log)
    missing = [
        (data_set, arm, seed)
        for seed in range(max(arm.runs for arm in arms))
        for data_set in DATA_SETS
        for arm in arms
        if seed < arm.runs and (data_set, arm.name, seed) not in done
    ]
    folder.mkdir(parents=True, exist_ok=True)
    if missing:
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool, log.open("a") as file:
            jobs = {pool.submit(_run, *job): job for job in missing}
            for count, job in enumerate(as_completed(jobs), start=1):
                data_set, arm, seed = jobs[job]
                done[data_set, arm.name, seed] = job.result()
                file.write(json.dumps([data_set, arm.name, seed, job.result()], separators=(",", ":")) + "\n")
                file.flush()
                if count % 100 == 0 or count == len(jobs):
                    say(f"{count} of {len(jobs)} searches")
    return _table_of(done, arms, folder)


def so_far(folder: Path, arms: Sequence[Arm] = ARMS) -> Table:
    """Return the table of the runs that `search_runs.jsonl` in `folder` holds, starting none; draw their picture."""
    return _table_of(_read(folder / "search_runs.jsonl"), arms, folder)


def _table_of(done: Mapping[tuple[str, str, int], list[list[int]]], arms: Sequence[Arm], folder: Path) -> Table:
    rows = [row for data_set in DATA_SETS for arm in arms for row in _rows(data_set, arm, done)]
    for name, strategies in PICTURES.items():
        if shown := drawn(rows, strategies):
            draw(shown, folder / name)
    write_text(folder / "search_tables.md", tables(rows, ACQUISITION))
    return Table("search", _protocol(), rows, _summary(rows))


def drawn(rows: Sequence[Mapping[str, Any]], strategies: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the rows to draw of some strategies, each guide by the acquisition that suits it better."""
    acquisitions = {"": "", "trees": "thompson"}
    return [
        row
        for row in rows
        if row["strategy"] in strategies and row["acquisition"] == acquisitions.get(row["guide"], ACQUISITION)
    ]


def _run(data_set: str, arm: Arm, seed: int) -> list[list[int]]:
    strategy, batch = arm.make()
    accuracy = _table()[DATA_SETS[data_set][0]]
    return run(strategy, Cells(), accuracy, float(accuracy[networks()].max()), arm.queries, batch, seed)


@lru_cache(maxsize=1)
def _table() -> Mapping[str, NDArray[np.float64]]:
    data = os.environ.get("SPARSENAS_DATA")
    return read_table(Path(data) if data else None).columns


@lru_cache(maxsize=1)
def _features() -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return the feature columns of all cells a search can ask for, by cell number; other rows are not used."""
    cells = cell_graph.all_cells()
    names, found = cell_matrix(cell_graph.edges(cells[number]) for number in networks())
    rows = np.zeros((len(cells), len(names)))
    rows[networks()] = found
    return tuple(names), rows


def _read(log: Path) -> dict[tuple[str, str, int], list[list[int]]]:
    """Return the runs kept in `log`; a line that a kill cut short, and the one after it, are run again."""
    found: dict[tuple[str, str, int], list[list[int]]] = {}
    for line in log.read_text().splitlines() if log.is_file() else ():
        with suppress(ValueError):
            data_set, arm, seed, changes = json.loads(line)
            found[data_set, arm, seed] = changes
    return found


def _rows(data_set: str, arm: Arm, done: Mapping[tuple[str, str, int], list[list[int]]]) -> Iterator[dict[str, Any]]:
    searched, reported = (_table()[name] for name in DATA_SETS[data_set])
    best = float(searched[networks()].max())
    changes = [done[data_set, arm.name, seed] for seed in range(arm.runs) if (data_set, arm.name, seed) in done]
    if len(changes) < 2:  # no standard error of one run
        return
    found = np.stack([incumbents(change, arm.queries) for change in changes])
    regret = 100.0 * (reported.max() - reported[found])
    hit = searched[found] == best
    for queries in sorted({*range(5, arm.queries + 1, 5), *(mark for mark in MARKS if mark <= arm.queries)}):
        now, share = regret[:, queries - 1], float(hit[:, queries - 1].mean())
        yield {
            "data_set": data_set,
            "strategy": arm.strategy,
            "guide": " or ".join(arm.guides),
            "acquisition": arm.acquisition if arm.guides else "",
            "queries": queries,
            "regret": round(float(now.mean()), 4),
            "regret_error": round(float(now.std(ddof=1) / np.sqrt(len(now))), 4),
            "found": round(share, 4),
            "found_error": round(float(np.sqrt(share * (1 - share) / len(now))), 4),
            "runs": len(changes),
        }


def _summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return, for each arm, regret and share found at the marks."""
    summary: dict[str, Any] = {}
    for row in rows:
        if row["queries"] in MARKS:
            guide = " + " + ", ".join(filter(None, (row["guide"], row["acquisition"]))) if row["guide"] else ""
            arm = summary.setdefault(f"{row['data_set']}: {row['strategy']}{guide}", {})
            arm[str(row["queries"])] = [row["regret"], row["regret_error"], row["found"]]
    return summary


def _protocol() -> str:
    return (
        f"NAS-Bench-201: a query answers with one cell's accuracy (CIFAR-10: validation after 200 epochs; CIFAR-100: "
        f"test, as nothing else is in the table), the incumbent is the best queried, its regret the best test accuracy "
        f"of all 15,625 cells minus its own, in points; each of the {len(networks()):,} functions is asked for at most "
        f"once, by one cell; guided strategies propose {OVERSAMPLE} and keep one, later up to {BATCH}; errors are "
        f"standard errors over runs; in the summary: queries -> regret, its error, share of runs that found the best"
    )
