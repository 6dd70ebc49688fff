"""Strings of a grammar, drawn by seed with the lengths that are asked for."""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from nas.errors import NasError
from nas.tasks.reber.grammar import Grammar


def draw(grammar: Grammar, lengths: range, rng: np.random.Generator) -> str:
    """Return one string: its length uniform over the possible ones in `lengths`, then uniform over all such strings.

    Uniform exactly: each letter is drawn in proportion to the number of completions it leaves, so nothing is
    rejected and long strings cost no more than their letters.
    """
    return Drawing(grammar, lengths).draw(rng)


class Drawing:
    """The counts behind `draw`, made once for many strings."""

    def __init__(self, grammar: Grammar, lengths: range) -> None:
        if not len(lengths) or lengths.start < 1:
            raise NasError(f"string lengths must be a range of positive numbers; got {lengths}. Give low <= high.")
        self.grammar = grammar
        self.table = grammar.completions(max(lengths))
        self.lengths = [length for length in lengths if self.table[length][0]]
        if not self.lengths:
            raise NasError(
                f"a {grammar.name} string must have at least {grammar.shortest} letters; got lengths "
                f"{min(lengths)}..{max(lengths)}. Ask for longer ones."
            )

    def draw(self, rng: np.random.Generator) -> str:
        """Return one string."""
        left, state, letters = self.lengths[int(rng.integers(len(self.lengths)))], 0, []
        for after in reversed(range(left)):
            moves = list(self.grammar.transitions[state].items())
            ways = [self.table[after][following] for _, following in moves]
            pick = rng.random() * sum(ways)
            letter, state = moves[next(i for i, upper in enumerate(accumulate(ways)) if pick < upper)]
            letters.append(letter)
        return "".join(letters)

    def distinct(self, count: int, rng: np.random.Generator) -> list[str]:
        """Return `count` different strings in the order in which they first came up.

        Raises:
            NasError: that is more than half of those there are, of which drawing would find the last ones too late.
        """
        there = sum(self.table[length][0] for length in self.lengths)
        if count > there // 2:
            raise NasError(
                f"distinct {self.grammar.name} strings must be at most half of the {there} there are; got {count} "
                f"(lengths {self.lengths[0]}..{self.lengths[-1]}). Ask for fewer, or longer ones."
            )
        found: dict[str, None] = {}
        while len(found) < count:
            found[self.draw(rng)] = None
        return list(found)
