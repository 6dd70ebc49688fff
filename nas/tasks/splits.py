"""Stratified splits that are the same on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nas.errors import NasError


def stratified(targets: NDArray[np.int64], sizes: tuple[int, ...], rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Return disjoint index sets of exactly these sizes, each with the class shares of the whole.

    A class's share of a part is its exact quota rounded down or up (largest remainder, ties to the lower
    class), so every part is within one image of the whole's proportions as long as images are left. Indices
    within a part ascend.

    Raises:
        NasError: the sizes ask for more images than there are.
    """
    if sum(sizes) > len(targets):
        raise NasError(f"splits must fit into {len(targets)} images; got sizes {sizes}. Ask for fewer.")
    counts = np.bincount(targets)
    pools = [rng.permutation(np.flatnonzero(targets == label)) for label in range(len(counts))]
    parts = []
    for size in sizes:
        quota = _apportion(size, counts, np.array([len(pool) for pool in pools]))
        chosen = [pool[:share] for pool, share in zip(pools, quota, strict=True)]
        pools = [pool[share:] for pool, share in zip(pools, quota, strict=True)]
        parts.append(np.sort(np.concatenate(chosen)))
    return parts


def _apportion(size: int, counts: NDArray[np.int64], left: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return integer shares of `size` in proportion to `counts`, none above `left`, by largest remainder."""
    exact = size * counts / counts.sum()
    shares: NDArray[np.int64] = np.minimum(np.floor(exact).astype(np.int64), left)
    while (missing := size - int(shares.sum())) > 0:
        remainder = np.where(shares < left, exact - shares, -np.inf)
        order = np.argsort(-remainder, kind="stable")
        open_classes = order[: min(missing, int((shares < left).sum()))]
        shares[open_classes] += 1
    return shares
