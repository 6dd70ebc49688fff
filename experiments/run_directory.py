"""The folder of one search, what lies where in it, and the lock that keeps a second driver out."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from experiments.errors import ExperimentError


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Where the files of one search lie."""

    folder: Path

    @property
    def config(self) -> Path:
        """The resolved config, which runs or resumes this search."""
        return self.folder / "config.yaml"

    @property
    def journal(self) -> Path:
        """Optuna's journal: the record of every trial, unless --storage put it elsewhere."""
        return self.folder / "journal.log"

    @property
    def table(self) -> Path:
        """The finished and failed trials as CSV, for other tools."""
        return self.folder / "records.csv"

    @property
    def checkpoints(self) -> Path:
        """Trainings that may go on at a higher rung; gone when the search is done."""
        return self.folder / "checkpoints"

    @property
    def finalists(self) -> Path:
        """What became of the finalists, if the search had more than one."""
        return self.folder / "finalists.json"

    @property
    def best(self) -> Path:
        """The best network: architecture, masks, weights and the snippet that loads them."""
        return self.folder / "best"

    @property
    def predictor(self) -> Path:
        """A predictor fitted on this search's records."""
        return self.folder / "predictor"

    @property
    def report(self) -> Path:
        """The report, one HTML file."""
        return self.folder / "report.html"


@contextmanager
def driving(folder: Path) -> Iterator[RunDirectory]:
    """Make the run directory if needed and hold its lock, which the kernel releases however the driver ends.

    Raises:
        ExperimentError: the folder cannot be written, or another driver holds it.
    """
    lock = _open_lock(folder)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise ExperimentError(
                f"a run directory must have one driver at a time; got a second one, process {owner} holds it "
                f"({folder}). Wait for it, or let the second one help: the same settings with another --out and "
                f"--storage {RunDirectory(folder).journal} (or the URL that the first one uses)."
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield RunDirectory(folder)
    finally:
        os.close(lock)


def _open_lock(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / ".driver.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ExperimentError(
            f"a run directory must be writable; got '{error.strerror}' ({folder}). Choose another --out."
        ) from None
