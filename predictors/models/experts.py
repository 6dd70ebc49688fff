"""Experts for few rows: a smooth process for each group of features, all of them averaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from predictors.models.arrays import Arrays
from predictors.models.estimator import Regressor
from predictors.models.model import Floats, Model

_CLIP = 4.0
_LENGTHS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_NOISES = (0.03, 0.1, 0.2, 0.4, 0.7, 1.0, 2.0, 5.0)


class Experts(Regressor):
    """The mean over groups of columns of a Matérn-5/2 process on that group.

    Graph and mask features are many, correlated and few rows beside them: experts on different groups err differently,
    and their mean errs less than one model of all columns. Columns are standardised and clipped at 4. A process's
    length (one for all its columns) and share of noise maximise the marginal likelihood over a grid, its amplitude in
    closed form: one eigendecomposition for each length.

    Args:
        groups: columns of each expert; None for one expert on all columns.
    """

    def __init__(self, groups: Sequence[Sequence[int]] | None = None) -> None:
        self.groups = groups

    def _fit(self, x: Floats, y: Floats) -> None:
        spread = x.std(axis=0)
        self.centre_, self.scale_ = x.mean(axis=0), np.where(spread > 1e-12, spread, 1.0)
        self.rows_: Floats = self._standardised(x)
        self.mean_ = float(y.mean())
        found = [_process(self.rows_[:, list(group)], y - self.mean_) for group in self._chosen(x)]
        self.lengths_: Floats = np.array([length for length, _ in found])
        self.alphas_: Floats = np.array([alpha for _, alpha in found])

    def _predict(self, x: Floats) -> Floats:
        z = self._standardised(x)
        smooth = np.zeros(len(z))
        for group, length, alpha in zip(self._chosen(x), self.lengths_, self.alphas_, strict=True):
            chosen = list(group)
            smooth += _matern(z[:, chosen], self.rows_[:, chosen], length) @ alpha / len(self.lengths_)
        return np.asarray(self.mean_ + smooth, dtype=np.float64)

    def _arrays(self) -> dict[str, Any]:
        return {
            "centre": self.centre_,
            "scale": self.scale_,
            "rows": self.rows_,
            "mean": self.mean_,
            "lengths": self.lengths_,
            "alphas": self.alphas_,
        }

    def _take(self, found: Arrays) -> None:
        self.centre_, self.scale_, self.rows_ = found["centre"], found["scale"], found["rows"]
        self.lengths_, self.alphas_ = found["lengths"], found["alphas"]
        self.mean_ = float(found["mean"])

    def _chosen(self, x: Floats) -> Sequence[Sequence[int]]:
        return [range(x.shape[1])] if self.groups is None else self.groups

    def _standardised(self, x: Floats) -> Floats:
        return np.asarray(np.clip((x - self.centre_) / self.scale_, -_CLIP, _CLIP))


def _matern(a: Floats, b: Floats, length: float) -> Floats:
    """Return the Matérn-5/2 kernel (m, n); distances are per root of the number of columns."""
    r = np.sqrt(5 / a.shape[1]) * cdist(a, b) / length
    return np.asarray((1 + r + r * r / 3) * np.exp(-r))


def _process(z: Floats, y: Floats) -> tuple[float, Floats]:
    """Return the length and the weights alpha (n,) of the posterior mean: kernel @ alpha."""
    best, found = -np.inf, (_LENGTHS[0], np.zeros(len(y)))
    if not y.any():
        return found
    for length in _LENGTHS:
        values, vectors = np.linalg.eigh(_matern(z, z, length))
        turned = vectors.T @ y
        for noise in _NOISES:
            spectrum = np.maximum(values, 0.0) + noise
            amplitude = float((turned * turned / spectrum).mean())
            evidence = -0.5 * (len(y) * np.log(amplitude) + float(np.log(spectrum).sum()))
            if evidence > best:
                best, found = evidence, (length, vectors @ (turned / spectrum))
    return found


def experts(names: Sequence[str], seed: int, threads: int) -> Model:
    """Return unfitted experts, one for each feature group of two columns or more, and one for all columns.

    Columns whose names have no group form one. Seed and threads do not matter.

    Source: Rasmussen and Williams 2006, section 5.4 (marginal likelihood); Breiman 1996, Machine Learning 24, for the
        mean of unlike models.
    """
    groups: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        groups.setdefault(name.partition("/")[0] if "/" in name else "", []).append(number)
    several = [columns for columns in groups.values() if len(columns) > 1 and len(columns) < len(names)]
    return Experts([*several, list(range(len(names)))])
