"""Structure beyond size without a model: how much graphs of exactly the same sizes differ."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from experiments.reproduce.reber.features import SIZES
from experiments.reproduce.reber.graphs import Graphs
from predictors.evaluation import Interval, over_rows


def alike(graphs: Graphs) -> Interval | None:
    """Return the share of the graphs' variance that is found between graphs of the same nodes, edges and inputs.

    It is (variance of means within such groups - what seeds explain there) / variance of all graphs' means: what any
    predictor can gain on these graphs beyond the three sizes, on the scale of R^2. Negative where seeds explain more
    than there is; with its bootstrap interval over groups. None without two graphs of the same sizes.
    """
    members: dict[tuple[float, ...], list[int]] = defaultdict(list)
    places = [graphs.names.index(f"size/{name}") for name in SIZES]
    for row, sizes in enumerate(graphs.x[:, places].tolist()):
        members[tuple(sizes)].append(row)
    groups = [graphs.chosen(rows) for rows in members.values() if len(rows) > 1]
    if not groups:
        return None
    freedom = np.array([len(group.means) - 1 for group in groups])
    within = np.array([float(((group.means - group.means.mean()) ** 2).sum()) for group in groups])
    noise = freedom * np.array([group.noise for group in groups])
    whole = float(np.var(graphs.means, ddof=1))
    return over_rows(
        lambda chosen: float((within - noise)[chosen].sum() / freedom[chosen].sum()) / whole,
        range(len(groups)),
        np.random.default_rng(0),
    )
