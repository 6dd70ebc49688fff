"""Four tasks: the plain grammar, with and without what comes next, the embedded one, and the published strings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from nas.errors import NasError
from nas.seeds import numpy_stream
from nas.tasks.folder import data_folder
from nas.tasks.measure import Measure, WrongShare
from nas.tasks.reber.corpus import Corpus, corpus, split
from nas.tasks.reber.grammar import EMBEDDED, LETTERS, REBER, Grammar
from nas.tasks.reber.legality import CLASSES, legality_error, next_letters
from nas.tasks.reber.one_hot import OneHot
from nas.tasks.reber.published import ALPHABET, published
from nas.tasks.reber.strings import Drawing
from nas.tasks.splits import stratified
from nas.tasks.task import Split, Task
from pruning.naming import unknown
from search_spaces.architecture import Signature

LONGEST = 25
"""Letters of the longest string to train on; `extrapolation` goes on from 30."""
_SHORTEST = 11
_MANY = ("single_edit", "illegal_letters")
"""Kinds with many negatives of one string; of the others a base is used once."""
_SCORED = 500
"""True validation strings on which `legality_error` looks at every step."""


def reber(data: Path | None = None) -> Task:
    """Return the task of telling Reber strings from those with one letter changed: lengths 11 to 25, half and half.

    18,750 strings train, 3,125 validate, 3,125 test, no string twice. The true ones are uniform over all there are
    (16,618), so most have over 20 letters; the false ones have legal letters only and one edit, anywhere in the
    string. `data` is not used.
    """
    return _assembled("reber", reber_corpus("reber"), 2, (_long_error("reber"),))


def reber_next(data: Path | None = None) -> Task:
    """Return the task of judging Reber strings, as in `reber`, and of saying of their beginnings what comes next.

    Nine classes: a false or a true string (0, 1), or one of the seven letters. To the training strings of `reber`
    come as many beginnings of its true ones, 18,750, labelled by the letter that came next, so that a network learns
    which letters may; validation and test strings are those of `reber`, so accuracy means the same. What may come
    next is scored by `legality_error`, on the true validation strings. `data` is not used.
    """
    train, val, test = reber_corpus("reber")
    more = next_letters(train, len(train), numpy_stream(0, "next letters/reber"))
    both = Corpus((*train.strings, *more.strings), (*train.labels, *more.labels))
    true = [string for string, label in zip(val.strings, val.labels, strict=True) if label]
    scored = legality_error(REBER, true[:_SCORED], LONGEST)
    return _assembled("reber_next", (both, val, test), CLASSES, (_long_error("reber"), scored))


def reber_embedded(data: Path | None = None) -> Task:
    """Return the same for the embedded grammar; every second negative is a wrong second T or P: the long range.

    7,000 strings train, 1,500 validate, 1,500 test. `data` is not used.
    """
    return _assembled("reber_embedded", reber_corpus("reber_embedded"), 2, (_long_error("reber_embedded"),))


def reber_published(data: Path | None) -> Task:
    """Return the published strings, 26 letters, longest 53: 16,750 train, 2,000 validate, the official 6,250 test.

    Raises:
        NasError: no data folder given, or its files are missing or break a rule.
    """
    folder = data_folder("reber_published", data)
    train, test = published(folder, "train"), published(folder, "test")
    longest = max(len(string) for string in (*train.strings, *test.strings))
    labels = np.array(train.labels, dtype=np.int64)
    sizes = (len(train) - 2_000, 2_000)
    whole = split(train, ALPHABET, longest)
    parts = [
        whole.take(torch.from_numpy(rows))
        for rows in stratified(labels, sizes, numpy_stream(0, "split/reber_published"))
    ]
    signature = Signature((longest, len(ALPHABET)), 2)
    found = parts[0], parts[1], split(test, ALPHABET, longest)
    return Task("reber_published", signature, *found, normalise=OneHot(len(ALPHABET)))


def extrapolation(name: str = "reber", count: int = 2_000, low: int = 30, high: int = 100) -> Split:
    """Return a test split of strings longer than any trained on, see `extrapolation_corpus`."""
    return split(extrapolation_corpus(name, count, low, high), LETTERS, high)


def extrapolation_corpus(name: str = "reber", count: int = 2_000, low: int = 30, high: int = 100) -> Corpus:
    """Return strings longer than any trained on: lengths uniform in `low`..`high`, kinds as in `name`.

    Raises:
        NasError: the task is unknown, or the lengths are not possible.
    """
    grammar, _, kinds = _kind(name)
    rng = numpy_stream(0, f"extrapolation/{name}/{low}/{high}")
    positives = Drawing(grammar, range(low, high + 1)).distinct(count, rng)
    half = count // 2
    bases = [(kinds[i % len(kinds)], text) for i, text in enumerate(positives[half:])]
    return corpus(grammar, positives[:half], bases, rng)


def reber_corpus(name: str) -> tuple[Corpus, Corpus, Corpus]:
    """Return the training, validation and test strings of task "reber" or "reber_embedded".

    Raises:
        NasError: the task is unknown.
    """
    grammar, sizes, kinds = _kind(name)
    rng, half = numpy_stream(0, f"strings/{name}"), sum(sizes) // 2
    everything = [text for length in range(_SHORTEST, LONGEST + 1) for text in grammar.strings(length)]
    positives = _chosen(everything, half, rng)
    bases = [
        (kind, text) for kind in kinds for text in _chosen(everything, half // len(kinds), rng, again=kind in _MANY)
    ]
    drawn = corpus(grammar, positives, bases, rng)
    ends = np.cumsum((0, *sizes)).tolist()
    train, val, test = (drawn.part(start, stop) for start, stop in pairwise(ends))
    return train, val, test


def _kind(name: str) -> tuple[Grammar, tuple[int, int, int], tuple[str, ...]]:
    """Return the grammar of a task, the sizes of its splits, and the kinds of its negatives in equal parts."""
    known = {
        "reber": (REBER, (18_750, 3_125, 3_125), ("single_edit",)),
        "reber_embedded": (EMBEDDED, (7_000, 1_500, 1_500), ("wrong_end", "single_edit")),
    }
    if name not in known:
        raise NasError(unknown("Reber task", name, known))
    return known[name]


def _chosen(everything: Sequence[str], count: int, rng: np.random.Generator, *, again: bool = False) -> list[str]:
    """Return `count` of the strings, uniformly; with `again` a string may come up more than once."""
    return [everything[i] for i in rng.choice(len(everything), size=count, replace=again)]


def _long_error(name: str) -> Measure:
    longer = extrapolation(name)
    return Measure("long_error", longer, WrongShare(longer.targets))


def _assembled(name: str, parts: tuple[Corpus, Corpus, Corpus], classes: int, measures: tuple[Measure, ...]) -> Task:
    train, val, test = (split(part, LETTERS, LONGEST) for part in parts)
    signature = Signature((LONGEST, len(LETTERS)), classes)
    return Task(name, signature, train, val, test, normalise=OneHot(len(LETTERS)), measures=measures)
