"""The sparsity pattern: factors on the densities of groups of layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from pruning.errors import PruningError

Multipliers = Sequence[tuple[str, float]]


def factors(multipliers: Multipliers, names: Iterable[str]) -> dict[str, float]:
    """Return each layer's factor: that of the one glob it matches, 1 if it matches none.

    Args:
        multipliers: (glob over parameter names, factor > 0); case counts, * matches dots too.
        names: the prunable parameters.

    Raises:
        PruningError: a glob matches no name, or a name matches two globs.
    """
    result = dict.fromkeys(names, 1.0)
    owner: dict[str, str] = {}
    for glob, factor in multipliers:
        matched = [name for name in result if fnmatchcase(name, glob)]
        if not matched:
            raise PruningError(
                f"a multiplier's glob must match a prunable parameter; got '{glob}', which matches none "
                f"(sparsity.multipliers). Known: {', '.join(result)}."
            )
        for name in matched:
            if name in owner:
                raise PruningError(
                    f"a parameter must match at most one multiplier; got '{owner[name]}' and '{glob}' for "
                    f"'{name}' (sparsity.multipliers). Make the globs exclusive."
                )
            owner[name] = glob
            result[name] = factor
    return result
