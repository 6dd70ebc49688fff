"""What training a candidate comes to: an Outcome or a Failure, never an accuracy that stands for an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from nas.errors import NasError

FailureKind: TypeAlias = Literal[
    "worker_died", "exception", "non_finite_loss", "out_of_memory", "time_limit", "infeasible", "withdrawn"
]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training split; accuracies are fractions, `seconds` is the pass's wall time."""

    epoch: int
    train_loss: float
    train_accuracy: float
    val_accuracy: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished training. `kept`/`total` count prunable weights; `multiply_adds` are the kept ones per sample.

    `test_accuracy` is measured only for a network retrained after the search: nothing that steers a search may
    see it, so a trial's outcome does not have it. `training_density` is the mean kept fraction over the steps of
    training, where the mask moved: what gradual pruning cost beyond what it left. `measures` holds by name what was
    measured because an objective asked for it (nas/objectives.py).
    """

    val_accuracy: float
    curve: tuple[Epoch, ...]
    epochs: int
    seconds: float
    kept: int
    total: int
    multiply_adds: int
    test_accuracy: float | None = None
    training_density: float | None = None
    measures: Mapping[str, float] = field(default_factory=dict)

    @property
    def density(self) -> float:
        """Kept fraction of the prunable weights, in (0, 1]."""
        return self.kept / self.total


@dataclass(frozen=True, slots=True)
class Failure:
    """A training that came to nothing, and why."""

    error: FailureKind
    message: str
    seconds: float = 0.0


def to_json(result: Outcome | Failure) -> dict[str, Any]:
    """Return the result as JSON-able data, tagged with its kind."""
    return {"kind": "outcome" if isinstance(result, Outcome) else "failure", **asdict(result)}


def from_json(data: dict[str, Any]) -> Outcome | Failure:
    """Return the result that `to_json` wrote.

    Raises:
        NasError: the data is not a result of a known kind.
    """
    fields = dict(data)
    kind = fields.pop("kind", None)
    try:
        if kind == "outcome":
            curve = tuple(Epoch(**epoch) for epoch in fields.pop("curve"))
            return Outcome(curve=curve, **fields)
        if kind == "failure" and fields["error"] in get_args(FailureKind):
            return Failure(**fields)
    except (TypeError, KeyError) as error:
        raise NasError(f"a recorded result must have its kind's fields; got {error} ({kind}).") from None
    raise NasError(f"a recorded result must be an outcome or a known failure; got kind {kind!r}.")
