"""What can be had without the grammar: rules that look at a few letters only, to be reported beside every accuracy."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from itertools import pairwise

from nas.tasks.reber.corpus import Corpus
from nas.tasks.reber.grammar import LETTERS

_ENDS = (1, 2, 3, 4, 5)


def shortcuts(train: Corpus, test: Corpus) -> dict[str, float]:
    """Return rule -> its accuracy on `test`, each fitted on `train` alone.

    "majority": the more frequent label. "illegal letter": false exactly if a letter is outside the alphabet.
    "bigram": true exactly if every pair of neighbours occurs in a true string of `train`. "first k" and "last k":
    the more frequent label of the strings in `train` with the same first (last) k letters. "length": of those with
    the same number of letters.
    """
    rules: dict[str, Callable[[str], int]] = {
        "majority": _lookup(train, lambda string: ""),
        "length": _lookup(train, lambda string: str(len(string))),
        "illegal letter": lambda string: int(set(string) <= set(LETTERS)),
        "bigram": _bigrams(train),
    }
    for k in _ENDS:
        rules[f"first {k}"] = _lookup(train, partial(_letters, 0, k))
        rules[f"last {k}"] = _lookup(train, partial(_letters, -k, None))
    return {
        name: sum(rule(s) == label for s, label in zip(test.strings, test.labels, strict=True)) / len(test)
        for name, rule in rules.items()
    }


def _letters(start: int, stop: int | None, string: str) -> str:
    return string[start:stop]


def _lookup(train: Corpus, key: Callable[[str], str]) -> Callable[[str], int]:
    votes: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for string, label in zip(train.strings, train.labels, strict=True):
        votes[key(string)][label] += 1
    usual = Counter(train.labels).most_common(1)[0][0]
    return lambda string: votes[key(string)].most_common(1)[0][0] if key(string) in votes else usual


def _bigrams(train: Corpus) -> Callable[[str], int]:
    seen = {
        pair for string, label in zip(train.strings, train.labels, strict=True) if label for pair in pairwise(string)
    }
    return lambda string: int(all(pair in seen for pair in pairwise(string)))
