"""The two-stage model whose deviation is a line with weights that are not negative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import nnls

from predictors.errors import PredictorError
from predictors.models.arrays import Arrays
from predictors.models.model import Floats, Model
from predictors.models.two_stage import TwoStage

_LEVEL = ("erk/log_kept", "erk/log_multiply_adds")
_PREFIX = "erk/over_"
_LEFT_OUT = ("erk/over_first",)
"""What the first layer loses: with it methods never seen are ranked worse (see docs/results/prediction.md)."""


class MonotoneDeviation(TwoStage):
    """`TwoStage` with the deviation Zw: w >= 0 minimises |Zw - y|^2 + penalty rows |w|^2.

    Args:
        level, deviations: columns, see `TwoStage`.
        penalty: on the weights, in units of rows.
        bandwidth, ridge, rising: see `TwoStage`.
    """

    def __init__(
        self,
        level: Sequence[int] | None = None,
        deviations: Sequence[int] | None = None,
        penalty: float = 0.03,
        bandwidth: float = 0.03,
        ridge: float = 0.3,
        rising: bool = True,
    ) -> None:
        self.level = level
        self.deviations = deviations
        self.penalty = penalty
        self.bandwidth = bandwidth
        self.ridge = ridge
        self.rising = rising

    def _fit_raw(self, z: Floats, target: Floats) -> None:
        self.weights_ = rising_weights(z, target, self.penalty * len(z))

    def _raw(self, z: Floats) -> Floats:
        return np.asarray((z * self.weights_).sum(axis=1))

    def _arrays(self) -> dict[str, Any]:
        return {**super()._arrays(), "weights": self.weights_}

    def _take(self, found: Arrays) -> None:
        super()._take(found)
        self.weights_ = found["weights"]


def rising_weights(z: Floats, target: Floats, penalty: float) -> Floats:
    """Return w >= 0 (columns,) that minimise |z w - target|^2 + penalty |w|^2."""
    columns = z.shape[1]
    if not columns:
        return np.empty(0)
    found, _ = nnls(np.vstack([z, np.sqrt(penalty) * np.eye(columns)]), np.concatenate([target, np.zeros(columns)]))
    return np.asarray(found)


def erk_columns(model: str, names: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return the columns of sizes and of deviations in the feature group `erk`, for the model of this name.

    Raises:
        PredictorError: the group's columns are not there.
    """
    deviations = [n for n, name in enumerate(names) if name.startswith(_PREFIX) and name not in _LEFT_OUT]
    missing = [name for name in _LEVEL if name not in names] + ([] if deviations else [f"{_PREFIX}..."])
    if missing:
        raise PredictorError(
            f"model '{model}' must have the columns {', '.join(_LEVEL)} and {_PREFIX}...; got none named "
            f"'{missing[0]}'. Add the feature group 'erk', or choose another model."
        )
    return [list(names).index(name) for name in _LEVEL], deviations


def monotone(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return the unfitted two-stage model on the feature group `erk`; seed and threads do not matter.

    Source: the recipe measured on the table of Cunegatti et al. 2024 (arXiv 2305.16886); Robinson 1988, Econometrica
        56, for the two stages (a partially linear model).

    Raises:
        PredictorError: the group's columns are not there.
    """
    return MonotoneDeviation(*erk_columns("monotone", names))
