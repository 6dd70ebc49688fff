"""The largest rank a masked matrix can have, whatever its kept weights."""

from __future__ import annotations

import torch
from torch import Tensor


def structural_rank(mask: Tensor) -> int:
    """Return the size of the largest matching of rows to columns over kept entries.

    It is the rank of the matrix for almost all values of its kept weights, and no values exceed it: the other
    singular values are zero.

    Args:
        mask: bool, (rows, columns), on the CPU.

    Source: König 1916 (term rank); augmenting paths by breadth-first search, Hopcroft and Karp, SIAM J. Comput.
    2(4), 1973, section 2. Columns seen by a search that failed can never help a later one, so they stay marked.
    """
    if mask.shape[0] > mask.shape[1]:
        mask = mask.T
    owner = [-1] * mask.shape[1]
    free, seen = torch.ones(mask.shape[1], dtype=torch.bool), torch.zeros(mask.shape[1], dtype=torch.bool)
    rank = 0
    for row in range(mask.shape[0]):
        if _augment(mask, row, owner, free, seen):
            rank += 1
            seen.zero_()
    return rank


def _augment(mask: Tensor, start: int, owner: list[int], free: Tensor, seen: Tensor) -> bool:
    """Give row `start` a column, moving others' columns along one path; return whether that was possible.

    Changes `owner` (column -> row, or -1), `free` (columns without owner) and `seen` (columns visited).
    """
    came_from: dict[int, int] = {}  # column -> the row that reached it
    owned: dict[int, int] = {}  # row -> the column it would give up
    queue = [start]
    for row in queue:
        reached = mask[row] & ~seen
        seen |= reached
        spare = (reached & free).nonzero()
        if len(spare) > 0:
            column = int(spare[0])
            came_from[column] = row
            free[column] = False
            _shift(column, start, owner, came_from, owned)
            return True
        for column in reached.nonzero().flatten().tolist():
            came_from[column] = row
            owned[owner[column]] = column
            queue.append(owner[column])
    return False


def _shift(column: int, start: int, owner: list[int], came_from: dict[int, int], owned: dict[int, int]) -> None:
    """Hand each column of the path, from its free end back to row `start`, to the row that reached it."""
    row = came_from[column]
    owner[column] = row
    while row != start:
        column = owned[row]
        row = came_from[column]
        owner[column] = row
