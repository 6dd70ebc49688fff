"""`sparsenas reproduce reber-next`: does it help a network's judgement to learn as well which letters may come next?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from experiments.benchmarks.table import Table
from experiments.reproduce.reber.features import features
from experiments.reproduce.reber.networks import Network, networks
from experiments.reproduce.reber.run import BLOCK, RECIPE, trained
from experiments.reproduce.reber.whole import rules
from experiments.reproduce.resumed import resumed
from nas.outcomes import Outcome
from nas.tasks import load_task
from predictors.evaluation import Interval, evaluate, over_rows
from predictors.models import MODELS

CELLS, SEEDS = ("tanh", "gru"), (0,)
FASTER = replace(RECIPE, learning_rate=5e-3)
"""Five times the published rate, with which hardly a network learns in 15 epochs which letters may follow."""
JUDGING, BOTH, TWICE = "reber", "reber_next", "reber_twice"


@dataclass(frozen=True, slots=True)
class Arm:
    """What a network is trained on, how often it sees that, and what is measured of it in the end."""

    task: str
    epochs: int
    measures: tuple[str, ...] = ("long_error",)


ARMS = {
    JUDGING: Arm("reber", FASTER.epochs),
    BOTH: Arm("reber_next", FASTER.epochs, ("long_error", "legality_error")),
    TWICE: Arm("reber", 2 * FASTER.epochs),
}
"""Task `reber_next` has twice as many inputs, so twice as many steps an epoch; `TWICE` judges alone for as many."""

Floats = npt.NDArray[np.float64]


def reber_next(
    folder: Path, say: Callable[[str], None], cells: Sequence[str] = CELLS, seeds: Sequence[int] = SEEDS
) -> Table:
    """Return one row a cell; every trained network is a row of `reber_next.jsonl` in the folder, which is added to.

    The 200 graphs of `sparsenas reproduce reber`, each trained on task `reber`, on `reber_next`, and on `reber` for as
    many steps as on `reber_next`, from the same recurrent weights: paired differences of accuracy on test strings and
    on longer ones; on `reber_next` the share of strings in which all legal letters score above all illegal ones at
    every step, and what structure predicts of it.
    """
    everything = [network for network in networks() if not network.is_twin]
    starts = range(0, len(everything), BLOCK)
    parts = [f"{arm} {cell} {seed} {start}" for seed in seeds for cell in cells for arm in ARMS for start in starts]
    rows = list(resumed(folder / "reber_next.jsonl", parts, partial(_trained, everything), say))
    return Table(
        "reber_next",
        f"200 graphs, {FASTER.epochs} epochs of Adam {FASTER.learning_rate:g}, seeds {', '.join(map(str, seeds))}; "
        f"intervals: 95 % bootstrap over graphs; structure: mixture, 3 x 10-fold",
        [_row(cell, rows, everything) for cell in cells],
        rules(),
    )


def _trained(everything: Sequence[Network], part: str) -> list[dict[str, Any]]:
    name, cell, seed, start = part.split()
    arm, members = ARMS[name], everything[int(start) : int(start) + BLOCK]
    recipe = replace(FASTER, epochs=arm.epochs)
    found = []
    for row, outcome in trained(members, cell, int(seed), load_task(arm.task), recipe, measures=arm.measures):
        errors = outcome.measures if isinstance(outcome, Outcome) else {}
        known = {"task": name, "family": row.family, "graph": row.graph, "cell": cell, "seed": int(seed)}
        found.append({**known, "accuracy": row.accuracy, **{name: round(e, 5) for name, e in errors.items()}})
    return found


def _row(cell: str, rows: Sequence[Mapping[str, Any]], everything: Sequence[Network]) -> dict[str, Any]:
    order = {(network.family, network.number): place for place, network in enumerate(everything)}

    def means(arm: str, name: str) -> Floats:
        """Return the mean over seeds for each graph, NaN where a network diverged."""
        values: list[list[float]] = [[] for _ in order]
        for row in rows:
            if (row["cell"], row["task"]) == (cell, arm):
                values[order[row["family"], row["graph"]]].append(float(row.get(name, np.nan)))
        return np.array([np.mean(one) for one in values])

    short = {arm: means(arm, "accuracy") for arm in ARMS}
    longer = {arm: 1.0 - means(arm, "long_error") for arm in ARMS}
    legality = 1.0 - means(BOTH, "legality_error")
    kept = np.flatnonzero(np.isfinite(np.stack([*short.values(), *longer.values(), legality])).all(0)).tolist()
    described = [features(everything[place]) for place in kept]
    found: dict[str, Any] = {"cell": cell, "graphs": len(kept)}
    for name, values in (("accuracy", short), ("long_accuracy", longer)):
        found |= {f"{name}_{arm}": float(values[arm][kept].mean()) for arm in ARMS}
        for other in (JUDGING, TWICE):
            found |= _ends(f"{name}_gain_over_{other}", _difference(values[BOTH][kept], values[other][kept]))
    return {
        **found,
        "legality": float(legality[kept].mean()),
        "legality_best": float(legality[kept].max()),
        "legality_accuracy_spearman": float(stats.spearmanr(legality[kept], short[BOTH][kept]).statistic),
        "legality_long_spearman": float(stats.spearmanr(legality[kept], longer[BOTH][kept]).statistic),
        **_ends("legality_r2", _predicted(described, legality[kept], "")),
        **_ends("legality_r2_sizes", _predicted(described, legality[kept], "size/")),
        **_ends("long_r2", _predicted(described, longer[BOTH][kept], "")),
    }


def _difference(first: Floats, second: Floats) -> Interval:
    gaps = first - second
    return over_rows(lambda chosen: float(gaps[chosen].mean()), range(len(gaps)), np.random.default_rng(0))


def _predicted(described: Sequence[Mapping[str, float]], y: Floats, prefix: str) -> Interval:
    names = [name for name in described[0] if name.startswith(prefix)]
    x = np.array([[row[name] for name in names] for row in described])
    return evaluate(lambda columns: MODELS["mixture"](columns, 0, 1), names, x, y, range(len(y))).figures["r2"]


def _ends(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
