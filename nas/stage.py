"""How far a training goes now, where it may go further later."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Stage:
    """The part of a training to do now; its schedule stays that of the whole.

    Args:
        until: epochs, counted from the start of the whole training, after which to stop.
        checkpoint: the file that an earlier stage left and this one leaves, if it stops before the end. It only saves
            time: without it, or with one of another training, the training starts over and comes to the same.
    """

    until: int
    checkpoint: Path | None = None
