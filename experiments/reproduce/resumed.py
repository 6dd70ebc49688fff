"""Rows of a long measurement, kept as they come, so that a killed run goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from experiments.output import dumps

Rows = list[dict[str, Any]]


def resumed(
    file: Path, parts: Iterable[str], measure: Callable[[str], Rows], say: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of all parts, in their order; those in the file are read, the others measured and added to it.

    Args:
        file: one line of JSON for each finished part, its name and rows; made if need be. A line cut short is as if the
            part had not been measured. Several processes may add to it, with parts of their own.
        parts: what to measure, by names that say all that the rows depend on.
        measure: part -> its rows.
        say: told of each part that was measured.
    """
    done = _read(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    for part in parts:
        if part not in done:
            done[part] = measure(part)
            with file.open("a", encoding="utf-8") as lines:
                lines.write(("\n" if _is_torn(file) else "") + dumps({"part": part, "rows": done[part]}) + "\n")
            say(f"{file.stem}: {part} measured")
        yield from done[part]


def _read(file: Path) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        try:
            read = json.loads(line)
        except ValueError:
            continue
        found[read["part"]] = read["rows"]
    return found


def _is_torn(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0 and not file.read_bytes().endswith(b"\n")
