"""Boosted trees whose settings are found on the training rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predictors.folds import grouped_folds, row_keys
from predictors.models.arrays import Arrays
from predictors.models.boosting import BoostedTrees
from predictors.models.estimator import Regressor
from predictors.models.model import Floats, Model

if TYPE_CHECKING:
    from optuna import Trial

_LEAST_ROWS = 40


class TunedTrees(Regressor):
    """Boosted trees with the settings that a seeded TPE search finds best in cross-validation of the rows of `fit`.

    Whoever holds rows out of `fit` therefore holds them out of the search: cross-validating this model is nested
    cross-validation. Below forty different rows the settings are those of `xgboost`: a search would fit their noise.

    Args:
        trials: settings tried, the default ones first.
        folds: of the inner cross-validation; equal for all trials, so that they are compared in pairs;
            equal rows share a fold.
        seed, threads: of folds, search and trees.

    Source: Bergstra et al. 2011 (TPE), by Optuna (Akiba et al. 2019, arXiv 1907.10902).
    """

    def __init__(self, trials: int = 20, folds: int = 4, seed: int = 0, threads: int = 1) -> None:
        self.trials = trials
        self.folds = folds
        self.seed = seed
        self.threads = threads

    def _fit(self, x: Floats, y: Floats) -> None:
        self.settings_ = dict(_DEFAULT) if len(set(row_keys(x))) < _LEAST_ROWS else self._best(x, y)
        self.trees_ = self._trees(self.settings_).fit(x, y)

    def _predict(self, x: Floats) -> Floats:
        return self.trees_._predict(x)

    def _best(self, x: Floats, y: Floats) -> dict[str, float]:
        import optuna

        fold = grouped_folds(row_keys(x), self.folds, np.random.default_rng(self.seed))
        optuna.logging.disable_default_handler()
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=self.seed))
        study.enqueue_trial(_DEFAULT)
        study.optimize(lambda trial: self._error(_suggested(trial), x, y, fold), n_trials=self.trials)
        return dict(study.best_params)

    def _error(self, settings: dict[str, float], x: Floats, y: Floats, fold: npt.NDArray[np.int64]) -> float:
        errors = [
            self._trees(settings).fit(x[fold != k], y[fold != k]).predict(x[fold == k]) - y[fold == k]
            for k in range(self.folds)
        ]
        return float(np.mean(np.concatenate(errors) ** 2))

    def _trees(self, settings: dict[str, float]) -> BoostedTrees:
        given: dict[str, Any] = {n: int(v) if n in ("rounds", "depth") else v for n, v in settings.items()}
        return BoostedTrees(**given, seed=self.seed, threads=self.threads)

    def _arrays(self) -> dict[str, Any]:
        return {"trees": self.trees_.dump(), **self.settings_}

    def _take(self, found: Arrays) -> None:
        self.settings_ = {name: float(found[name]) for name in _DEFAULT}
        self.trees_ = self._trees(self.settings_).restore(found["trees"].tobytes())


_DEFAULT = {
    "rounds": 120,
    "depth": 3,
    "learning_rate": 0.08,
    "rows": 0.8,
    "columns": 0.3,
    "leaf_rows": 1.0,
    "penalty": 1.0,
}


def _suggested(trial: Trial) -> dict[str, float]:
    return {
        "rounds": trial.suggest_int("rounds", 40, 300, log=True),
        "depth": trial.suggest_int("depth", 2, 7),
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
        "rows": trial.suggest_float("rows", 0.5, 1.0),
        "columns": trial.suggest_float("columns", 0.1, 1.0, log=True),
        "leaf_rows": trial.suggest_float("leaf_rows", 1.0, 8.0, log=True),
        "penalty": trial.suggest_float("penalty", 0.01, 30.0, log=True),
    }


def xgboost_tuned(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return unfitted boosted trees that choose their settings in `fit`: 20 trials of four folds."""
    return TunedTrees(seed=seed, threads=threads)
