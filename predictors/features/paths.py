"""How many ways lead through the network, and how much they weigh."""

from __future__ import annotations

import math

import numpy as np

from predictors.features.summary import Floats
from predictors.structure import Structure
from pruning.flow import MAGNITUDE, PATHS, SQUARE
from pruning.graph import Weighted

_FLOOR = -4.0
"""Least log10 gain of one layer: what a network without any path is given, times its depth."""


def paths(structure: Structure) -> dict[str, float]:
    """Return path sums R = 1' A_L ... A_1 1 over units, entries summed over the kernel (see `pruning.flow`).

    - log_count: log10(1 + R) with A the kept entries: the number of input-output paths; log_count_per_layer: by depth.
    - log_magnitude, log_square: log10 R with A = |w| (SynFlow) and w^2 (SynFlow-L2) over kept entries, at least
      -4 for each layer of depth; `_per_layer`: by depth, the gain of one layer.
    - log_kernel: log10 of the path kernel's trace, the sum over kept entries of dR(w^2) / d(w^2), same floor.
    - length: mean number of weights on a path over the depth, all paths alike; length_square: each path by the product
      of its w^2. A path's layers are counted through its flow, sum over layers of (b' A f) / R. 0 without a path.
    - shortest: fewest weights on a way through layers that keep an effective entry, over the depth; 0 without.
    - log_spread, log_spread_min: log10(1 + exp(entropy)) of the share of paths on each unit pair of a layer, mean and
      least over layers other than shortcuts: the number of unit pairs that carry the paths.

    Magnitudes are those of the weights the module holds: describe it at initialisation.
    Cost: reads the shared path sums. Source: Tanaka et al. 2020 (arXiv 2006.05467); Gebhart et al. 2021
        (arXiv 2102.00554); Patil and Dovrolis 2021 (arXiv 2010.11354).
    """
    depth = max(structure.depth, 1)
    total = structure.flow.logs / math.log(10)
    count = float(np.logaddexp(0.0, structure.flow.logs[PATHS])) / math.log(10)
    magnitude, square = (max(float(total[kind]), _FLOOR * depth) for kind in (MAGNITUDE, SQUARE))
    spreads = _spreads(structure)
    return {
        "log_count": count,
        "log_count_per_layer": count / depth,
        "log_magnitude": magnitude,
        "log_magnitude_per_layer": magnitude / depth,
        "log_square": square,
        "log_square_per_layer": square / depth,
        "log_kernel": max(_log_kernel(structure), _FLOOR * depth),
        "length": _length(structure, PATHS) / depth,
        "length_square": _length(structure, SQUARE) / depth,
        "shortest": _shortest(structure) / depth,
        "log_spread": float(spreads.mean()),
        "log_spread_min": float(spreads.min()),
    }


def _log_kernel(structure: Structure) -> float:
    logs = np.array([flow.kernel for flow in structure.flow.layers])
    return float(np.logaddexp.reduce(logs)) / math.log(10)


def _length(structure: Structure, kind: int) -> float:
    total = structure.flow.logs[kind]
    if not np.isfinite(total):
        return 0.0
    return float(np.exp([part.logs[kind] - total for part in structure.flow.layers]).sum())


def _shortest(structure: Structure) -> float:
    graph, flows = structure.graph, structure.flow.layers
    weights = [math.inf] * len(graph.units)
    weights[0] = 0.0
    for step in graph.steps:
        if isinstance(step, Weighted):
            weights[step.out] = weights[step.source] + 1 if flows[step.layer].effective else math.inf
        else:
            weights[step.out] = min((weights[part.source] for part in step.parts), default=math.inf)
    least = min((weights[node] for node in graph.outputs), default=math.inf)
    return least if math.isfinite(least) else 0.0


def _spreads(structure: Structure) -> Floats:
    flows = structure.flow.layers
    main = [f for layer, f in zip(structure.layers, flows, strict=True) if not layer.is_shortcut] or flows
    spreads: Floats = np.log10(1 + np.array([flow.spread for flow in main]))
    return spreads
