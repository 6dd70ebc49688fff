"""What a search tells whoever watches it (progress bars, logs, tests); watching changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from nas.outcomes import Failure
from nas.records import Record


@dataclass(frozen=True, slots=True)
class Started:
    """A candidate went to a worker; `resumed` when an earlier driver had started it."""

    record: Record
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Retried:
    """A worker died; its candidate starts again under the same identity."""

    record: Record
    failure: Failure


@dataclass(frozen=True, slots=True)
class Closed:
    """A trial finished or failed: `record.state` says which."""

    record: Record


@dataclass(frozen=True, slots=True)
class Screening:
    """Whether the predictor chose the next candidate; below `minimum` finished trials it does not."""

    active: bool
    finished: int
    minimum: int


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The strategy has no candidate left that was not tried: the search ends early."""

    finished: int


Event: TypeAlias = Started | Retried | Closed | Screening | Exhausted
Listener: TypeAlias = Callable[[Event], None]
