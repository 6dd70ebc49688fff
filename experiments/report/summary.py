"""Everything a report says, as plain data: made from a run directory or storage, drawn by figures and page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from experiments.report.words import epochs
from nas.objectives import extras

State: TypeAlias = Literal["running", "finished", "failed"]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the screen expected of a candidate when it chose it; the interval where it had one. Fractions."""

    accuracy: float
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate's trial. `kept`, `total`, `multiply_adds`, `epochs` and `accuracy` (validation) are there when it
    finished; of a candidate that climbed rungs they are those of its longest training. `measures` holds by name what
    was measured because an objective asked for it.
    """

    number: int
    state: State
    method: str
    allocation: str
    density: float
    explored: bool = True
    attempts: int = 1
    accuracy: float | None = None
    kept: int | None = None
    total: int | None = None
    multiply_adds: int | None = None
    epochs: int | None = None
    seconds: float = 0.0
    expected: Expectation | None = None
    on_front: bool = False
    error: str = ""
    message: str = ""
    architecture: Mapping[str, Any] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)

    def value(self, objective: str) -> float | None:
        """Return what it came to in an objective; None if that is not known of it."""
        known = {"val_accuracy": self.accuracy, "kept": self.kept, "multiply_adds": self.multiply_adds, **self.measures}
        return known.get(objective)

    @property
    def achieved_density(self) -> float:
        """Kept over all weights; the density asked for where the counts are not known."""
        return self.kept / self.total if self.kept and self.total else self.density


@dataclass(frozen=True, slots=True)
class Layer:
    """One pruned tensor of the best network: how many of its weights are kept."""

    name: str
    shape: tuple[int, ...]
    kept: int
    total: int

    @property
    def density(self) -> float:
        """Kept fraction."""
        return self.kept / self.total


@dataclass(frozen=True, slots=True)
class Finalist:
    """One of the best trials, trained again for longer; `accuracy` (validation) is None if that failed."""

    trial: int
    epochs: int | None = None
    accuracy: float | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Best:
    """The best network, chosen among `finalists` if there were any.

    The retraining's fields are None when it was not retrained.
    """

    trial: int
    layers: tuple[Layer, ...] = ()
    retrained_epochs: int | None = None
    retrained_val_accuracy: float | None = None
    test_accuracy: float | None = None
    seconds: float | None = None
    finalists: tuple[Finalist, ...] = ()


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One search. `stages` maps a stage's name to its seconds; `command` reproduces or resumes the run."""

    name: str
    task: str
    space: str
    strategy: str
    objectives: tuple[str, ...]
    trials: tuple[Trial, ...]
    best: Best | None
    config: Mapping[str, Any]
    command: str
    epochs: int | None = None
    min_records: int | None = None
    screening: bool = True
    stages: Mapping[str, float] = field(default_factory=dict)
    version: str = ""

    @property
    def measured(self) -> tuple[str, ...]:
        """The objectives that were measured for their own sake, beside accuracy and counts."""
        return extras(self.objectives)

    @property
    def finished(self) -> tuple[Trial, ...]:
        """Trials that trained to the end, in the order of their proposal."""
        return tuple(trial for trial in self.trials if trial.state == "finished")

    @property
    def failed(self) -> tuple[Trial, ...]:
        """Trials that came to nothing."""
        return tuple(trial for trial in self.trials if trial.state == "failed")

    @property
    def trained_for(self) -> str:
        """The epochs of the finished trials in words: "8 epochs each", "1 to 9 epochs each"; "" where not known."""
        found = sorted({trial.epochs for trial in self.finished if trial.epochs} or {self.epochs or 0})
        if found == [0]:
            return ""
        return f"{epochs(found[0])} each" if len(found) == 1 else f"{found[0]} to {epochs(found[-1])} each"

    @property
    def front(self) -> tuple[Trial, ...]:
        """The Pareto front, most accurate first."""
        return tuple(sorted((t for t in self.trials if t.on_front), key=lambda t: -(t.accuracy or 0.0)))

    @property
    def best_trial(self) -> Trial | None:
        """The trial of the best network."""
        return next((t for t in self.trials if self.best and t.number == self.best.trial), None)
