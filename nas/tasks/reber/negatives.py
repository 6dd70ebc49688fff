"""Strings outside a grammar, graded by how much of the string must be understood to see it."""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_uppercase
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from nas.errors import NasError
from nas.tasks.reber.grammar import LETTERS, Grammar

Negative: TypeAlias = Callable[[Grammar, str, np.random.Generator], str]
"""(grammar, one of its strings, rng) -> a string of the same length that it does not accept."""


def illegal_letters(grammar: Grammar, string: str, rng: np.random.Generator) -> str:
    """Return the string with a fifth of its inner letters, at least one, replaced by letters outside the alphabet.

    Easiest: one look at any of them suffices. The published data are mostly of this kind.
    """
    foreign = [letter for letter in ascii_uppercase if letter not in LETTERS]
    letters = list(string)
    places = rng.choice(np.arange(1, len(string) - 1), size=max(1, (len(string) - 2) // 5), replace=False)
    for place in places:
        letters[place] = foreign[int(rng.integers(len(foreign)))]
    return "".join(letters)


def single_edit(grammar: Grammar, string: str, rng: np.random.Generator) -> str:
    """Return the string with one letter replaced by another of the alphabet such that it is no longer accepted.

    The place is uniform over the inner letters at which a replacement exists that breaks the string (edits that
    stay grammatical are no negatives), then the letter is uniform over those. First and last letter stay.
    """
    places = rng.permutation(np.arange(1, len(string) - 1))
    for place in places:
        edited = [string[:place] + letter + string[place + 1 :] for letter in LETTERS if letter != string[place]]
        wrong = [text for text in edited if not grammar.accepts(text)]
        if wrong:
            return wrong[int(rng.integers(len(wrong)))]
    raise NasError(f"a string must have an inner letter to edit; got {string!r} ({grammar.name}). Use a longer one.")


def wrong_end(grammar: Grammar, string: str, rng: np.random.Generator) -> str:
    """Return the embedded string with its second T or P swapped for the other: only memory of the second letter helps.

    Raises:
        NasError: the grammar has no such letter.
    """
    if grammar.name != "embedded":
        raise NasError(f"negatives 'wrong_end' must be of the embedded grammar; got '{grammar.name}'. Use single_edit.")
    return string[:-2] + {"T": "P", "P": "T"}[string[-2]] + string[-1]


NEGATIVES: MappingProxyType[str, Negative] = MappingProxyType(
    {"illegal_letters": illegal_letters, "single_edit": single_edit, "wrong_end": wrong_end}
)
"""Easiest first."""
