"""From the records of a study and the files of its run directory to a RunSummary."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from experiments.config import data_folder
from experiments.finalists_file import read_finalists
from experiments.report.summary import Best, Expectation, Finalist, Layer, RunSummary, Trial
from experiments.report.words import chosen_by
from experiments.studies import Study
from nas import outcomes
from nas.candidates import from_json
from nas.errors import NasError
from nas.finalists import winner
from nas.objectives import OBJECTIVES
from nas.outcomes import Failure, Outcome
from nas.realize import realize
from nas.records import Record
from nas.rungs import furthest
from nas.tasks import load_task
from pruning import MaskSet, load_masks

STAGES = {"propose": "proposing", "describe": "describing", "predict": "screening", "record": "recording"}


def collect(study: Study) -> RunSummary:
    """Return everything a report on `study` says."""
    records = sorted(furthest(study.records), key=lambda record: record.number)  # a promotion is later than its start
    trials = tuple(mark_front([_trial(record) for record in records], study.header.objectives))
    config = study.config
    return RunSummary(
        name=study.name,
        task=study.header.task,
        space=study.header.space,
        strategy=config.strategy if config else "recorded",
        objectives=tuple(study.header.objectives),
        trials=trials,
        best=_best(study),
        config=config.model_dump(mode="json") if config else dict(vars(study.header)),
        command=f"sparsenas search {study.run.config}" if study.run else f"sparsenas report {study.name}",
        epochs=config.epochs if config else _epochs(study.records),
        min_records=config.min_records if config else None,
        screening=config.screen if config else True,
        stages=_stages(study.records),
        version=_version(),
    )


def mark_front(trials: Sequence[Trial], objectives: Sequence[str]) -> list[Trial]:
    """Return the trials with `on_front` set for those that no other one dominates; of equal ones the first."""
    import numpy as np

    finished = [trial for trial in trials if trial.accuracy is not None]
    costs = np.array([_costs(trial, objectives) for trial in finished]).reshape(len(finished), len(objectives))
    front = set()
    for i, trial in enumerate(finished):
        no_worse = (costs <= costs[i]).all(axis=1)
        better = no_worse & (costs < costs[i]).any(axis=1)
        earlier_twin = no_worse[:i] & (costs[:i] == costs[i]).all(axis=1)
        if not better.any() and not earlier_twin.any():
            front.add(trial.number)
    return [replace(trial, on_front=trial.number in front) for trial in trials]


def _costs(trial: Trial, objectives: Sequence[str]) -> list[float]:
    """Return the trial's objectives, all to be minimised; what is not known of it is as bad as can be."""
    costs = []
    for name in objectives:
        value = trial.value(name)
        costs.append(math.inf if value is None else -value if OBJECTIVES[name].kind == "accuracy" else float(value))
    return costs


def _trial(record: Record) -> Trial:
    sparsity: Mapping[str, Any] = record.candidate.get("sparsity", {})
    density = float(sparsity.get("density", 1.0))
    dense = density == 1.0  # then no method chose anything
    trial = Trial(
        number=record.number,
        state=record.state,
        method="dense" if dense else chosen_by(record.candidate),
        allocation="" if dense else str(sparsity.get("allocation", "")),
        density=density,
        explored=record.explored,
        attempts=record.attempts,
        expected=None if record.prediction is None else Expectation(float(record.prediction)),
        architecture=dict(record.candidate.get("architecture", {})),
    )
    result = record.outcome
    if isinstance(result, Outcome):
        return replace(
            trial,
            accuracy=result.val_accuracy,
            kept=result.kept,
            total=result.total,
            multiply_adds=result.multiply_adds,
            epochs=result.epochs,
            seconds=result.seconds,
            measures=dict(result.measures),
        )
    if isinstance(result, Failure):
        return replace(trial, error=result.error, message=result.message, seconds=result.seconds)
    return trial


def _stages(records: Sequence[Record]) -> dict[str, float]:
    totals = dict.fromkeys(["training", *STAGES.values()], 0.0)
    totals["training"] = sum(record.outcome.seconds for record in records if record.outcome)
    for record in records:
        for key, seconds in record.overhead.items():
            stage = STAGES.get(key, key)
            totals[stage] = totals.get(stage, 0.0) + seconds
    return totals


def _best(study: Study) -> Best | None:
    finals = read_finalists(study.run.finalists) if study.run else {}
    record = winner(study.records, finals)
    if record is None:
        return None
    finalists = tuple(_finalist(number, result) for number, result in finals.items())
    found = saved_best(study.run.best, record.candidate) if study.run else None
    if study.run is None or found is None:
        return Best(record.number, _rebuilt_layers(study, record.candidate), finalists=finalists)
    return Best(
        trial=record.number,
        finalists=finalists,
        layers=layers_of(load_masks(study.run.best / "masks.safetensors")),
        retrained_epochs=found.epochs,
        retrained_val_accuracy=found.val_accuracy,
        test_accuracy=found.test_accuracy,
        seconds=found.seconds,
    )


def _finalist(number: int, result: Outcome | Failure) -> Finalist:
    if isinstance(result, Failure):
        return Finalist(number, error=result.message)
    return Finalist(number, result.epochs, result.val_accuracy)


def saved_best(folder: Path, candidate: Mapping[str, Any]) -> Outcome | None:
    """Return the outcome of the network saved in `folder`, or None if it is not (yet) this candidate's."""
    try:
        description = json.loads((folder / "architecture.json").read_text())
        outcome = outcomes.from_json(description["outcome"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    same = _canonical(description.get("candidate")) == _canonical(candidate)
    return outcome if same and isinstance(outcome, Outcome) else None


def layers_of(masks: MaskSet) -> tuple[Layer, ...]:
    """Return the layers of a mask set, in the order of the network."""
    return tuple(Layer(name, tuple(mask.shape), int(mask.sum()), mask.numel()) for name, mask in masks.items())


def _rebuilt_layers(study: Study, candidate: Mapping[str, Any]) -> tuple[Layer, ...]:
    """The layers of a candidate that was not saved, its masks chosen again; none where its task's data are not."""
    try:
        task = load_task(study.header.task, data_folder(study.config.data if study.config else None))
    except NasError:
        return ()
    return layers_of(realize(from_json(candidate), task)[1])


def _canonical(data: Any) -> str:
    return json.dumps(data, sort_keys=True)


def _epochs(records: Sequence[Record]) -> int | None:
    return max((r.outcome.epochs for r in records if isinstance(r.outcome, Outcome)), default=None)


def _version() -> str:
    try:
        return version("sparsenas")
    except PackageNotFoundError:
        return ""
