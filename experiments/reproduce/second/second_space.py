"""Does the recipe for cells order the networks of other spaces, and better than their genes do?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from experiments.benchmarks.table import Table
from experiments.reproduce.nasbench201_methods import WEIGHTS, boosted, rank_mix
from experiments.reproduce.nasbench201_summary import summarised
from experiments.reproduce.resumed import resumed
from experiments.reproduce.second.networks import Population, drawn, population, trained
from predictors.evaluation import Split, learning_splits, noise_ceiling
from predictors.models.blocks import blocks_of, raw_blocks
from predictors.models.ensemble import Ensemble
from predictors.models.model import Floats
from predictors.targets import log_error

SPACES = {"mlp": (300, 3)}
"""Space -> networks, seeds of each."""

SIZES = (32, 128)
DRAWS = 20
TESTED = 100
_TREES = 3


def second_space(folder: Path, say: Callable[[str], None]) -> Table:
    """Return Kendall's tau-b of the frozen recipe on 300 networks of the space `mlp`, on digits.

    Each network is trained for two epochs from three seeds; predicted is its mean validation accuracy. A draw
    takes 32 or 128 networks to learn from and 100 others to order. Finished trainings are kept in
    `folder`/second_space.jsonl: the same command takes up where it was stopped. About 4 minutes of one core.
    """
    networks = {
        f"{space} {i}": (space, a) for space, (count, _) in SPACES.items() for i, a in enumerate(drawn(space, count))
    }

    def measure(part: str) -> list[dict[str, Any]]:
        space, architecture = networks[part]
        return trained(space, architecture, SPACES[space][1])

    runs = list(resumed(folder / "second_space.jsonl", networks, measure, lambda line: None))
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    for space in SPACES:
        found = population(space, runs)
        rows += _judged(space, found)
        summary[f"{space}, noise ceiling"] = _ceiling(found)
        say(f"{space}: {len(found.accuracies)} networks, {len(found.names)} columns")
    summary |= summarised(
        rows, pairs=[("rank mix", "XGBoost on genes"), ("rank mix", "size only"), ("rank mix", "XGBoost")]
    )
    protocol = f"digits, two epochs, mean validation accuracy over seeds; {DRAWS} draws, {TESTED} test networks"
    return Table("second_space", protocol, rows, summary)


def _judged(space: str, found: Population) -> Iterator[dict[str, Any]]:
    accuracy = found.accuracies.mean(axis=1)
    for draw in range(DRAWS):
        rng = np.random.default_rng([2027, draw])
        for split in learning_splits(len(accuracy), SIZES, TESTED, rng):
            for method, predicted in _predictions(found, accuracy, split).items():
                tau = float(kendalltau(predicted, accuracy[split.test]).statistic)
                head = {"protocol": space, "size": int(split.name), "draw": draw, "tested": TESTED}
                yield {**head, "method": method, "kendall": tau}


def _predictions(found: Population, accuracy: Floats, split: Split) -> dict[str, Floats]:
    """Return what each method expects of the test networks; all but "size only" learn log error."""
    target = log_error(accuracy).forward(accuracy[split.train])
    x, names = found.columns, found.names
    mixture = Ensemble(WEIGHTS, blocks_of(names), raw_blocks(names)).fit(x[split.train], target)
    parts = mixture.parts(x[split.test])
    genes = [boosted(seed).fit(found.genes[split.train], target) for seed in range(_TREES)]
    return {
        "size only": x[split.test, list(names).index("size/log_total")],
        "XGBoost on genes": np.mean([model.predict(found.genes[split.test]) for model in genes], axis=0),
        "process": parts[0],
        "XGBoost": parts[1],
        "extra trees": parts[2],
        "mixture": np.average(parts, axis=0, weights=WEIGHTS),
        "rank mix": rank_mix(parts, WEIGHTS),
    }


def _ceiling(found: Population) -> dict[str, float]:
    """Return what knowing every network's expected accuracy would reach, judged by means over the seeds there are.

    Their noise is that of one seed over the root of the seeds: each accuracy is moved that much closer to its mean.
    """
    networks, seeds = found.accuracies.shape
    middle = found.accuracies.mean(axis=1, keepdims=True)
    means = middle + (found.accuracies - middle) / seeds**0.5
    keys = np.repeat(np.arange(networks), seeds)
    ceiling = noise_ceiling(means.ravel(), keys.tolist(), np.random.default_rng(0))
    return {"kendall": round(ceiling["kendall"], 4), "spearman": round(ceiling["spearman"], 4)}
