"""The Matérn-5/2 kernel over blocks of columns, with its gradient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from predictors.models.model import Floats

_ROOT = float(np.sqrt(5.0))


def matern(squared: Floats) -> Floats:
    """Return m(s) = (1 + u + u^2 / 3) exp(-u), u = sqrt(5 s), of squared scaled distances s.

    Source: Rasmussen and Williams 2006, equation 4.17.
    """
    u = _ROOT * np.sqrt(squared)
    return np.asarray((1.0 + u + u * u / 3.0) * np.exp(-u))


def matern_slope(squared: Floats) -> Floats:
    """Return dm/ds = -(5/6)(1 + u) exp(-u), finite at s = 0."""
    u = _ROOT * np.sqrt(squared)
    return np.asarray(-5.0 / 6.0 * (1.0 + u) * np.exp(-u))


def block_distances(first: Sequence[Floats], second: Sequence[Floats]) -> Floats:
    """Return (blocks, n, m) mean squared differences of the columns of each block: first[b] (n, c_b), second[b]."""
    return np.stack([cdist(a, b, "sqeuclidean") / max(1, a.shape[1]) for a, b in zip(first, second, strict=True)])


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
        """Return the kernel matrix (n, m) for block distances (blocks, n, m)."""
        scaled = distances / (self.scales**2)[:, None, None]
        value = self.joint * matern(scaled.sum(axis=0))
        for weight, part in zip(self.single, scaled, strict=False):
            value += weight * matern(part)
        return np.asarray(value)

    def gradient(self, distances: Floats) -> Iterator[Floats]:
        """Yield dk/dtheta (n, m) for each log parameter, in the order of `of`."""
        scaled = distances / (self.scales**2)[:, None, None]
        together = scaled.sum(axis=0)
        slope = -2.0 * self.joint * matern_slope(together)
        for number, part in enumerate(scaled):
            found = slope * part
            if len(self.single):
                found -= 2.0 * self.single[number] * matern_slope(part) * part
            yield found
        yield self.joint * matern(together)
        for weight, part in zip(self.single, scaled, strict=False):
            yield weight * matern(part)


def singles(blocks: int) -> int:
    """Return how many terms of one block the kernel has."""
    return blocks if blocks > 1 else 0
