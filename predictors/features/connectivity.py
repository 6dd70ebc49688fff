"""What is cut off: dead units, bottlenecks, and kept weights that lie on no way from input to output."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from predictors.features.summary import Floats, thirds, variation
from predictors.structure import Structure
from pruning.graph import Weighted

_LARGEST = 2.0**30
"""Largest capacity given to an edge; beyond it, entries are counted in larger units."""


def connectivity(structure: Structure) -> dict[str, float]:
    """Return how much of the network is still joined to both its ends.

    A unit is dead on its in-side if none of its incoming entries is kept; on its out-side likewise. An entry is
    effective if its input unit is reached from the input and its output unit reaches the output. Biases are not
    ways: a unit fed by its bias alone counts as dead.

    - dead_out_mean, dead_out_max: share of a layer's output units without kept entries, over layers.
    - dead_in_mean, dead_in_max: share of its input units without kept entries.
    - log_effective: log10(1 + effective entries); effective_share: effective / kept, 0 for none kept.
    - log_effective_density: log10 of effective / all, half an entry for none.
    - effective_share_min: the smallest over layers.
    - log_alive_mean, log_alive_min: log10(1 + alive output units) over layers; the least is the bottleneck.
    - alive_share_mean, alive_share_min, alive_share_third1..3: alive / all output units.
    - alive_in_share_mean: alive / all input units.
    - alive_variation: std / mean of the alive output units over layers other than shortcuts, the last left out.
    - log_cut: log10(1 + the least number of effective entries whose removal parts input and output): the minimum cut
      of the network's layers, each as wide as its effective entries; sums and identities do not limit it.

    Cost: reads the shared path sums; the cut 0.2 ms. Source: Vysogorets and Kempe 2021 (arXiv 2107.02306), effective
        sparsity; Pham et al. 2023 (arXiv 2208.14344), effective nodes.
    """
    layers, flows = structure.layers, structure.flow.layers
    kept, total = structure.kept, structure.sizes.sum()
    outputs = np.array([len(layer.in_degrees) for layer in layers], dtype=np.float64)
    inputs = np.array([len(layer.out_degrees) for layer in layers], dtype=np.float64)
    dead_out = np.array([np.mean(layer.in_degrees == 0) for layer in layers])
    dead_in = np.array([np.mean(layer.out_degrees == 0) for layer in layers])
    effective = np.array([flow.effective for flow in flows], dtype=np.float64)
    alive_out = np.array([flow.alive_out for flow in flows], dtype=np.float64)
    alive_in = np.array([flow.alive_in for flow in flows], dtype=np.float64)
    shares = effective / np.maximum(kept, 1.0)
    return {
        "dead_out_mean": float(dead_out.mean()),
        "dead_out_max": float(dead_out.max()),
        "dead_in_mean": float(dead_in.mean()),
        "dead_in_max": float(dead_in.max()),
        "log_effective": float(np.log10(1 + effective.sum())),
        "effective_share": float(effective.sum() / max(kept.sum(), 1.0)),
        "log_effective_density": float(np.log10(max(effective.sum(), 0.5) / total)),
        "effective_share_min": float(shares.min()),
        "log_alive_mean": float(np.log10(1 + alive_out).mean()),
        "log_alive_min": float(np.log10(1 + alive_out.min())),
        "alive_share_mean": float((alive_out / outputs).mean()),
        "alive_share_min": float((alive_out / outputs).min()),
        **thirds("alive_share", alive_out / outputs),
        "alive_in_share_mean": float((alive_in / inputs).mean()),
        "alive_variation": _alive_variation(structure, alive_out),
        "log_cut": float(np.log10(1 + _cut(structure, effective))),
    }


def _alive_variation(structure: Structure, alive: Floats) -> float:
    main = alive[~structure.shortcuts] if not structure.shortcuts.all() else alive
    return variation(main[:-1] if len(main) > 1 else main)


def _cut(structure: Structure, effective: Floats) -> float:
    """Return the largest flow from the input to the outputs through layers as wide as their effective entries."""
    graph = structure.graph
    size, endless = len(graph.units) + 1, effective.sum() + 1
    ends: list[tuple[int, int, float]] = [(node, size - 1, endless) for node in graph.outputs]
    for step in graph.steps:
        if isinstance(step, Weighted):
            ends.append((step.source, step.out, effective[step.layer]))
        else:
            ends.extend((source, step.out, endless) for source in {part.source for part in step.parts})
    tails, heads, widths = zip(*ends, strict=True)
    unit = max(1.0, endless / _LARGEST)
    capacities = np.floor(np.array(widths) / unit).astype(np.int32)
    found = maximum_flow(csr_array((capacities, (tails, heads)), shape=(size, size)), 0, size - 1)
    return float(unit * found.flow_value)
