"""A history's trials as Optuna wants them, made to be shared by many studies that live for one call each.

A study takes a deep copy of every trial it is given, and samplers compare the trials' distributions one by one. Of
trials that nothing changes a shallow copy is as good, and a distribution that all of them share equals itself.
"""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any, Self

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState


class _Shared(BaseDistribution):
    """A distribution that sees at once that it equals itself, and is its own copy."""

    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)

    __hash__ = BaseDistribution.__hash__

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class Categories(_Shared, CategoricalDistribution):
    """Values without order."""


class Integers(_Shared, IntDistribution):
    """Whole numbers."""


class Numbers(_Shared, FloatDistribution):
    """Real numbers."""


class _Trial(FrozenTrial):
    """A trial that shares parameters, distributions and attributes with its copies, and was valid when it was made."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return copy.copy(self)

    def _validate(self) -> None:
        """Do nothing: `trial` has done it."""


def trial(
    params: dict[str, Any],
    distributions: dict[str, BaseDistribution],
    values: tuple[float, ...] | None,
    attributes: dict[str, Any],
) -> FrozenTrial:
    """Return a complete trial, or a running one if `values` is None; its number is that of no study yet."""
    now = datetime.now()
    made = _Trial(
        number=-1,
        trial_id=-1,
        state=TrialState.RUNNING if values is None else TrialState.COMPLETE,
        value=None,
        values=values,
        datetime_start=now,
        datetime_complete=None if values is None else now,
        params=params,
        distributions=distributions,
        user_attrs={},
        system_attrs=attributes,
        intermediate_values={},
    )
    FrozenTrial._validate(made)
    return made
