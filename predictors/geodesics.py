"""Shortest ways between all pairs of nodes, and the share of them that passes each node and edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import rustworkx

Floats: TypeAlias = npt.NDArray[np.float64]

Parts: TypeAlias = tuple[Floats, Floats, Floats]
"""Distances, nodes and pairs, as `Geodesics` has them."""

SERIAL = 2**31
"""Number of nodes from which rustworkx would use threads: never, so that sums have one order."""

_BITS = 64
"""What a step of a way costs in the exponent of a float64, which has room for 15."""

_ONE = 1023 << 52
"""The bits of 1.0."""

_MOST = 2**13
"""Shortest ways between two nodes up to which `by_powers` is trusted."""

_ENTRIES = 12_000
"""Of the matrices that are multiplied together: a handful of such arrays stays in a core's cache."""


@dataclass(frozen=True, slots=True)
class Geodesics:
    """Of G graphs: `distances` (G, n, n) in edges, 0 where there is no way, and how many shortest ways, each pair's
    together counting 1, pass each node between their ends, `nodes` (G, n), and each pair of nodes by an edge, `pairs`
    (G, n, n), from row to column.
    """

    distances: Floats
    nodes: Floats
    pairs: Floats


def searched(graph: rustworkx.PyGraph[None, None] | rustworkx.PyDiGraph[None, None]) -> Geodesics:
    """Return the shortest ways of one graph, by a search from each node in rustworkx: for large graphs."""
    through = rustworkx.betweenness_centrality(graph, normalized=False, parallel_threshold=SERIAL)
    along = rustworkx.edge_betweenness_centrality(graph, normalized=False, parallel_threshold=SERIAL)
    twice = 2.0 if isinstance(graph, rustworkx.PyGraph) else 1.0  # rustworkx counts an undirected pair once
    distances = rustworkx.distance_matrix(graph, parallel_threshold=SERIAL)
    pairs = np.zeros_like(distances)
    rows, columns = np.array(graph.edge_list(), dtype=np.int64).reshape(-1, 2).T
    pairs[rows, columns] = twice * np.fromiter(along.values(), np.float64, len(along))
    nodes = twice * np.fromiter(through.values(), np.float64, len(through))
    return Geodesics(distances[None], nodes[None], pairs[None])


def multiplied(steps: Floats) -> Geodesics:
    """Return the shortest ways of graphs (G, n, n), 1 from row to column, n <= 128: some at a time."""
    some = max(1, _ENTRIES // steps[0].size)
    found = [_multiplied(steps[start : start + some]) for start in range(0, len(steps), some)]
    return Geodesics(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _multiplied(steps: Floats) -> Parts:
    distances, nodes, pairs, left = by_powers(steps)
    if left.any():
        for whole, part in zip((distances, nodes, pairs), by_levels(steps[left]), strict=True):
            whole[left] = part
    return distances, nodes, pairs


def by_powers(steps: Floats) -> tuple[Floats, Floats, Floats, npt.NDArray[np.bool_]]:
    """Return the parts of `Geodesics`, and which graphs' are wrong: those with ways too long or too many.

    N = sum of z^k A^k over k < 16, with z = 2^-64, is c z^d (1 + something tiny) for nodes d apart by c shortest ways,
    so its exponent gives d, and rounding c. Then N_sv N_vw / N_sw is the share of the shortest ways from s to w that
    pass v, or as good as 0, for z stands there at least once: the sums of Brandes are products of N, its reciprocal R
    and its transpose. Through v: sum_s N_sv (R N')_sv less the ways that end there; along i, j: z (N' R N')_ij.

    With at most 2^13 ways between two nodes the rest is below 2^-38.
    """
    tiny = steps * 2.0**-_BITS
    count = _powers(tiny)
    there = count > 0
    reached = there.astype(np.float64)
    left = ((reached @ steps > 0) > there).any(axis=(1, 2))
    lengths = count.view(np.int64) >> 52  # the exponents' 11 bits: 1023 for 1.0
    np.subtract(_BITS + 1022, lengths, out=lengths)
    lengths //= _BITS
    lengths *= there
    raised = lengths * (_BITS << 52)
    inverse, exact = (raised + _ONE).view(np.float64), (_ONE - raised).view(np.float64)  # z^-d and z^d
    count *= inverse
    np.rint(count, out=count)
    left |= count.max(axis=(1, 2)) > _MOST
    exact *= count
    inverse /= np.maximum(count, 1.0, out=count)
    inverse *= reached
    back = exact.transpose(0, 2, 1)
    passed = inverse @ back
    pairs = back @ passed
    pairs *= tiny
    nodes = np.einsum("gsv,gsv->gv", exact, passed) - reached.sum(axis=1) - reached.sum(axis=2) + 1.0
    return lengths.astype(np.float64), nodes, pairs, left


def _powers(a: Floats) -> Floats:
    """Return I + a + ... + a^15."""
    sums = a + np.eye(a.shape[1])
    for _ in range(3):
        a = a @ a
        if not a.any():
            break
        sums += sums @ a
    return sums


def by_levels(steps: Floats) -> Parts:
    """Return the parts of `Geodesics`; level k of the search from every node is one product of stacked matrices.

    `count` [s, v] are the shortest ways from s to v, and `share` [s, v] the dependency of s on v plus 1, over that
    count: what a way to v passes on to what lies before it.

    Source: Brandes 2001, Journal of Mathematical Sociology 25, with all sources side by side.
    """
    itself = np.eye(steps.shape[1])
    unseen, count = (1.0 - itself) - steps, steps + itself
    far = (1.0 - itself) + unseen  # number of levels at whose start a node had not been reached
    levels = [(steps, steps > 0)]  # shortest ways of k + 1 edges, and where they are
    while unseen.any():
        ways = levels[-1][0] @ steps
        ways *= unseen
        here = ways > 0
        if not here.any():
            break
        count += ways
        unseen -= here
        far += unseen
        levels.append((ways, here))
    share, back = 1.0 / (count + unseen), np.ascontiguousarray(steps.transpose(0, 2, 1))
    pairs = np.zeros_like(steps)
    for (ways, before), (_, here) in zip(levels[-2::-1], levels[:0:-1], strict=True):
        arriving = share * here
        pairs += ways.transpose(0, 2, 1) @ arriving
        share += (arriving @ back) * before
    pairs += share
    pairs *= steps
    reached = 1.0 - unseen
    return far * reached, (share * count).sum(axis=1) - reached.sum(axis=1), pairs
