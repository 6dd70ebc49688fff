"""Which drivers work on a study: each says so in the study itself, so that others can tell who has ended.

A driver has ended when it says so, when its process is gone (seen at once by drivers of the same machine), or when it
has been silent for a minute by the clock of whoever asks: clocks of machines are not compared.
"""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

PREFIX = "sparsenas:driver:"
BEAT_SECONDS = 10.0
SILENCE_SECONDS = 60.0


class Drivers:
    """The drivers of one study, of which this may be one.

    Attributes:
        me: this driver's name, under which it owns trials.
    """

    def __init__(self, storage: BaseStorage, study_id: int) -> None:
        self.me = uuid4().hex[:12]
        self._storage = storage
        self._study_id = study_id
        self._said: dict[str, Any] = {}
        self._heard: dict[str, float] = {}

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count as one of the study's drivers while the block runs, and give signs of life."""
        end = threading.Event()
        self._say(0)
        thread = threading.Thread(target=self._beat, args=(end,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()
            with suppress(Exception):  # a full disk, a lost server: others notice the silence
                self._storage.set_study_system_attr(self._study_id, PREFIX + self.me, None)

    def listen(self) -> bool:
        """Read what the drivers say; return whether another one works on the study or did since the last time."""
        attributes = self._storage.get_study_system_attrs(self._study_id)
        said = {name: words for name, words in attributes.items() if name.startswith(PREFIX)}
        said.pop(PREFIX + self.me, None)
        changed = [name for name, words in said.items() if name not in self._said or self._said[name] != words]
        for name in changed:
            self._heard[name] = time.monotonic()
        self._said = said
        return bool(changed) or self.company()

    def company(self) -> bool:
        """Return whether another driver works on the study, as far as was heard."""
        return any(self.alive(name.removeprefix(PREFIX)) for name, words in self._said.items() if words is not None)

    def alive(self, driver: str) -> bool:
        """Return whether a driver works on the study, as far as was heard."""
        words = self._said.get(PREFIX + driver)
        if words is None:
            return False
        if words["place"] == place() and not _runs(words["process"], words["started"]):
            return False
        return time.monotonic() - self._heard[PREFIX + driver] < SILENCE_SECONDS

    def _say(self, beat: int) -> None:
        process = os.getpid()
        words: Any = {"place": place(), "process": process, "started": _started(process), "beat": beat}
        self._storage.set_study_system_attr(self._study_id, PREFIX + self.me, words)

    def _beat(self, end: threading.Event) -> None:
        beat = 0
        while not end.wait(BEAT_SECONDS):
            beat += 1
            with suppress(Exception):  # the main thread meets the same trouble, and says so
                self._say(beat)
        self._storage.remove_session()


def place() -> str:
    """Return a name for this machine since its start, and for the part of it that sees the same process numbers."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    try:
        return f"{platform.node()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{platform.node()} {boot}"


def _runs(process: int, started: str) -> bool:
    """Return whether a process of this machine runs, and is no later one of the same number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _started(process) == started


def _started(process: int) -> str:
    """Return when a process started, in the kernel's words; "ended" if it only waits for its parent to notice."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "ended" if fields[0] == "Z" else fields[19]
