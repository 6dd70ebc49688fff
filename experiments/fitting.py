"""Predictors from records and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.errors import ExperimentError
from experiments.graph_tables import read_graphs
from experiments.studies import Study, open_study
from experiments.tables import Row, Samples, read_csv, samples, with_trainings
from nas.curves import curve_features
from nas.outcomes import Outcome
from nas.records import Record
from nas.rungs import level
from predictors import Predictor, PredictorError

TARGET = "val_accuracy"
ARCHITECTURE = "architecture"
ENOUGH = 16
"""Finished trials of a rung from which to learn; with fewer, the rung below speaks (nas/rungs.py)."""


def fit_study(study: Study, model: str = "xgboost", seed: int = 0) -> Predictor:
    """Return a predictor of validation accuracy fitted on a study's finished trials.

    Raises:
        PredictorError: there are too few of them.
    """
    return fit(study_samples(study), provenance(study), model, seed)


def study_samples(study: Study) -> Samples:
    """Return the features and validation accuracies of a study's finished trials, grouped by architecture.

    Raises:
        PredictorError: none has finished.
    """
    from experiments.report.table import row_of

    compared = level(study.records, ENOUGH)
    rows = with_trainings([row_of(record) for record in compared if record.state == "finished"])
    if not rows:
        raise PredictorError("a predictor must be fitted on finished trials; got none. Train some first.")
    return samples(rows, TARGET, groups=ARCHITECTURE)


def gather(
    sources: Sequence[str],
    target: str,
    features: Sequence[str],
    exclude: Sequence[str],
    groups: str | None,
    curve: int | None = None,
) -> tuple[Samples, dict[str, str]]:
    """Return the samples of CSV tables, files of graphs and studies, together, and a note of where they come from.

    Without `groups`, rows of one architecture are kept together, where the sources name it: only then are the
    cross-validated figures those of architectures never seen. With `curve`, what a study's trials did in their first
    `curve` epochs is added as columns; trials that trained no further are left out, for they are at their end.

    Raises:
        ExperimentError: a source is none of these, or a column or value is not as it must be.
    """
    from experiments.report.table import row_of

    rows: list[Row] = []
    said: dict[str, str] = {}
    for source in sources:
        if curve is not None and source.endswith((".csv", ".jsonl")):
            raise ExperimentError(
                f"--curve reads the learning curves of a study's trials; got a table ({source}). Give run directories."
            )
        if source.endswith(".csv"):
            rows += read_csv(Path(source))
        elif source.endswith(".jsonl"):
            rows += read_graphs(Path(source))
        else:
            study = open_study(source)
            closed = [record for record in level(study.records, ENOUGH) if record.state != "running"]
            rows += [row_of(r) for r in closed] if curve is None else _begun(closed, curve, source)
            said |= provenance(study)
    if groups is None and all(ARCHITECTURE in row for row in rows):
        groups = ARCHITECTURE
    return samples(with_trainings(rows), target, features, exclude, groups), said | {"sources": " ".join(sources)}


def _begun(records: Sequence[Record], curve: int, source: str) -> list[Row]:
    from experiments.report.table import row_of

    rows: list[Row] = [
        {**row_of(record), **curve_features(record.outcome.curve, curve)}
        for record in records
        if isinstance(record.outcome, Outcome) and len(record.outcome.curve) > curve
    ]
    if not rows:
        longest = max((len(r.outcome.curve) for r in records if isinstance(r.outcome, Outcome)), default=0)
        raise ExperimentError(
            f"--curve must leave epochs to be predicted; got {curve}, and trials of {longest} epochs at most "
            f"({source}). Ask for fewer."
        )
    return rows


def fit(found: Samples, said: Mapping[str, str], model: str, seed: int, scale: str = "accuracy") -> Predictor:
    """Return a predictor fitted on samples, with a note of where they come from."""
    predictor = Predictor(model=model, seed=seed, scale=scale)
    return predictor.fit(found.rows, found.targets, groups=found.groups, provenance=said)


def provenance(study: Study) -> dict[str, str]:
    """Return what a predictor file should remember of the study it was fitted on."""
    said: dict[str, Any] = {"study": study.name, "task": study.header.task, "space": study.header.space}
    if study.config is not None:
        said["epochs"] = study.config.epochs
    return {name: str(value) for name, value in said.items()}
