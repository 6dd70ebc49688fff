"""How the weights of one layer are spread over its units: every unit some, units with more paths more."""

from __future__ import annotations

import torch
from torch import Tensor


def spread(
    paths: Tensor, outputs: int, kernel: int, count: int, path_share: float, generator: torch.Generator
) -> Tensor:
    """Return how many weights to keep between each pair of units, exactly `count` in all.

    1. Each input unit's number of weights is (1 - path_share) + path_share * paths / (mean of paths), times one
       common factor, between 1 and the number of weights it has; units without a path get none. If there are not
       enough weights for all, the units with the highest numbers get one.
    2. The weights of an input unit, in random order of the units, go to the output units that have fewest so far,
       ties in random order: the output units of a group end with equal numbers, up to one, and no pair gets a
       second kernel position before all pairs of the input unit have one.

    Args:
        paths: (groups, inputs) float64, number of paths into each input unit, in any unit.
        outputs: output units of a group.
        kernel: kernel positions of a pair.
        count: weights to keep, from 0 to groups * inputs * outputs * kernel.
        path_share: in [0, 1]: 0 looks at nodes only, 1 at paths only.
        generator: a CPU generator.

    Returns:
        (groups, outputs, inputs) int64, each from 0 to `kernel`.
    """
    groups, inputs = paths.shape
    columns = _columns(paths, outputs * kernel, count, path_share, generator)
    kept = torch.zeros(groups, outputs, inputs, dtype=torch.int64)
    degrees = torch.zeros(groups, outputs, dtype=torch.float64)
    order = torch.rand(groups, inputs, generator=generator, device="cpu").argsort(1)
    everyone = torch.arange(groups)
    for step in range(inputs):
        unit = order[:, step]
        full, rest = columns[everyone, unit] // outputs, columns[everyone, unit] % outputs
        most = int(rest.max())
        keys = degrees + torch.rand(groups, outputs, generator=generator, dtype=torch.float64, device="cpu")
        fewest = keys.topk(most, largest=False).indices
        chosen = (torch.arange(most) < rest[:, None]).to(torch.int64)
        given = full[:, None].expand(groups, outputs).scatter_add(1, fewest, chosen)
        kept[everyone, :, unit] = given
        degrees += given
    return kept


def _columns(paths: Tensor, capacity: int, count: int, path_share: float, generator: torch.Generator) -> Tensor:
    """Return the number of weights of each input unit, (groups, inputs) int64; exactly `count` in all."""
    live = (paths > 0) if bool((paths > 0).any()) else torch.ones_like(paths, dtype=torch.bool)
    if count > int(live.sum()) * capacity:
        live = torch.ones_like(live)
    mean = paths[live].mean()
    relative = paths / mean if mean > 0 else torch.ones_like(paths)
    shares = (1 - path_share) + path_share * relative
    flat = torch.where(live, shares.clamp(min=1e-9), 0.0).flatten()
    is_scarce = count < int(live.sum())
    ideal = torch.zeros_like(flat) if is_scarce else _filled(flat, live.flatten().double(), capacity, count)
    counts = ideal.floor().to(torch.int64)
    noise = torch.rand(ideal.shape, generator=generator, dtype=torch.float64, device="cpu")
    remainder = torch.where((counts < capacity) & (flat > 0), flat if is_scarce else ideal - counts, -1.0)
    shuffled = noise.argsort()  # equal remainders in random order
    order = shuffled[remainder[shuffled].argsort(descending=True, stable=True)]
    counts[order[: count - int(counts.sum())]] += 1
    return counts.view(paths.shape)


def _filled(shares: Tensor, least: Tensor, capacity: int, count: int) -> Tensor:
    """Return clamp(level * shares, least, capacity) at the level at which it adds up to `count`, or just below."""
    if count >= capacity * int((shares > 0).sum()):
        return torch.where(shares > 0, float(capacity), 0.0)

    def at(level: float) -> Tensor:
        return (level * shares).clamp(max=capacity).maximum(least)

    low, high = 0.0, 2.0 * capacity / float(shares[shares > 0].min())
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if float(at(middle).sum()) <= count else (low, middle)
    return at(low)
