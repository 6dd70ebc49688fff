"""Each claim of docs/faults.md names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"


def rows() -> list[str]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    return [line for line in lines if not set(line) <= set("|-") and not line.startswith("| released code")]


def named(text: str) -> list[tuple[str, str]]:
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)


def test_every_row_names_a_test() -> None:
    assert len(rows()) > 25
    assert [row for row in rows() if not named(row.rsplit("|", 2)[1])] == []


def test_every_named_test_exists() -> None:
    missing = []
    for file, name in named(PAGE.read_text()):
        path = ROOT / file
        tree = ast.parse(path.read_text()) if path.exists() else ast.Module([], [])
        if name not in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}:
            missing.append(f"{file}::{name}")
    assert missing == []
