"""Labelled strings: half of the grammar, half of a kind of negative, and their tensors."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nas.errors import NasError
from nas.tasks.reber.grammar import Grammar
from nas.tasks.reber.negatives import NEGATIVES
from nas.tasks.task import Split
from pruning.naming import unknown

_TRIES = 1_000


@dataclass(frozen=True, slots=True)
class Corpus:
    """Strings with their labels: 1 in the grammar, 0 not."""

    strings: tuple[str, ...]
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.strings)

    def part(self, start: int, stop: int) -> Corpus:
        """Return the strings from `start` to before `stop`."""
        return Corpus(self.strings[start:stop], self.labels[start:stop])


def corpus(
    grammar: Grammar, positives: Sequence[str], bases: Sequence[tuple[str, str]], rng: np.random.Generator
) -> Corpus:
    """Return the positives, and one negative made of each base, in random order; no string twice.

    Args:
        grammar: the automaton; it has checked every label.
        positives: different strings of it.
        bases: (kind of negative, string of the grammar) for each negative; a base may come up again, its negative not.
        rng: of the edits and the order.

    Raises:
        NasError: a kind of negative is unknown, or a base has no negative left that is new.
    """
    found = dict.fromkeys(positives, 1)
    for kind, base in bases:
        if kind not in NEGATIVES:
            raise NasError(unknown("kind of negative", kind, NEGATIVES))
        found[_new(found, grammar, kind, base, rng)] = 0
    texts = list(found)
    order = rng.permutation(len(texts))
    return checked(grammar, Corpus(tuple(texts[i] for i in order), tuple(found[texts[i]] for i in order)))


def _new(known: Container[str], grammar: Grammar, kind: str, base: str, rng: np.random.Generator) -> str:
    for _ in range(_TRIES):
        text = NEGATIVES[kind](grammar, base, rng)
        if text not in known:
            return text
    raise NasError(f"negatives must differ from each other; got {base!r} again and again ({kind}). Give other bases.")


def checked(grammar: Grammar, found: Corpus) -> Corpus:
    """Return the corpus if the automaton agrees with every label.

    Raises:
        NasError: it does not.
    """
    for row, (string, label) in enumerate(zip(found.strings, found.labels, strict=True)):
        if grammar.accepts(string) != bool(label):
            raise NasError(
                f"a label must be 1 exactly for strings of the {grammar.name} grammar; got {label} for {string!r} "
                f"(row {row}). Mend the data."
            )
    return found


def tokens(strings: Sequence[str], alphabet: str, width: int | None = None) -> Tensor:
    """Return the letters' numbers, uint8 (count, width), each string at the right end; len(alphabet) is a blank.

    At the right end, so that the last step of a recurrent network is the last letter of every string.

    Raises:
        NasError: a letter is not in the alphabet, or a string is longer than `width`.
    """
    longest = max(map(len, strings))
    width = longest if width is None else width
    if longest > width:
        raise NasError(f"strings must have at most {width} letters; got one of {longest}. Give a larger width.")
    code = {letter: number for number, letter in enumerate(alphabet)}
    found = np.full((len(strings), width), len(alphabet), dtype=np.uint8)
    for row, string in enumerate(strings):
        try:
            found[row, width - len(string) :] = [code[letter] for letter in string]
        except KeyError as error:
            raise NasError(
                f"letters must be in {alphabet}; got {error} in {string!r} (string {row}). Widen the alphabet."
            ) from None
    return torch.from_numpy(found)


def split(found: Corpus, alphabet: str, width: int | None = None) -> Split:
    """Return the corpus as tensors: tokens (count, width) and labels."""
    return Split(tokens(found.strings, alphabet, width), torch.tensor(found.labels, dtype=torch.int64))
