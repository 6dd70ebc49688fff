"""Which layers are pruned, and how many weights they keep between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pruning.counts import budget, exact_counts
from pruning.errors import PruningError
from pruning.globs import matched, matches
from pruning.sparsity import Sparsity


@dataclass(frozen=True)
class Scope:
    """What is settled before any score.

    Attributes:
        pinned: layer -> its count: all weights of an excluded layer, and the given density's of others.
        free: the other layers, in module order.
        kept: number of weights the free layers keep between them.
    """

    pinned: Mapping[str, int]
    free: tuple[str, ...]
    kept: int


def scope(sparsity: Sparsity, sizes: Mapping[str, int]) -> Scope:
    """Return the scope of a sparsity for a network's layers.

    Args:
        sparsity: its include, exclude, ends, densities, density and allow_empty count.
        sizes: layer -> number of weights.

    Raises:
        PruningError: a glob matches no layer, a layer matches two densities, nothing is left to prune, or the
            total cannot be met.
    """
    included = _included(sparsity, sizes)
    kept = budget(sparsity.density, {n: sizes[n] for n in included}, allow_empty=sparsity.allow_empty)
    given = matched(sparsity.densities, included, "density", "sparsity.densities")
    counts = {name: max(1, round(density * sizes[name])) for name, density in given.items()}
    free = tuple(name for name in included if name not in given)
    left = kept - sum(counts.values())
    if not free and left:
        counts, left = _settled(given, sizes, kept), 0
    least, most = 0 if sparsity.allow_empty else len(free), sum(sizes[name] for name in free)
    if not least <= left <= most:
        raise PruningError(
            f"the given densities must leave {least}..{most} of {kept} weights to the other {len(free)} layers; got "
            f"{left} (sparsity.densities). Change them, or the density."
        )
    excluded = {name: size for name, size in sizes.items() if name not in set(included)}
    return Scope({**excluded, **counts}, free, left)


def _included(sparsity: Sparsity, sizes: Mapping[str, int]) -> list[str]:
    names = list(sizes)
    inside = _union(sparsity.include, names, "include") or set(names)
    outside = _union(sparsity.exclude, names, "exclude") | _dense_ends(sparsity.ends, names)
    included = [name for name in names if name in inside - outside]
    if not included:
        raise PruningError(
            f"at least one layer must be pruned; got none (sparsity.include {list(sparsity.include)}, "
            f"sparsity.exclude {list(sparsity.exclude)}, ends '{sparsity.ends}'). Widen one or narrow the other."
        )
    return included


def _dense_ends(policy: str, names: list[str]) -> set[str]:
    ends = {"first_dense": names[:1], "last_dense": names[-1:], "all_dense": [names[0], names[-1]]}
    return set(ends.get(policy, []))


def _union(globs: tuple[str, ...], names: list[str], field: str) -> set[str]:
    return {name for glob in globs for name in matches(glob, names, field, f"sparsity.{field}")}


def _settled(given: Mapping[str, float], sizes: Mapping[str, int], kept: int) -> dict[str, int]:
    """Return the counts of densities given for every layer, each rounded so that they add up to the total."""
    wanted = {name: density * sizes[name] for name, density in given.items()}
    if abs(sum(wanted.values()) - kept) >= len(given):
        total = sum(sizes[name] for name in given)
        raise PruningError(
            f"densities given for every layer must add up to the {kept} weights of the density; got "
            f"{sum(wanted.values()):g} (sparsity.densities). Set the density to {sum(wanted.values()) / total:.9g}."
        )
    return exact_counts(wanted, {name: sizes[name] for name in given}, kept)
