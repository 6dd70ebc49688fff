from __future__ import annotations

from collections import Counter
from itertools import combinations

import torch
from torch import nn

from pruning import Evidence, Sparsity, prune


def test_every_mask_of_the_count_is_equally_likely() -> None:
    # 2 of 6 weights: 15 masks, 3000 draws, 200 expected each. The statistic is chi-square with 14 degrees of
    # freedom; beyond 60 its probability is 1e-7. The generator's seed is fixed.
    module, generator = nn.Linear(3, 2), torch.Generator().manual_seed(0)
    drawn: Counter[tuple[int, ...]] = Counter()
    for _ in range(3000):
        mask = prune(module, Sparsity("random", 1 / 3), Evidence((3,), generator))["weight"]
        drawn[tuple(mask.flatten().nonzero().flatten().tolist())] += 1
    assert set(drawn) == set(combinations(range(6), 2))
    assert sum((count - 200) ** 2 / 200 for count in drawn.values()) < 60


def test_the_global_allocation_ignores_layer_borders() -> None:
    # Two layers of 500 weights, 100 kept of 1000: the first layer's count is hypergeometric with mean 50 and
    # variance 22.5. Over 200 draws the mean has deviation 0.34 and the variance's relative error is about 10 %.
    module, generator = nn.Sequential(nn.Linear(50, 10), nn.Linear(10, 50)), torch.Generator().manual_seed(0)
    counts = torch.tensor(
        [int(prune(module, Sparsity("random", 0.1), Evidence((50,), generator))["0.weight"].sum()) for _ in range(200)],
        dtype=torch.float64,
    )
    assert abs(float(counts.mean()) - 50) < 5 * 0.34
    assert 22.5 / 2 < float(counts.var()) < 22.5 * 2
