"""How large and how dear the network is."""

from __future__ import annotations

import numpy as np

from predictors.features.summary import variation
from predictors.structure import Structure


def size(structure: Structure) -> dict[str, float]:
    """Return sizes and costs, before and after pruning, in powers of ten.

    - log_kept, log_total: log10(1 + kept), log10(1 + all) prunable weights.
    - log_multiply_adds, log_dense_multiply_adds: log10(1 + sum over layers of kept_l positions_l); per sample.
    - layers: number of weights; depth: weights on the longest way from input to output.
    - log_width_mean, log_width_min, log_width_max: over the layers' output units, the last (the classes) left out.
    - width_variation: std / mean of these widths.
    - log_positions: log10(1 + output units times positions, summed): the size of all activations.
    - shortcuts: number of weights on the shorter branch of a sum (projections of a residual network).

    Cost: microseconds. Source: the size baselines of Abdelfattah et al. 2021 (arXiv 2101.08134).
    """
    positions = structure.positions
    widths = np.array([len(layer.in_degrees) for layer in structure.layers], dtype=np.float64)
    inner = widths[:-1] if len(widths) > 1 else widths
    hidden = np.log10(inner)
    return {
        "log_kept": float(np.log10(1 + structure.kept.sum())),
        "log_total": float(np.log10(1 + structure.sizes.sum())),
        "log_multiply_adds": float(np.log10(1 + structure.kept @ positions)),
        "log_dense_multiply_adds": float(np.log10(1 + structure.sizes @ positions)),
        "layers": float(len(structure.layers)),
        "depth": float(structure.depth),
        "log_width_mean": float(hidden.mean()),
        "log_width_min": float(hidden.min()),
        "log_width_max": float(hidden.max()),
        "width_variation": variation(inner),
        "log_positions": float(np.log10(1 + widths @ positions)),
        "shortcuts": float(sum(layer.is_shortcut for layer in structure.layers)),
    }
