"""The mask against the ERK mask of the same network and number of kept entries: what its own allocation changes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from predictors.features.summary import Floats, share_entropy, thirds
from predictors.structure import Structure


def erk(structure: Structure) -> dict[str, float]:
    """Return the size of the ERK mask, and differences from it that grow, as a rule, with accuracy at equal size.

    The ERK mask's layer counts are exact; all of its entries are taken to be effective, and its paths to be spread
    evenly over the unit pairs that random masks of its densities join. No mask is drawn.

    With p_l the density and n_l the entries of layer l, an empty layer counted as half an entry:

    - log_kept, log_multiply_adds: log10 of both for the ERK mask (the first is that of the mask itself).
    - over_log_multiply_adds: log10 of the multiply-adds over ERK's.
    - over_log_mean, over_log_mean_tenth, over_log_mean_quarter: means of log10 p_l, weighted by n_l^0, n_l^.1 and
      n_l^.25.
    - over_quarter_power: mean of p_l^.25. over_log_shortcut: mean of log10 p_l over shortcuts, over all layers where
      there is none. over_log_middle: over the middle third. over_log_kept_min: log10 of the fewest entries of a layer.
    - over_entropy: of the layers' shares of the kept entries. over_first: -kept_1^(-1/2) of the first layer.
    - over_log_effective: log10 of the effective over the kept entries, at least -3.
    - over_log_spread: mean over layers but shortcuts of log10(1 + exp(entropy) of the share of paths on each unit
      pair).

    Cost: 0.1 ms beside the shared path sums. Source: Evci et al. 2020 (arXiv 1911.11134) for ERK; the choice is fitted
        on statically pruned Conv-6, ResNets and WRN-28-2 of the table of Cunegatti et al. 2024 (arXiv 2305.16886).
    """
    mask, reference = structure.kept, structure.erk_kept
    effective = sum(part.effective for part in structure.flow.layers)
    here, there = _profile(structure, mask), _profile(structure, reference)
    kept = max(float(mask.sum()), 0.5)
    return {
        "log_kept": float(np.log10(kept)),
        "log_multiply_adds": there["log_multiply_adds"],
        **{f"over_{name}": here[name] - there[name] for name in here},
        "over_log_effective": max(float(np.log10(max(effective, 0.5) / kept)), -3.0),
        "over_log_spread": _log_spread(structure) - _log_pairs(structure, reference),
    }


def _profile(structure: Structure, kept: Floats) -> dict[str, float]:
    sizes = structure.sizes
    logs = np.log10(np.maximum(kept, 0.5) / sizes)
    shortcuts = logs[structure.shortcuts] if structure.shortcuts.any() else logs
    tenth, quarter = sizes**0.1, sizes**0.25
    return {
        "log_multiply_adds": float(np.log10(max(float(kept @ structure.positions), 0.5))),
        "log_mean": float(logs.mean()),
        "log_mean_tenth": float(tenth @ logs / tenth.sum()),
        "log_mean_quarter": float(quarter @ logs / quarter.sum()),
        "quarter_power": float((10 ** (logs / 4)).mean()),
        "log_shortcut": float(shortcuts.mean()),
        "log_middle": thirds("log", logs)["log_third2"],
        "log_kept_min": float(np.log10(max(float(kept.min()), 0.5))),
        "entropy": share_entropy(kept),
        "first": -(float(max(kept[0], 1.0)) ** -0.5),
    }


def _log_spread(structure: Structure) -> float:
    spreads = np.array([part.spread for part in structure.flow.layers])
    return float(np.log10(1 + spreads[_main(structure)]).mean())


def _log_pairs(structure: Structure, kept: Floats) -> float:
    """Return the mean of log10(1 + unit pairs that a random mask of these counts joins, on average)."""
    pairs = np.array([layer.counts.size for layer in structure.layers], dtype=np.float64)
    empty = (1 - np.minimum(kept / structure.sizes, 1.0)) ** (structure.sizes / pairs)
    return float(np.log10(1 + pairs * (1 - empty))[_main(structure)].mean())


def _main(structure: Structure) -> npt.NDArray[np.bool_]:
    return ~structure.shortcuts if not structure.shortcuts.all() else np.ones_like(structure.shortcuts)
