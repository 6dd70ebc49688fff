"""The second objective: not whether a string is grammatical, but which letters may come next, after every letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nas.tasks.measure import Measure
from nas.tasks.reber.corpus import Corpus, tokens
from nas.tasks.reber.grammar import LETTERS, Grammar
from nas.tasks.task import Split

FIRST_LETTER = 2
"""Of a network that also says what comes next: classes 0 and 1 are the labels of strings, then come the letters."""
CLASSES = FIRST_LETTER + len(LETTERS)


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


def next_letters(known: Corpus, count: int, rng: np.random.Generator) -> Corpus:
    """Return `count` beginnings of grammatical strings, each labelled by the letter that came next.

    A string is drawn uniformly out of the true ones in `known`, then the place where it is cut, after its first letter
    at the earliest. The label is FIRST_LETTER plus the letter's number; others may have been as legal.

    Source: Cleeremans, Servan-Schreiber and McClelland 1989, Neural Computation 1(3) (prediction of the next letter).
    """
    true = [string for string, label in zip(known.strings, known.labels, strict=True) if label]
    chosen = [true[i] for i in rng.integers(len(true), size=count)]
    ends = [int(rng.integers(1, len(string))) for string in chosen]
    pairs = list(zip(chosen, ends, strict=True))
    return Corpus(
        tuple(string[:end] for string, end in pairs),
        tuple(FIRST_LETTER + LETTERS.index(string[end]) for string, end in pairs),
    )


@dataclass(frozen=True, eq=False)
class Illegality:
    """The share of strings in which somewhere an illegal letter scores as high as a legal one.

    Attributes:
        places: int64 (count, width), the row of logits for each string and step.
        allowed, counted: from `legal_next`.
    """

    places: Tensor
    allowed: Tensor
    counted: Tensor

    def __call__(self, logits: Tensor) -> float:
        """Return it for the logits (prefixes, classes) of every prefix."""
        return 1.0 - legality(logits[:, FIRST_LETTER:][self.places], self.allowed, self.counted)


def legality_error(grammar: Grammar, strings: Sequence[str], width: int) -> Measure:
    """Return the measure on some grammatical strings; each of their prefixes is read once, however many share it."""
    prefixes: dict[str, int] = {}
    places = torch.zeros(len(strings), width, dtype=torch.int64)
    for row, string in enumerate(strings):
        for end in range(1, len(string)):
            step = width - len(string) + end - 1
            places[row, step] = prefixes.setdefault(string[:end], len(prefixes))
    inputs = Split(tokens(list(prefixes), LETTERS, width), torch.zeros(len(prefixes), dtype=torch.int64))
    return Measure("legality_error", inputs, Illegality(places, *legal_next(grammar, strings, width)))
