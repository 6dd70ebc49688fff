"""The second objective: not whether a string is grammatical, but which letters may come next, after every letter."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nas.tasks.reber.grammar import LETTERS, Grammar


def legal_next(grammar: Grammar, strings: Sequence[str], width: int) -> tuple[Tensor, Tensor]:
    """Return which letters may follow each prefix, and where there is a prefix to follow.

    Strings stand at the right end, as `tokens` puts them: position t speaks of the letter after t.

    Returns:
        allowed: bool (count, width, letters); False wherever a string has not begun or is complete.
        counted: bool (count, width), True where a legal letter follows.
    """
    allowed = torch.zeros(len(strings), width, len(LETTERS), dtype=torch.bool)
    for row, string in enumerate(strings):
        after = (grammar.states(string) or [0])[1:]  # nothing may follow anywhere in a string outside the grammar
        for step, state in enumerate(after, start=width - len(string)):
            for letter in grammar.transitions[state]:
                allowed[row, step, LETTERS.index(letter)] = True
    return allowed, allowed.any(-1)


def legality(scores: Tensor, allowed: Tensor, counted: Tensor) -> float:
    """Return the share of strings in which, at every step, all legal letters score above all illegal ones.

    Args:
        scores: (count, width, letters), higher for likelier.
        allowed, counted: from `legal_next`.

    Source: Hochreiter and Schmidhuber 1997, section 5.1 (the criterion of success).
    """
    least = scores.masked_fill(~allowed, torch.inf).amin(-1)
    most = scores.masked_fill(allowed, -torch.inf).amax(-1)
    return float(((least > most) | ~counted).all(-1).double().mean())
