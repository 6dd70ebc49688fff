"""The screen written plainly: everything is learnt anew from the whole history, by loops over records."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nas.guidance import Guidance, accuracy, merit
from nas.guidance.acquisition import expected_improvement
from nas.hypervolume import hypervolume
from nas.outcomes import Outcome
from nas.records import History, Record
from nas.screen import ScreenSettings
from predictors.table import matrix

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(5)


def choice(
    history: History,
    features: Sequence[dict[str, float]],
    costs: Sequence[dict[str, float]],
    objectives: Sequence[str],
    settings: ScreenSettings,
    images: int,
) -> int | None:
    """Return which proposal is of greatest expected improvement (of the hypervolume); None if no guide is believed."""
    finished = [record for record in history if record.state == "finished" and record.features]
    names = tuple(finished[0].features)
    guidance = Guidance(settings.guidance(), names)
    learned = np.array([_accuracy(record) for record in finished])
    chosen = guidance.guide(matrix([dict(record.features) for record in finished], names), merit(learned))
    if chosen is None:
        return None
    mean, deviation = chosen.guide.posterior(matrix(features, names))
    if len(objectives) == 1:
        best = float(merit(learned).max())
        return int(np.argmax(expected_improvement(mean, deviation, best, np.random.default_rng(0))))
    measured = np.array([_point(record.values or (), objectives, images) for record in finished])
    reference = np.array(
        [
            np.median(column) if name == "val_accuracy" else column.min() - np.log10(1.1)
            for name, column in zip(objectives, measured.T, strict=True)
        ]
    )
    values = []
    for number, cost in enumerate(costs):
        gains = []
        for node in NODES:
            reached = float(accuracy(mean + node * deviation)[number])
            row = [reached if name == "val_accuracy" else cost[name] for name in objectives]
            gains.append(_gain(_point(row, objectives, images), measured, reference))
        values.append(float(WEIGHTS @ np.array(gains) / WEIGHTS.sum()))
    return int(np.argmax(values))


def _accuracy(record: Record) -> float:
    assert isinstance(record.outcome, Outcome)
    return record.outcome.val_accuracy


def _point(values: Sequence[float], objectives: Sequence[str], images: int) -> list[float]:
    return [
        -float(np.log10(max(1.0 - value, 0.5 / images) if name == "val_accuracy" else max(value, 1.0)))
        for name, value in zip(objectives, values, strict=True)
    ]


def _gain(point: Sequence[float], measured: np.ndarray, reference: np.ndarray) -> float:
    """The volume that a point adds to all measured ones, scaled by their extent; or minus how far it falls short."""
    extent = np.maximum(measured.max(axis=0) - reference, 1e-12)
    others, mine = (measured - reference) / extent, (np.array(point) - reference) / extent
    origin = np.zeros(len(extent))
    added = hypervolume(np.vstack([others, mine]), origin) - hypervolume(others, origin)
    if added > 1e-9:
        return added
    return -max(float((others - mine).min(axis=1).max()), 0.0)
