"""What a search may aim at: accuracy first; costs that masks alone decide; errors that only training tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from nas.errors import NasError
from nas.outcomes import Outcome
from pruning.naming import unknown

Kind: TypeAlias = Literal["accuracy", "cost", "error"]


@dataclass(frozen=True, slots=True)
class Objective:
    """One thing to aim at. Accuracy is maximised, everything else minimised.

    Attributes:
        name: as in a config, in a study and in an outcome.
        kind: "accuracy", in [0, 1]; "cost", above 0, known from the masked network before it is trained; "error", in
            [0, 1], which only training tells.
        extra: whether it is measured only where it is asked for, and then stands in `Outcome.measures`.
        least: costs below it count as that much, so that a logarithm can be taken.
    """

    name: str
    kind: Kind
    extra: bool = False
    least: float = 1.0

    @property
    def direction(self) -> str:
        """Optuna's word for it."""
        return "maximize" if self.kind == "accuracy" else "minimize"

    def of(self, outcome: Outcome) -> float:
        """Return what a training came to.

        Raises:
            NasError: it was not measured.
        """
        if not self.extra:
            return float(getattr(outcome, self.name))
        if self.name not in outcome.measures:
            known = ", ".join(outcome.measures) or "nothing"
            raise NasError(f"an outcome must hold {self.name} where it is an objective; got {known}. Measure it.")
        return outcome.measures[self.name]


_ALL = (
    Objective("val_accuracy", "accuracy"),
    Objective("kept", "cost"),
    Objective("multiply_adds", "cost"),
    Objective("latency_seconds", "cost", extra=True, least=1e-6),
    Objective("long_error", "error", extra=True),
    Objective("legality_error", "error", extra=True),
)
OBJECTIVES: MappingProxyType[str, Objective] = MappingProxyType({objective.name: objective for objective in _ALL})
"""By name, in the order in which a study holds them."""


def extras(names: Sequence[str]) -> tuple[str, ...]:
    """Return those of the named objectives that a worker must measure beside what every training tells.

    Raises:
        NasError: there is no such objective.
    """
    for name in names:
        if name not in OBJECTIVES:
            raise NasError(unknown("objective", name, OBJECTIVES))
    return tuple(name for name in names if OBJECTIVES[name].extra)
