"""The wiring of a network, read from one forward pass without arithmetic."""

from predictors.tracing.tape import Indices, Junction, Part, Tape, Use, Weighted
from predictors.tracing.trace import trace

__all__ = ["Indices", "Junction", "Part", "Tape", "Use", "Weighted", "trace"]
