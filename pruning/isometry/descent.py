"""Conjugate gradients with an exact line search on the isometry penalty: no step can increase it."""

from __future__ import annotations

import torch
from torch import Tensor

from pruning.isometry.penalty import Masked

_REAL = 1e-7
"""A root counts as real if its imaginary part is at most this share of it: rounding splits a double root so."""


def descend(layer: Masked, steps: int, tolerance: float) -> tuple[Tensor, tuple[float, ...]]:
    """Return the matrices of a lower penalty, zero outside the mask, and the penalty before and after each step.

    f(A) = ||A A' - t I||_F^2 has the gradient 4 (A A' - t I) A. Along A + e D it is a polynomial of degree 4 in e,
    because (A + e D)(A + e D)' - t I = P + e Q + e^2 R with P = A A' - t I, Q = A D' + D A', R = D D'. Its
    first minimum is the least positive root of a cubic, so the step is exact; the first and not the lowest, to
    stay near the given weights. Directions are Polak-Ribière conjugate gradients, restarted
    downhill where they do not descend. Groups are independent problems, solved side by side.

    Stops after `steps` steps, or once a step lowers the mean of (s^2 / t - 1)^2 by less than `tolerance`.
    """
    values, mask = layer.values, layer.mask
    excess = layer.excess(values)
    trace = [layer.penalty(excess)]
    enough = tolerance * layer.rank() * layer.target**2
    gradient = torch.zeros_like(values)
    direction = torch.zeros_like(values)
    for _ in range(steps):
        fresh = (excess @ values).masked_fill_(~mask, 0.0)
        direction = _conjugate(fresh, gradient, direction)
        gradient = fresh
        length = _inner(direction, direction).sqrt()[:, None, None]
        unit = direction / length.where(length > 0, 1.0)  # the quartic's coefficients keep their scale
        moved = values + _best_step(excess, values, unit)[:, None, None] * unit
        now = layer.excess(moved)
        better = now.square().sum((1, 2)) < excess.square().sum((1, 2))  # rounding may spoil a tiny step
        values = torch.where(better[:, None, None], moved, values)
        excess = torch.where(better[:, None, None], now, excess)
        trace.append(layer.penalty(excess))
        if trace[-2] - trace[-1] <= enough:
            break
    return values, tuple(trace)


def _conjugate(fresh: Tensor, previous: Tensor, direction: Tensor) -> Tensor:
    """Return -g + b d with b = max(0, <g, g - g'> / <g', g'>), or -g where that does not descend."""
    norm = _inner(previous, previous)
    weight = (_inner(fresh, fresh - previous) / norm.where(norm > 0, 1.0)).clamp(min=0.0) * (norm > 0)
    turned = weight[:, None, None] * direction - fresh
    return torch.where((_inner(turned, fresh) < 0)[:, None, None], turned, -fresh)


def _best_step(excess: Tensor, values: Tensor, direction: Tensor) -> Tensor:
    """Return the first minimum over e >= 0 of ||P + e Q + e^2 R||_F^2 for each group; 0 where it does not fall."""
    linear = values @ direction.transpose(1, 2)
    linear = linear + linear.transpose(1, 2)
    square = direction @ direction.transpose(1, 2)
    first = 2.0 * _inner(excess, linear)
    second = _inner(linear, linear) + 2.0 * _inner(excess, square)
    third = 2.0 * _inner(linear, square)
    fourth = _inner(square, square)
    lead = (4.0 * fourth).where(fourth > 0, 1.0)
    companion = torch.zeros(len(first), 3, 3, dtype=first.dtype)
    companion[:, 1, 0] = companion[:, 2, 1] = 1.0
    companion[:, :, 2] = -torch.stack([first, 2.0 * second, 3.0 * third], dim=1) / lead[:, None]
    roots = torch.linalg.eigvals(companion)
    minima = (roots.real > 0) & (roots.imag.abs() <= _REAL * roots.abs())
    nearest: Tensor = roots.real.where(minima, torch.inf).min(1).values
    return nearest.where((fourth > 0) & (first < 0) & nearest.isfinite(), 0.0)


def _inner(first: Tensor, second: Tensor) -> Tensor:
    """Return the inner product of each group's matrices, (groups,)."""
    return (first * second).sum((1, 2))
