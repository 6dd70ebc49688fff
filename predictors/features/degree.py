"""How many kept weights meet at each unit."""

from __future__ import annotations

import numpy as np

from predictors.features.summary import mean_low_high, thirds, variation
from predictors.structure import Structure


def degree(structure: Structure) -> dict[str, float]:
    """Return statistics of in-degrees (kept entries into an output unit) and out-degrees (out of an input unit).

    For `in` and `out` alike, with d the degrees of one layer:

    - log_*_mean, _min, _max: over layers, of log10(1 + mean d).
    - log_*_third1..3: the same, over the first, middle and last third of the layers.
    - *_variation_mean, *_variation_max: over layers, of std(d) / mean(d): how unevenly a layer is pruned.
    - log_*_least, log_*_most: log10(1 + the smallest, largest degree in the network).

    Cost: reads the shared unit-pair sums. Source: Stier and Granitzer 2019 (arXiv 1910.07225), degree statistics.
    """
    found: dict[str, float] = {}
    for side in ("in", "out"):
        degrees = [layer.in_degrees if side == "in" else layer.out_degrees for layer in structure.layers]
        means = np.log10([1 + d.mean() for d in degrees])
        variations = np.array([variation(d) for d in degrees])
        found |= mean_low_high(f"log_{side}", means)
        found |= thirds(f"log_{side}", means)
        found[f"{side}_variation_mean"] = float(variations.mean())
        found[f"{side}_variation_max"] = float(variations.max())
        found[f"log_{side}_least"] = float(np.log10(1 + min(d.min() for d in degrees)))
        found[f"log_{side}_most"] = float(np.log10(1 + max(d.max() for d in degrees)))
    return found
