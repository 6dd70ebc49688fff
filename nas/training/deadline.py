"""A wall-clock limit that costs one clock reading to check."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from nas.errors import NasError
from nas.training.failure import TrainingFailed


@dataclass(frozen=True, slots=True)
class Deadline:
    """`limit_seconds` from the moment it is made; None for no limit."""

    limit_seconds: float | None = None
    start: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        limit = self.limit_seconds
        if limit is not None and not (limit > 0 and math.isfinite(limit)):
            raise NasError(f"time limit must be more than 0 seconds; got {limit}. Leave it out for no limit.")

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since it was made."""
        return time.perf_counter() - self.start

    def check(self) -> None:
        """Return None before the deadline.

        Raises:
            TrainingFailed: "time_limit", after it.
        """
        if self.limit_seconds is not None and (elapsed := self.elapsed_seconds) > self.limit_seconds:
            raise TrainingFailed(
                "time_limit",
                f"training must end within {self.limit_seconds:g} s; got {elapsed:.1f} s and not done. "
                f"Raise the limit or train for fewer epochs.",
            )
