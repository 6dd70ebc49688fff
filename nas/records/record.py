"""One trial and what a study is about, as immutable values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from nas import outcomes
from nas.candidates import Candidate
from nas.errors import NasError
from nas.genomes import Genes
from nas.outcomes import Failure, Outcome

State: TypeAlias = Literal["running", "finished", "failed"]
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class Header:
    """What a study is about; a study opened under another header is refused."""

    task: str
    space: str
    objectives: tuple[str, ...]
    seed: int
    choices: str
    """Digest of the genome's alphabet: genes recorded under another one mean something else."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """Settings that give accuracies their meaning, by name: epochs, rungs, the recipe's. Empty where nobody said."""


@dataclass(frozen=True)
class Record:
    """One trial: what was proposed and why, and what came of it.

    `values` are the objectives in the study's order, for finished trials only. `prediction` is the validation
    accuracy that the screen expected when it chose the candidate, or None when it was not asked. `rung` is how often
    the candidate was promoted to more epochs (nas/ladder.py): each rung of a candidate is a record of its own.
    `half_batch` says that it was started again in half batches after memory had run out. `driver` is who trains it
    (nas/records/drivers.py).
    """

    number: int
    genes: Genes
    digest: str
    state: State
    outcome: Outcome | Failure | None = None
    values: tuple[float, ...] | None = None
    features: Mapping[str, float] = field(default_factory=dict)
    explored: bool = True
    attempts: int = 1
    prediction: float | None = None
    candidate: Mapping[str, Any] = field(default_factory=dict)
    overhead: Mapping[str, float] = field(default_factory=dict)
    rung: int = 0
    half_batch: bool = False
    driver: str = ""


History: TypeAlias = Sequence[Record]


@dataclass(frozen=True)
class Proposal:
    """A candidate chosen for training, with what the driver already knows of it."""

    genes: Genes
    digest: str
    candidate: Candidate
    features: Mapping[str, float] = field(default_factory=dict)
    explored: bool = True
    prediction: float | None = None
    overhead: Mapping[str, float] = field(default_factory=dict)
    infeasible: str = ""
    """Why the candidate cannot be trained; empty when it can."""
    rung: int = 0
    half_batch: bool = False


def record_of(number: int, state: State, values: tuple[float, ...] | None, attributes: Mapping[str, Any]) -> Record:
    """Return the record that a trial's stored attributes describe.

    Raises:
        NasError: an attribute is missing.
    """
    try:
        result = attributes.get("result")
        return Record(
            number=number,
            genes=tuple(attributes["genes"]),
            digest=attributes["digest"],
            state=state,
            outcome=outcomes.from_json(result) if result is not None else None,
            values=values,
            features=attributes["features"],
            explored=attributes["explored"],
            attempts=attributes["attempts"],
            prediction=attributes.get("prediction"),
            candidate=attributes["candidate"],
            overhead=attributes.get("overhead", {}),
            rung=attributes.get("rung", 0),
            half_batch=attributes.get("half_batch", False),
            driver=attributes.get("driver", ""),
        )
    except KeyError as error:
        raise NasError(f"trial {number} must carry the attributes sparsenas writes; {error} is missing.") from None
