"""The wiring of a network, read from one forward pass without arithmetic."""

from pruning.tracing.record import record
from pruning.tracing.tape import Indices, Junction, Part, Pass, Tape, Use, Weighted

__all__ = ["Indices", "Junction", "Part", "Pass", "Tape", "Use", "Weighted", "record"]
