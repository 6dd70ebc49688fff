"""Runs `sparsenas` in this process, as its entry point does, and hands back what it said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from experiments.cli import main

SMALL = ["--epochs", 1, "--final-epochs", 1, "--workers", 0, "--threads-per-trial", 1, "--space", "mlp"]
SETTINGS = [
    *SMALL,
    "--method",
    "random",
    "--method",
    "magnitude",
    "--min-records",
    3,
    "--oversample",
    3,
    "--explore",
    0,
    "--min-density",
    0.1,
]
"""Flags of a search that takes a second or two, and those of one that is screened too."""


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on stdout; NaN and infinity are refused, as strict parsers do."""

        def refuse(constant: str) -> float:
            raise AssertionError(f"{constant} is no JSON")

        found: dict[str, Any] = json.loads(self.out, parse_constant=refuse)
        return found

    @property
    def error(self) -> str:
        """The one error line."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1 and lines[0].startswith("error: "), self.err
        assert self.out == "" and self.code == 2
        return lines[0].removeprefix("error: ")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> Said:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    assert isinstance(stop.value.code, int)
    return Said(stop.value.code, said.out, said.err)
