"""The one number at which a falling function reaches a target."""

from __future__ import annotations

from collections.abc import Callable


def crossing(function: Callable[[float], float], target: float, low: float, high: float) -> float:
    """Return the least x in [low, high], as exact as floats are, at which the function is down to the target.

    Args:
        function: does not rise on [low, high]; at `high` it is at most the target.
        target: the value looked for.
        low: lower end of the interval.
        high: upper end of the interval.
    """
    if function(low) <= target:
        return low
    while True:
        middle = low + (high - low) / 2
        if not low < middle < high:
            return high
        low, high = (middle, high) if function(middle) > target else (low, middle)
