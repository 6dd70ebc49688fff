"""Other processes, as a benchmark of faults sees them: who is whose child, who lives, and how much memory they hold."""

from __future__ import annotations

from pathlib import Path

START = 19
"""Where a process's start time stands among the fields that `_stats` returns."""


def children(parent: int) -> list[int]:
    """Return the process numbers of a process's children, the oldest first."""
    found = [(int(fields[START]), pid) for pid, fields in _stats() if int(fields[1]) == parent]
    return [pid for _, pid in sorted(found)]


def alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and waits for its parent to notice does not."""
    return any(found == pid and fields[0] != "Z" for found, fields in _stats())


def resident_megabytes(pid: int) -> float:
    """Return a process's memory that is its own: what it shares with others through files is not counted."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _stats() -> list[tuple[int, list[str]]]:
    """Return every process's number and the fields of its stat file after the name: state, parent, ..."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            found.append((int(stat.parent.name), stat.read_text().rpartition(")")[2].split()))
        except OSError:  # it ended meanwhile
            continue
    return found
