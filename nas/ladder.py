"""Multi-fidelity: every trial trains for a few epochs, and only the best of them for more.

Asynchronous successive halving, as a function of the records: whenever a worker is free, the best trial that is among
its rung's top 1/eta and has not been promoted yet goes on; only if there is none a new candidate starts. Nothing waits
for a rung to fill up. A promotion is a new record of the same candidate, one rung higher, whose training goes on from a
checkpoint.

Source: Li et al. 2020, "A system for massively parallel hyperparameter tuning", MLSys, arXiv:1810.05934, Algorithm 2.
Differs from the paper: checkpoints are a cache and disk is bounded (`climbers`). With several objectives a rung is
    ranked by dominance and crowding (`nas.rungs.best`), and nothing below its median accuracy goes on: the cheapest
    networks, which no other dominates however little they learn, would always do.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nas.errors import NasError
from nas.records import History, Record
from nas.stage import Stage
from nas.standing import Standing

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Ladder:
    """The rungs of a search.

    Args:
        rungs: epochs, counted from a candidate's start, at which trainings stop; the last is the whole training.
        eta: one in so many of a rung goes on to the next.
        checkpoints: folder for the files that carry trainings between rungs, on a file system that all workers share;
            None trains each rung from the start, to the same result.

    Raises:
        NasError: the rungs do not rise, or eta is below 2.
    """

    rungs: tuple[int, ...]
    eta: int = 3
    checkpoints: Path | None = None

    def __post_init__(self) -> None:
        pairs = zip((0, *self.rungs), self.rungs, strict=False)
        if not self.rungs or any(high <= low for low, high in pairs):
            raise NasError(f"rungs must be rising numbers of epochs, at least 1; got {self.rungs}. Use 1,3,9.")
        if self.eta < 2:
            raise NasError(f"eta must be at least 2; got {self.eta}. 3 lets the best third go on.")

    def promotion(self, history: History) -> Record | None:
        """Return the finished record whose candidate goes one rung higher now, the highest rungs first, or None."""
        return self.standing(history).promotion()

    def climbers(self, history: History, trials: int) -> set[str]:
        """Return the digests of the candidates whose checkpoint may still be wanted by a search of `trials` trials."""
        return self.standing(history).climbers(trials)

    def standing(self, history: History = ()) -> Standing:
        """Return who stands where after some records; it is told of further ones as they come."""
        standing = Standing(len(self.rungs), self.eta)
        for record in history:
            standing.tell(record)
        return standing

    def stage(self, record: Record) -> Stage:
        """Return what a record of some rung trains."""
        file = None if self.checkpoints is None else self.checkpoints / f"{record.digest}{SUFFIX}"
        return Stage(self.rungs[record.rung], file)


class Sweep:
    """Keeps a ladder's folder of checkpoints down to those that are wanted.

    A sweep goes through all that are wanted, so there is one whenever a twentieth of them may have dropped out.
    """

    def __init__(self, folder: Path, standing: Standing) -> None:
        self._folder = folder
        self._standing = standing
        self._wanted: set[str] | None = None
        self._closed = 0

    def after(self, closed: int, trials: int) -> None:
        """Take note of some closed trials of a search of `trials` trials, and sweep if it is time to."""
        self._closed += closed
        if self._wanted is None:
            self._keep(self._standing.climbers(trials))  # what an earlier driver left is known to the folder alone
        elif self._closed > len(self._wanted) // 20:
            wanted = self._standing.climbers(trials)
            self._drop(self._wanted - wanted)
            self._wanted, self._closed = wanted, 0

    def finish(self) -> None:
        """Delete all checkpoints, and the folder if nothing else is in it."""
        self._keep(set())
        if self._folder.is_dir():
            with suppress(OSError):  # somebody keeps something else there
                self._folder.rmdir()

    def _keep(self, wanted: set[str]) -> None:
        for file in self._folder.glob(f"*{SUFFIX}*"):
            if file.name.partition(".")[0] not in wanted:
                file.unlink(missing_ok=True)
        self._wanted = wanted

    def _drop(self, digests: Iterable[str]) -> None:
        for digest in digests:
            for name in (f"{digest}{SUFFIX}", f"{digest}{SUFFIX}.partial"):
                (self._folder / name).unlink(missing_ok=True)
