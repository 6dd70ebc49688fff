"""How many ways lead from the sources of a graph to its last layer, and how long they are."""

from __future__ import annotations

import itertools
import math

import numpy as np

from predictors.stacks import Floats, Stack

EXACT = 900
"""Nodes up to which the number of ways (at most 2^(n - 2)) and its moments fit into float64."""


def source_ways(stack: Stack) -> tuple[Floats, Floats, Floats]:
    """Return log10(1 + source ways), and the mean and standard deviation of their edges, (G,) each.

    A source way leads from layer 0 to the last layer. The ways of k edges to each node are those of k - 1 edges to its
    predecessors, so that every sum is one of positive numbers.
    """
    if stack.size > EXACT:
        log_count, mean_length, std = (np.array([figure]) for figure in _in_logarithms(stack))
        return log_count, mean_length, std
    starts, ends = stack.ends
    ways, sums = starts.astype(np.float64), np.zeros((3, len(ends)))
    for length in range(int(stack.layers.max()) + 1):
        arrived = (ways * ends).sum(axis=1)
        sums += arrived * np.array([[1.0], [length], [length * length]])
        ways = stack.onwards(ways)
    count, total, square = sums
    mean: Floats = total / np.maximum(count, 1.0)
    spread: Floats = np.sqrt(np.maximum(square / np.maximum(count, 1.0) - mean * mean, 0.0))
    return np.asarray(np.log10(1 + count)), mean, spread


def _in_logarithms(stack: Stack) -> tuple[float, float, float]:
    """Return the same of one graph of any size: sums of 1, length and length^2 over ways, layer by layer, as logs."""
    layers, (starts, ends) = stack.layers[0], (nodes[0] for nodes in stack.ends)
    sums = np.full((3, stack.size), -np.inf)
    sums[0, starts] = 0.0
    edges = stack.edges[np.lexsort((stack.edges[:, 1], layers[stack.edges[:, 1]]))]
    targets, first = np.unique(edges[:, 1] + stack.size * layers[edges[:, 1]], return_index=True)
    bounds = np.searchsorted(targets, stack.size * np.arange(1, layers.max() + 2))
    for low, high in itertools.pairwise(bounds):
        stop = first[high] if high < len(first) else len(edges)
        ones, length, square = sums[:, edges[first[low] : stop, 0]]
        longer = np.logaddexp(length, ones)
        squared = np.logaddexp(np.logaddexp(square, length + math.log(2)), ones)
        arrived = np.logaddexp.reduceat(np.stack([ones, longer, squared]), first[low:high] - first[low], axis=1)
        sums[:, edges[first[low:high], 1]] = arrived
    total, length, square = np.logaddexp.reduce(sums[:, ends], axis=1)
    mean, second = math.exp(length - total), math.exp(square - total)
    return float(np.logaddexp(0.0, total)) / math.log(10), mean, max(second - mean * mean, 0.0) ** 0.5
