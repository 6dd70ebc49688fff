"""Patterns over parameter names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from pruning.errors import PruningError


def matches(glob: str, names: Sequence[str], what: str, where: str) -> list[str]:
    """Return the names that match the glob; case counts, * matches dots too.

    Args:
        glob: the pattern.
        names: the parameters it may match.
        what: what the glob belongs to, in words: "multiplier".
        where: the field it stands in.

    Raises:
        PruningError: there are none.
    """
    found = [name for name in names if fnmatchcase(name, glob)]
    if not found:
        raise PruningError(
            f"a glob of {what} must match a parameter that is pruned; got '{glob}', which matches none ({where}). "
            f"Known: {', '.join(names)}."
        )
    return found


def matched(pairs: Iterable[tuple[str, float]], names: Sequence[str], what: str, where: str) -> dict[str, float]:
    """Return the value of each name that matches a glob.

    Args:
        pairs: (glob, value).
        names: the parameters they may match.
        what: what the values are, in words: "multiplier".
        where: the field they stand in.

    Raises:
        PruningError: a glob matches no name, or a name matches two globs.
    """
    owner: dict[str, str] = {}
    values: dict[str, float] = {}
    for glob, value in pairs:
        for name in matches(glob, names, what, where):
            if name in owner:
                raise PruningError(
                    f"a parameter must match at most one {what}; got '{owner[name]}' and '{glob}' for '{name}' "
                    f"({where}). Make the globs exclusive."
                )
            owner[name], values[name] = glob, value
    return values
