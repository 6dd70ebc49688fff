"""How a choice is shown to Optuna, so that its plots and dashboard have axes that mean something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_spaces import Choice

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def distribution(choice: Choice) -> BaseDistribution:
    """Return the Optuna distribution that shows a choice best: numeric when ordered, categorical otherwise."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    numbers = [value for value in choice.values if isinstance(value, int | float)]
    if not choice.ordered or len(numbers) < len(choice.values) or len(numbers) < 2:
        return CategoricalDistribution(choice.values)
    low, high = min(numbers), max(numbers)
    if all(isinstance(value, int) for value in numbers):
        return IntDistribution(int(low), int(high), log=low > 0)
    return FloatDistribution(float(low), float(high), log=low > 0)
