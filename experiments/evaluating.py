"""A predictor's honest figures: repeated cross-validation beside what knows little, and the noise ceiling."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np

from experiments.tables import Samples
from predictors import MODELS, PredictorError
from predictors.evaluation import (
    Evaluation,
    Interval,
    beyond,
    by_group,
    evaluate,
    group_ablation,
    leaks,
    noise_ceiling,
    over_rows,
    permutation_importance,
    single_columns,
)
from predictors.evaluation.protocols import Rows
from predictors.folds import row_keys
from predictors.models.model import Floats, Model
from predictors.table import accuracies, columns, matrix


def evaluation(found: Samples, model: str, scale: str, seed: int, repeats: int, ablate: bool = False) -> dict[str, Any]:
    """Return everything `fit-predictor --evaluate` prints, as plain values.

    r2, mae, spearman, kendall, top_regret, coverage and width of the model and of the baselines "mean" and
    "size_only", each {"mean", "low", "high"}; the best single columns; the partial R^2 beyond size; the noise ceiling
    where networks repeat; the R^2 lost when a feature group is shuffled; with groups, the figures of each group left
    out; with `ablate`, what each feature group adds.

    Raises:
        PredictorError: the rows or targets are not as they must be.
    """
    names = columns(found.rows, None)
    x, y = matrix(found.rows, names), accuracies(found.targets, len(found.rows))
    keys: Sequence[Hashable] = row_keys(x) if found.groups is None else found.groups

    def run(name: str) -> Evaluation:
        return evaluate(_maker(name, seed), names, x, y, keys, scale=scale, repeats=repeats, seed=seed)

    main = run(model)
    beside: dict[str, dict[str, Any]] = {}
    result: dict[str, Any] = _plain(main.figures)
    for name in ("mean", "size_only"):
        with suppress(PredictorError):
            other = run(name)
            beside[name] = _plain(other.figures)
            if name == "size_only":
                result["partial_r2_beyond_size"] = _plain(
                    {"": _beyond(y, main.predictions, other.predictions, keys, seed)}
                )[""]
    return {
        **result,
        "repeats": repeats,
        "baselines": beside,
        "single_columns": single_columns(names, x, y, keys, seed),
        "noise_ceiling": noise_ceiling(y, row_keys(x), np.random.default_rng(seed)) or None,
        "importance": _plain(permutation_importance(_maker(model, seed), names, x, y, keys, seed)),
        "by_group": by_group(_maker(model, seed), names, x, y, keys, scale=scale) if _few(found.groups) else None,
        "ablation": _ablation(model, names, x, y, keys, seed) if ablate else None,
        "predictions": {
            "measured": y.tolist(),
            "predicted": main.predictions[0].tolist(),
            "lower": main.lower.tolist(),
            "upper": main.upper.tolist(),
        },
    }


def warnings(found: Samples) -> list[str]:
    """Return one line for each column or row that would give the answer away; a curve's first epochs were asked for."""
    names = [name for name in columns(found.rows, None) if not name.startswith("curve/")]
    rows = [{name: row[name] for name in names} for row in found.rows]
    return leaks(names, matrix(rows, names), np.asarray(found.targets), found.groups)


def _maker(model: str, seed: int) -> Any:
    def make(names: Sequence[str]) -> Model:
        return MODELS[model](names, seed, 1)

    return make


def _beyond(y: Floats, predicted: Floats, baseline: Floats, keys: Sequence[Hashable], seed: int) -> Interval:
    def figure(rows: Rows) -> float:
        pairs = zip(predicted, baseline, strict=True)
        return float(np.mean([beyond(y[rows], mine[rows], other[rows]) for mine, other in pairs]))

    return over_rows(figure, keys, np.random.default_rng(seed))


def _ablation(model: str, names: Sequence[str], x: Floats, y: Floats, keys: Sequence[Hashable], seed: int) -> Any:
    found = group_ablation(_maker(model, seed), names, x, y, keys, seed)
    return {group: _plain(parts) for group, parts in found.items()}


def _plain(figures: dict[str, Interval]) -> dict[str, Any]:
    return {name: asdict(interval) for name, interval in figures.items()}


def _few(groups: Sequence[str] | None, most: int = 20) -> bool:
    """Whether leaving out each group by itself is worth a table of its own."""
    return groups is not None and 2 <= len(set(groups)) <= most
