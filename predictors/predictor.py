"""From features to accuracy with an interval: fit, predict, save, load."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from predictors import files
from predictors.conformal import CrossConformal, cross_conformal, expected
from predictors.domain import Domain, domain
from predictors.errors import PredictorError
from predictors.folds import grouped_folds, row_keys
from predictors.metrics import agreement
from predictors.models import MODELS, Model
from predictors.models.model import Floats
from predictors.table import accuracies, columns, matrix
from predictors.targets import SCALES, Scale
from pruning.naming import unknown

_FOLDS = 10
_LEAST_ROWS = 3


@dataclass(frozen=True, slots=True)
class Prediction:
    """Accuracy and the ends of its interval, all in [0, 1]; `in_domain` is False for networks unlike the training's."""

    accuracy: float
    lower: float
    upper: float
    in_domain: bool = True


@dataclass(frozen=True, slots=True)
class _Fit:
    """Everything `fit` finds: the training rows and targets, and what was made of them."""

    x: Floats
    y: Floats
    scale: Scale
    model: Model
    domain: Domain
    conformal: CrossConformal | None


class Predictor:
    """A model of accuracy from features, with CV+ intervals, out-of-fold metrics and a file format without code.

    Args:
        model: a name of MODELS.
        groups: feature groups to use; None for every column of the rows.
        coverage: share of measured accuracies the intervals should hold, in (0, 1).
        scale: a name of SCALES; what the model learns. Intervals are formed on that scale, so where it stretches
            accuracies they are narrower; their coverage does not depend on it.
        intervals: False leaves the folds out: fitting is about ten times cheaper, intervals are [0, 1], and there
            are no metrics.
        plus: CV+ intervals, which are guaranteed to cover; False gives narrower ones around the mean of the folds'
            models (see `CrossConformal.bounds`).
        seed: of the folds and the model.
        threads: of the model; the same number gives the same bits.

    Attributes:
        feature_names: the columns, in the order of `predict_mean`; empty before fitting.
        metrics: out-of-fold r2, mae, spearman, kendall, coverage and width of the intervals; empty without intervals.
        provenance: what the caller said about the training rows (task, space, study).
        rows: number of training rows.

    Raises:
        PredictorError: the model or the scale is unknown, or the coverage is not in (0, 1).
    """

    def __init__(
        self,
        model: str = "xgboost",
        groups: Sequence[str] | None = None,
        coverage: float = 0.9,
        intervals: bool = True,
        seed: int = 0,
        threads: int = 1,
        scale: str = "accuracy",
        plus: bool = True,
    ) -> None:
        if model not in MODELS:
            raise PredictorError(unknown("predictor model", model, MODELS))
        if scale not in SCALES:
            raise PredictorError(unknown("scale of targets", scale, SCALES))
        if not 0 < coverage < 1:
            raise PredictorError(f"coverage must be in (0, 1); got {coverage} (Predictor). Use 0.9 for 90 % intervals.")
        self.model = model
        self.groups = None if groups is None else tuple(groups)
        self.coverage = float(coverage)
        self.intervals = intervals
        self.seed = int(seed)
        self.threads = int(threads)
        self.scale = scale
        self.plus = plus
        self.feature_names: tuple[str, ...] = ()
        self.metrics: dict[str, float] = {}
        self.provenance: dict[str, str] = {}
        self._fit: _Fit | None = None

    @property
    def rows(self) -> int:
        """Number of training rows; 0 before fitting."""
        return 0 if self._fit is None else len(self._fit.y)

    def fit(
        self,
        rows: Sequence[Mapping[str, float]],
        targets: Sequence[float],
        *,
        groups: Sequence[Hashable] | None = None,
        provenance: Mapping[str, str] | None = None,
    ) -> Self:
        """Fit the model on all rows and, for the intervals, once without each of ten folds; return self.

        Args:
            rows: features of trained networks, all with the same columns; at least 3.
            targets: their accuracies in [0, 1], not all equal.
            groups: a key for each row; rows of one key (one architecture, say) are held out together. By default
                equal rows are.
            provenance: text to keep with the file: task, space, study.

        Raises:
            PredictorError: too few rows; columns that differ, are missing or not finite; targets outside [0, 1] or all
                equal; fewer than two groups.
        """
        if len(rows) < _LEAST_ROWS:
            raise PredictorError(
                f"predictor must be fitted on at least {_LEAST_ROWS} rows; got {len(rows)}. Train more networks first."
            )
        names = columns(rows, self.groups)
        x, y = matrix(rows, names, self.groups), accuracies(targets, len(rows))
        if groups is not None and len(groups) != len(rows):
            raise PredictorError(
                f"groups must be one for each row; got {len(groups)} for {len(rows)} rows. Pair them up."
            )
        scale = SCALES[self.scale](y)
        model = self._make(names).fit(x, scale.forward(y))
        conformal = self._cross_validate(names, x, y, row_keys(x) if groups is None else groups)
        self.feature_names, self.provenance = tuple(names), dict(provenance or {})
        self._fit = _Fit(x, y, scale, model, domain(x), conformal)
        self.metrics = {} if conformal is None else _metrics(y, scale, conformal, self.coverage)
        return self

    def predict(self, rows: Sequence[Mapping[str, float]]) -> list[Prediction]:
        """Return a prediction for each row, in order; [] for no rows.

        An interval always holds its accuracy, and is cut to [0, 1].

        Raises:
            PredictorError: not fitted; a column is missing, not known or not finite.
        """
        fit = self._require_fit()
        x = matrix(rows, self.feature_names, self.groups)
        if not len(x):
            return []
        accuracy = self.predict_mean(x)
        lower, upper = np.zeros(len(x)), np.ones(len(x))
        if fit.conformal is not None:
            lower, upper = fit.scale.ends(*fit.conformal.bounds(x, self.coverage, self.plus))
        inside = fit.domain.contains(x)
        lower, upper = np.minimum(lower, accuracy), np.maximum(upper, accuracy)
        ends = (accuracy.tolist(), lower.tolist(), upper.tolist(), inside.tolist())
        return [Prediction(*values) for values in zip(*ends, strict=True)]

    def predict_mean(self, x: Floats) -> Floats:
        """Return accuracies (m,) in [0, 1] for a matrix (m, columns) in the order of `feature_names`.

        Raises:
            PredictorError: not fitted, or the matrix has another number of columns.
        """
        fit = self._require_fit()
        if x.ndim != 2 or x.shape[1] != len(self.feature_names):
            raise PredictorError(
                f"matrix must be (rows, {len(self.feature_names)}); got {x.shape}. "
                f"Order the columns as in Predictor.feature_names."
            )
        return fit.scale.backward(fit.model.predict(x))

    def save(self, folder: Path) -> None:
        """Write `predictor.json` and the files it names into `folder`, replacing a predictor that is there.

        The folder holds the training rows, the models as UBJ or npz and a description with the SHA-256 of each file;
        a kill at any moment leaves either the old predictor or the new one.

        Raises:
            PredictorError: not fitted, or the folder cannot be written.
        """
        fit = self._require_fit()
        parts = [] if fit.conformal is None else list(fit.conformal.models)
        saved = files.Saved(
            settings={
                "model": self.model,
                "groups": None if self.groups is None else list(self.groups),
                "coverage": self.coverage,
                "intervals": self.intervals,
                "seed": self.seed,
                "scale": self.scale,
                "plus": self.plus,
            },
            feature_names=self.feature_names,
            metrics=self.metrics,
            provenance=self.provenance,
            domain_limit=fit.domain.limit,
            x=fit.x,
            y=fit.y,
            folds=None if fit.conformal is None else fit.conformal.folds,
            predictions=None if fit.conformal is None else fit.conformal.predictions,
            models=[part.dump() for part in (fit.model, *parts)],
            suffix=fit.model.suffix,
        )
        files.write(Path(folder), saved)

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> Predictor:
        """Return the predictor of a folder written by `save`; it predicts the same bits.

        Raises:
            PredictorError: a file is missing or changed, of another schema, or was fitted on another feature set.
        """
        saved = files.read(Path(folder))
        predictor = cls(**saved.settings, threads=threads)
        predictor.feature_names = saved.feature_names
        predictor.metrics, predictor.provenance = saved.metrics, saved.provenance
        model, *parts = (predictor._make(saved.feature_names).restore(content) for content in saved.models)
        scale, conformal = SCALES[predictor.scale](saved.y), None
        if saved.folds is not None and saved.predictions is not None:
            misses = np.abs(scale.forward(saved.y) - saved.predictions)
            known = expected(parts, saved.folds, saved.x)
            conformal = CrossConformal(parts, saved.folds, misses, saved.predictions, known)
        predictor._fit = _Fit(saved.x, saved.y, scale, model, Domain(saved.x, saved.domain_limit), conformal)
        return predictor

    def _make(self, names: Sequence[str]) -> Model:
        return MODELS[self.model](names, self.seed, self.threads)

    def _cross_validate(
        self, names: Sequence[str], x: Floats, y: Floats, keys: Sequence[Hashable]
    ) -> CrossConformal | None:
        if not self.intervals:
            return None
        folds = grouped_folds(keys, _FOLDS, np.random.default_rng(self.seed))
        scale = SCALES[self.scale](y)
        return cross_conformal(
            lambda: self._make(names),
            x,
            scale.forward(y),
            folds,
            settle=lambda values: scale.forward(scale.backward(values)),
        )

    def _require_fit(self) -> _Fit:
        if self._fit is None:
            raise PredictorError("predictor must be fitted before it is used; got none. Call fit, or load one.")
        return self._fit


def _metrics(y: Floats, scale: Scale, conformal: CrossConformal, coverage: float) -> dict[str, float]:
    widths = conformal.held_out_half_widths(coverage)
    low, high = scale.ends(conformal.predictions - widths, conformal.predictions + widths)
    return {
        **agreement(y, scale.backward(conformal.predictions)),
        "coverage": float(np.mean(conformal.residuals <= widths)),
        "width": float(np.mean(high - low)),
    }
