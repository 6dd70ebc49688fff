"""A search space with some of its choices narrowed: fewer values for a gene, and the way back to the whole space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from nas.errors import NasError
from pruning.naming import unknown
from search_spaces import Choice

Only = Mapping[str, Sequence[object]]
"""Glob over choice names -> the values a search may propose, as "stage*.kind" -> ("plain", "residual")."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """The narrowed `choices`, and for each of them where its values stand in the whole space's choice."""

    choices: tuple[Choice, ...]
    places: tuple[tuple[int, ...], ...]

    def widen(self, genes: Sequence[int]) -> tuple[int, ...]:
        """Return the genes of the whole space that these narrowed genes stand for."""
        return tuple(places[gene] for places, gene in zip(self.places, genes, strict=True))

    def narrow(self, genes: Sequence[int]) -> tuple[int, ...]:
        """Return the narrowed genes; a value that was left out (of a gene that does not matter) becomes 0."""
        pairs = zip(self.places, genes, strict=True)
        return tuple(places.index(gene) if gene in places else 0 for places, gene in pairs)


def narrowing(choices: Sequence[Choice], only: Only) -> Narrowing:
    """Return `choices` with the values of `only`, in the order of the choices; what no glob names stays whole.

    Values are compared as text, so that 3 and "3" from a command line are the same.

    Raises:
        NasError: a glob names no choice, or a value is not among the choice's.
    """
    for glob in only:
        if not any(fnmatchcase(choice.name, glob) for choice in choices):
            raise NasError(unknown("choice", glob, [choice.name for choice in choices]))
    narrowed, places = zip(*(_narrowed(choice, only) for choice in choices), strict=True)
    return Narrowing(narrowed, places)


def _narrowed(choice: Choice, only: Only) -> tuple[Choice, tuple[int, ...]]:
    kept = list(range(len(choice.values)))
    names = [str(value) for value in choice.values]
    for glob, values in only.items():
        if not fnmatchcase(choice.name, glob):
            continue
        wanted = [str(value) for value in values]
        strange = [name for name in wanted if name not in names]
        if strange or not wanted:
            got = strange[0] if strange else "none"
            raise NasError(f"choice '{choice.name}' must be one of {', '.join(names)}; got {got} (only {glob}).")
        kept = [place for place in kept if names[place] in wanted]
    if not kept:
        raise NasError(f"choice '{choice.name}' must keep at least one value; got globs that exclude each other.")
    return replace(choice, values=tuple(choice.values[place] for place in kept)), tuple(kept)
