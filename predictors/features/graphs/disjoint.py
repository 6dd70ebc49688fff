"""How many ways lead through a graph side by side."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from predictors.stacks import Bools, Floats, Stack


def disjoint_ways(stack: Stack, live: Bools) -> Floats:
    """Return the largest number of source ways of each graph without a common node, (G,).

    It is the largest flow in which each node, split into an entry and an exit, carries at most one unit. All graphs
    share one flow, of which each has its part. One source or one node in the last layer is one way.

    Args:
        stack: the graphs.
        live: (G, n) whether a node is on a source way; the others are left out.
    """
    starts, ends = (side & live for side in stack.ends)
    open_ = np.minimum(starts.sum(axis=1), ends.sum(axis=1)) > 1
    found = np.ones(len(live))
    if open_.any():
        inside = live & open_[:, None]
        found[open_] = _flow(stack, inside, starts & inside, ends & inside)[open_]
    return found


def _flow(stack: Stack, inside: Bools, starts: Bools, ends: Bools) -> Floats:
    number = np.cumsum(inside.ravel()) - 1
    count = int(number[-1]) + 1
    nodes, edges = np.arange(count), number[stack.edges[inside.ravel()[stack.edges].all(axis=1)]]
    first, last = number[starts.ravel()], number[ends.ravel()]
    source, sink = 2 * count, 2 * count + 1
    tails = np.concatenate([nodes, edges[:, 0] + count, np.full(len(first), source), last + count])
    heads = np.concatenate([nodes + count, edges[:, 1], first, np.full(len(last), sink)])
    capacity = np.ones(len(tails), dtype=np.int32)
    flow = maximum_flow(csr_array((capacity, (tails, heads)), shape=(sink + 1, sink + 1)), source, sink).flow
    sent = slice(flow.indptr[source], flow.indptr[source + 1])
    owners = np.nonzero(inside)[0][flow.indices[sent]]
    return np.bincount(owners, flow.data[sent], minlength=len(starts)).astype(np.float64)
