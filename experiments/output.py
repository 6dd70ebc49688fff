"""Where a command's words go: results to stdout, progress to stderr, and with `--json` one object on stdout."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

FILE_WIDTH = 120


class Output:
    """The two consoles of one command run: `results` for tables and lines, `progress` for what passes by."""

    def __init__(self, json_only: bool = False) -> None:
        self.json_only = json_only
        self.progress = _console(stderr=True)
        self.results = self.progress if json_only else _console(stderr=False)

    def emit(self, data: Mapping[str, Any]) -> None:
        """Print `data` as the one JSON object on stdout, if this command was asked for JSON."""
        if self.json_only:
            sys.stdout.write(dumps(data) + "\n")
            sys.stdout.flush()


def _console(stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = FILE_WIDTH  # a file or pipe has no width; do not squeeze tables into eighty columns
    return console


def dumps(data: Mapping[str, Any], indent: int | None = None) -> str:
    """Return strict JSON: a number that is not finite becomes null, a path its text, a tuple a list."""
    return json.dumps(_plain(data), allow_nan=False, ensure_ascii=False, indent=indent)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):  # a numpy or torch scalar
        return _plain(value.item())
    number = float(value)
    return number if math.isfinite(number) else None
