"""The Reber grammar as a finite automaton: which strings it makes, and which letters may come next.

Source: A. S. Reber, 1967, Implicit learning of artificial grammars, Journal of Verbal Learning and Verbal Behavior 6;
the states as drawn in A. Cleeremans, D. Servan-Schreiber and J. L. McClelland, 1989, Neural Computation 1(3), fig. 2;
the embedded grammar: S. Hochreiter and J. Schmidhuber, 1997, Neural Computation 9(8), section 5.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

LETTERS = "BTSXPVE"
"""The alphabet of the grammar; any other letter is illegal."""

_REBER: Mapping[int, Mapping[str, int]] = MappingProxyType(
    {
        0: {"B": 1},
        1: {"T": 2, "P": 3},
        2: {"S": 2, "X": 4},
        3: {"T": 3, "V": 5},
        4: {"X": 3, "S": 6},
        5: {"P": 4, "V": 6},
        6: {"E": 7},
        7: {},
    }
)


@dataclass(frozen=True)
class Grammar:
    """A deterministic automaton without dead states: state 0 starts, `end` is the one accepting state.

    Attributes:
        name: "reber" or "embedded".
        transitions: state -> letter -> next state.
        end: reached by the last letter of a complete string, and by nothing else.
    """

    name: str
    transitions: Mapping[int, Mapping[str, int]]
    end: int

    def states(self, string: str) -> list[int] | None:
        """Return the states passed, the starting one first, or None if the string leaves the grammar."""
        passed = [0]
        for letter in string:
            following = self.transitions[passed[-1]].get(letter)
            if following is None:
                return None
            passed.append(following)
        return passed

    def accepts(self, string: str) -> bool:
        """Return whether the string is complete and grammatical."""
        passed = self.states(string)
        return passed is not None and passed[-1] == self.end

    def legal(self, prefix: str) -> str:
        """Return the letters that may follow `prefix`, in the order of LETTERS; "" after an illegal or complete one."""
        passed = self.states(prefix)
        allowed = {} if passed is None else self.transitions[passed[-1]]
        return "".join(letter for letter in LETTERS if letter in allowed)

    @cached_property
    def shortest(self) -> int:
        """Letters of the shortest string."""
        reach, length = {0}, 0
        while self.end not in reach:
            reach, length = {s for state in reach for s in self.transitions[state].values()}, length + 1
        return length

    def completions(self, length: int) -> list[list[int]]:
        """Return [k][state] = number of strings of exactly k letters from `state` to the end, for k in 0..length."""
        table = [[int(state == self.end) for state in self.transitions]]
        for _ in range(length):
            last = table[-1]
            table.append([sum(last[s] for s in self.transitions[state].values()) for state in self.transitions])
        return table

    def strings(self, length: int) -> Iterator[str]:
        """Yield every string of exactly `length` letters."""
        table = self.completions(length)

        def walk(state: int, left: int, prefix: str) -> Iterator[str]:
            if left == 0:
                yield prefix
                return
            for letter, following in self.transitions[state].items():
                if table[left - 1][following]:
                    yield from walk(following, left - 1, prefix + letter)

        if table[length][0]:
            yield from walk(0, length, "")


def _embedded() -> Grammar:
    """B, then T or P, a complete Reber string, the same T or P again, E: one copy of the automaton for each branch."""
    table: dict[int, dict[str, int]] = {0: {"B": 1}, 1: {}}
    last = 2 + 2 * (len(_REBER) + 1)
    for branch, letter in enumerate("TP"):
        first = 2 + branch * (len(_REBER) + 1)
        table[1][letter] = first
        for state, moves in _REBER.items():
            table[first + state] = {move: first + following for move, following in moves.items()}
        table[first + 7] = {letter: first + 8}
        table[first + 8] = {"E": last}
    table[last] = {}
    return Grammar("embedded", MappingProxyType(table), last)


REBER = Grammar("reber", _REBER, 7)
EMBEDDED = _embedded()
