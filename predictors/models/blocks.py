"""Columns named "group/name", as blocks."""

from __future__ import annotations

from collections.abc import Sequence

SHARED_UNIT = frozenset({"sequences"})
"""Groups whose columns share one unit (log counts of one kind of thing) and are compared as they are."""


def blocks_of(names: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Return the columns of each group, in order of appearance; columns without a group form one block."""
    return tuple(tuple(columns) for columns in groups_of(names).values())


def raw_blocks(names: Sequence[str]) -> tuple[int, ...]:
    """Return which of `blocks_of` have columns in one shared unit."""
    return tuple(number for number, group in enumerate(groups_of(names)) if group in SHARED_UNIT)


def groups_of(names: Sequence[str]) -> dict[str, list[int]]:
    """Return group -> its columns, in order of appearance; "" for columns without a group."""
    found: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        group, slash, _ = name.partition("/")
        found.setdefault(group if slash else "", []).append(column)
    return found
