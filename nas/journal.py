"""Optuna's journal file, made safe to be killed in and to fill the disk: a lock the kernel releases, a file checked
before use, and writes that take place whole or not at all.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections import deque
from collections.abc import Generator
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock

from nas.errors import NasError


class KernelLock(BaseJournalFileLock):
    """An exclusive `flock` on a file beside the journal.

    The kernel releases it when its owner dies, so a driver killed in a write delays nobody. (Optuna's own locks
    are files that stay behind, and the next process waits 30 s for them.) Not for NFS.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Block until the lock is held."""
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        """Let the lock go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


LATELY = 16
"""Features written that are remembered until they are read back: Optuna reads after each write."""


class WholeWrites(JournalFileBackend):
    """A journal file that a write which fails (a full disk, a quota) leaves as it was.

    Optuna reads every line again, its own too, and holds what it read. Most of that are the features of each trial,
    which the driver's record holds as well: both hold the same ones. Names are held once for all trials.
    """

    def __init__(self, path: Path, lock: KernelLock) -> None:
        super().__init__(str(path), lock_obj=lock)
        self._path = path
        self._kernel_lock = lock
        self._written: deque[dict[str, float]] = deque(maxlen=LATELY)

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """Yield the logs from a number on."""
        for read in super().read_logs(log_number_from):
            log: dict[str, Any] = _held(read)
            features = log.get("user_attrs", {}).get("features")
            if features:
                log["user_attrs"]["features"] = next((mine for mine in self._written if mine == features), features)
            yield log

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append one line for each log.

        Raises:
            NasError: the system refuses the write.
        """
        attributes = [log["user_attrs"] for log in logs if "user_attrs" in log]
        self._written += [found["features"] for found in attributes if "features" in found]
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        self._kernel_lock.acquire()
        try:
            whole = self._path.stat().st_size
            try:
                with self._path.open("ab") as file:
                    file.write(text.encode())
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                os.truncate(self._path, whole)
                raise NasError(
                    f"a search must be able to write its journal; got '{error.strerror}' ({self._path}). All that was "
                    f"finished before is kept: make room and run the same command again."
                ) from None
        finally:
            self._kernel_lock.release()


def open_journal(path: Path) -> JournalStorage:
    """Return the storage of a journal file, creating it if absent.

    A last line without its end is what a write cut short leaves: it is moved to `<name>.torn` (its operation never
    took effect), because the next write would otherwise join it and spoil both.

    Raises:
        NasError: a complete line is not a JSON object, or the file cannot be written.
    """
    lock = KernelLock(path.with_name(path.name + ".lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        try:
            _mend_tail(path)
            _check_lines(path)
        finally:
            lock.release()
        return JournalStorage(WholeWrites(path, lock))
    except OSError as error:
        raise NasError(
            f"a journal file must be readable and writable; got '{error.strerror}' ({path}). "
            f"Choose another --out or mend its permissions."
        ) from None


def _held(value: Any) -> Any:
    """Return parsed JSON with each of its strings held once, however often it was read."""
    if isinstance(value, dict):
        return {sys.intern(name): _held(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_held(inner) for inner in value]
    return sys.intern(value) if isinstance(value, str) else value


def _mend_tail(path: Path) -> None:
    if not path.exists():
        return
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    if end == len(data):
        return
    with path.with_name(path.name + ".torn").open("ab") as torn:
        torn.write(data[end:] + b"\n")
    with path.open("rb+") as journal:
        journal.truncate(end)


def _check_lines(path: Path) -> None:
    if not path.exists():
        return
    with path.open("rb") as journal:
        for number, line in enumerate(journal, start=1):
            try:
                intact = isinstance(json.loads(line), dict)
            except ValueError:
                intact = False
            if not intact:
                shown = line[:40].decode("utf-8", "replace").strip()
                raise NasError(
                    f"every journal line must be a JSON object; line {number} starts with {shown!r} ({path}). "
                    f"Nothing was changed: restore that line from a copy, or delete it to lose that one write."
                )
