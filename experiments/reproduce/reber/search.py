"""`sparsenas reproduce reber-search`: does a search find sparser and better networks than random graphs?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.table import Table
from experiments.reproduce.reber.evolved.controls import CONTROLS
from experiments.reproduce.reber.evolved.design import DESIGN, Design
from experiments.reproduce.reber.evolved.fresh import Judged, beside, retrained
from experiments.reproduce.reber.evolved.measures import front, gathered
from experiments.reproduce.reber.evolved.searches import Found, same_sizes, searched
from experiments.reproduce.reber.evolved.summary import summary
from experiments.reproduce.resumed import resumed
from nas.tasks import Task, load_task

SEEDS = tuple(range(10))


def reber_search(
    folder: Path, say: Callable[[str], None], seeds: Sequence[int] = SEEDS, design: Design = DESIGN
) -> Table:
    """Return every network of every front by its means over fresh seeds; the summary holds paired differences.

    Three searches a seed of equal training: evolution (NSGA-II, guided); for every network that it trained a uniformly
    random graph of its nodes and edges, pruned alike to as many weights; and random search. The front of each by
    validation accuracy and kept weights is trained again with fresh weights and orders of strings, longer, and judged
    by the test strings. Beside every network of evolution's front, for each of its copies: a random graph of its nodes,
    edges and kept weights; a random structure of its nodes and kept weights; its own graph with another mask. A killed
    run goes on at its seed.
    """
    from experiments.report.figures.canvas import render
    from experiments.reproduce.reber.search_figure import draw

    task = load_task("reber")
    parts = [f"seed {seed}, {design!r}" for seed in seeds]
    measure = partial(_measured, task, design)
    found = list(resumed(folder / "reber_search_networks.jsonl", parts, measure, say))
    judged = [Judged(**_numbers(row)) for row in found if "copy" in row]
    trained = [row for row in found if "copy" not in row]
    figures = summary(judged, trained)
    (folder / "reber_search.png").write_bytes(render(lambda: draw(judged), "png"))
    narrowed = "; ".join(f"{name} {', '.join(map(str, values))}" for name, values in design.only.items())
    protocol = (
        f"task reber, space graph_rnn ({narrowed}), {design.trials} networks of {design.epochs} epochs a search, "
        f"fronts retrained for {design.final_epochs} epochs on {design.copies} fresh seeds each, "
        f"seeds {seeds[0]}-{seeds[-1]}; t intervals at 95 % over seeds"
    )
    return Table("reber_search", protocol, list(_rows(judged)), figures)


def _measured(task: Task, design: Design, part: str) -> list[dict[str, Any]]:
    seed = int(part.split()[1].rstrip(","))
    evolution = searched("evolution", seed, task, design, guided=True)
    searches = {
        "evolution": evolution,
        "same sizes": list(same_sizes(evolution, seed, task, design)),
        "random search": searched("random", seed, task, design, guided=False),
    }
    fronts = {arm: front(found) for arm, found in searches.items()}
    judged = [row for arm, own in fronts.items() for row in retrained(arm, own, seed, task, design)]
    for arm, how in CONTROLS.items():
        judged += beside(arm, how, fronts["evolution"], seed, task, design)
    return [*_trained(searches, seed), *map(asdict, judged)]


def _trained(searches: dict[str, list[Found]], seed: int) -> Iterator[dict[str, Any]]:
    for arm, found in searches.items():
        for number, one in enumerate(found):
            yield {"arm": arm, "seed": seed, "number": number, "kept": one.kept, "val_accuracy": one.val_accuracy}


def _numbers(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as it was before it was JSON, which has no NaN."""
    return {name: float("nan") if value is None else value for name, value in row.items()}


def _rows(judged: Sequence[Judged]) -> Iterator[dict[str, Any]]:
    """Yield each network of each front, by the means over its copies."""
    copies: dict[tuple[str, int, int], list[Judged]] = {}
    for row in judged:
        copies.setdefault((row.arm, row.seed, row.place), []).append(row)
    for (arm, seed, place), rows in copies.items():
        means = {name: float(np.mean([getattr(row, name) for row in rows])) for name in ("edges", "inputs")}
        own = gathered([replace(row, place=0) for row in rows])
        yield {
            "seed": seed,
            "arm": arm,
            "place": place,
            "kept": rows[0].kept,
            "nodes": rows[0].nodes,
            **means,
            "method": "/".join(sorted({row.method for row in rows})),
            "val_accuracy": round(float(own.val.mean()), 5),
            "test_accuracy": round(float(own.test.mean()), 5),
            "test_deviation": round(float(own.test.std(ddof=1)), 5),
        }
