"""The Matérn-5/2 kernel over blocks of columns, with its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist, pdist

from predictors.models.model import Floats

_ROOT = float(np.sqrt(5.0))


def matern(squared: Floats) -> Floats:
    """Return m(s) = (1 + u + u^2 / 3) exp(-u), u = sqrt(5 s), of squared scaled distances s.

    Its slope, dm/ds = -(5/6)(1 + u) exp(-u), is finite at s = 0.

    Source: Rasmussen and Williams 2006, equation 4.17.
    """
    return _matern_and_slope(squared)[0]


def block_distances(first: Sequence[Floats], second: Sequence[Floats]) -> Floats:
    """Return (blocks, n, m) mean squared differences of the columns of each block: first[b] (n, c_b), second[b]."""
    return np.stack([cdist(a, b, "sqeuclidean") / max(1, a.shape[1]) for a, b in zip(first, second, strict=True)])


def pair_distances(rows: Sequence[Floats]) -> Floats:
    """Return (blocks, n (n - 1) / 2) mean squared differences between the rows of each block, each pair once."""
    return np.stack([pdist(part, "sqeuclidean") / max(1, part.shape[1]) for part in rows])


@dataclass(frozen=True)
class BlockKernel:
    """k = v_0 m(sum_b d_b / l_b^2) + sum_b v_b m(d_b / l_b^2), with d_b the distances of block b.

    The first term sees all blocks together, the others one block each; with a single block the first is all there is.

    Attributes:
        scales: l, (blocks,).
        joint: v_0.
        single: v_b, (blocks,), or (0,) for a single block.
    """

    scales: Floats
    joint: float
    single: Floats

    @classmethod
    def of(cls, theta: Floats, blocks: int) -> BlockKernel:
        """Return the kernel of log parameters: log l (blocks), log v_0, log v_b (blocks, if there are several)."""
        values = np.exp(theta)
        return cls(values[:blocks], float(values[blocks]), values[blocks + 1 : blocks + 1 + singles(blocks)])

    @property
    def variance(self) -> float:
        """The prior variance at any row."""
        return self.joint + float(self.single.sum())

    def __call__(self, distances: Floats) -> Floats:
        """Return the kernel (...) for block distances (blocks, ...)."""
        scaled = distances / _along(self.scales**2, distances)
        value = self.joint * matern(scaled.sum(axis=0))
        for weight, part in zip(self.single, scaled, strict=False):
            value += weight * matern(part)
        return np.asarray(value)

    def with_gradient(self, distances: Floats) -> tuple[Floats, list[Floats]]:
        """Return the kernel (as `self(distances)`) and dk/dtheta for each log parameter, in the order of `of`.

        Exponentials are most of the cost of fitting, so each is formed once.
        """
        scaled = distances / _along(self.scales**2, distances)
        value, slope = _matern_and_slope(scaled.sum(axis=0))
        amplitudes = [self.joint * value]
        lengths = [(-2.0 * self.joint) * slope * part for part in scaled]
        for number, weight in enumerate(self.single):
            value, slope = _matern_and_slope(scaled[number])
            amplitudes.append(weight * value)
            lengths[number] -= (2.0 * weight) * slope * scaled[number]
        return np.sum(amplitudes, axis=0), lengths + amplitudes


def _matern_and_slope(squared: Floats) -> tuple[Floats, Floats]:
    u = _ROOT * np.sqrt(squared)
    decay = np.exp(-u)
    rising = (1.0 + u) * decay
    return rising + (5.0 / 3.0) * squared * decay, (-5.0 / 6.0) * rising


def _along(values: Floats, distances: Floats) -> Floats:
    """Return values (blocks,) shaped to multiply distances (blocks, ...)."""
    return np.asarray(values.reshape(-1, *[1] * (distances.ndim - 1)))


def singles(blocks: int) -> int:
    """Return how many terms of one block the kernel has."""
    return blocks if blocks > 1 else 0
