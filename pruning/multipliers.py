"""The sparsity pattern: factors on the densities of groups of layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pruning.globs import matched

Multipliers = Sequence[tuple[str, float]]


def factors(multipliers: Multipliers, names: Iterable[str]) -> dict[str, float]:
    """Return each layer's factor: that of the one glob it matches, 1 if it matches none.

    Args:
        multipliers: (glob over parameter names, factor > 0); case counts, * matches dots too.
        names: the parameters whose counts may change.

    Raises:
        PruningError: a glob matches no name, or a name matches two globs.
    """
    known = list(names)
    return {**dict.fromkeys(known, 1.0), **matched(multipliers, known, "multiplier", "sparsity.multipliers")}
