"""How the kept weights are shared out among the layers."""

from __future__ import annotations

import numpy as np

from predictors.features.summary import share_entropy, thirds
from predictors.structure import Structure


def density(structure: Structure) -> dict[str, float]:
    """Return the overall density and the shape of the layers' densities p_l = kept_l / n_l.

    - log_overall: log10 of kept / all.
    - mean, min, max, std: of p_l; quarter_power: mean of p_l^(1/4).
    - log_mean, log_mean_weighted: mean of log10 p_l, plain and with weights n_l^0.1; an empty layer counts as half
      an entry. The strongest single features of pruned CNNs at equal density.
    - log_shortcut: the same over the shortcuts' weights; over all layers where there is none.
    - log_third1..3: the same over the first, middle and last third of the layers.
    - log_first, log_last: log10 p of the first and last layer; first_inverse_root: -max(kept_first, 1)^(-1/2).
    - log_kept_min: log10 of the fewest entries any layer keeps.
    - entropy: -sum q ln q / ln L of the shares q_l = kept_l / kept, in [0, 1]; 1 for a single layer.
    - from_uniform, from_erk: mean |p_l - reference_l| to the uniform and the ERK profile of the same total;
      log_over_erk: mean of log10(p_l / reference_l).

    Cost: microseconds, ERK a tenth of a millisecond.
    Source: Frankle et al. 2021 (arXiv 2009.08576) for profiles as the carrier of accuracy; Evci et al. 2020
        (arXiv 1911.11134) for ERK; the choice of means is fitted on pruned ResNets, Conv-6 and WRN-28-2.
    """
    sizes, kept, logs = structure.sizes, structure.kept, structure.log_densities
    densities, overall = kept / sizes, float(kept.sum() / sizes.sum())
    weights = sizes**0.1
    reference = structure.erk_kept / sizes
    shortcuts = structure.shortcuts
    return {
        "log_overall": float(np.log10(max(kept.sum(), 0.5) / sizes.sum())),
        "mean": float(densities.mean()),
        "min": float(densities.min()),
        "max": float(densities.max()),
        "std": float(densities.std()),
        "quarter_power": float((10 ** (logs / 4)).mean()),
        "log_mean": float(logs.mean()),
        "log_mean_weighted": float(weights @ logs / weights.sum()),
        "log_shortcut": float((logs[shortcuts] if shortcuts.any() else logs).mean()),
        **thirds("log", logs),
        "log_first": float(logs[0]),
        "log_last": float(logs[-1]),
        "first_inverse_root": -1.0 / float(np.sqrt(max(kept[0], 1.0))),
        "log_kept_min": float(np.log10(max(kept.min(), 0.5))),
        "entropy": share_entropy(kept),
        "from_uniform": float(np.abs(densities - overall).mean()),
        "from_erk": float(np.abs(densities - reference).mean()),
        "log_over_erk": float((logs - np.log10(reference)).mean()),
    }
