"""A set of singular values, told in five numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Singular values s of one or several matrices of one shape.

    Attributes:
        mean: of all s.
        spread: their standard deviation (divisor n, as the values are all there are).
        smallest, largest: of all s.
        condition: median over the matrices of s_max / s_min; infinite where a matrix lacks full rank in the
            precision it was computed in.
    """

    mean: float
    spread: float
    smallest: float
    largest: float
    condition: float

    @staticmethod
    def of(values: Tensor, longest: int) -> Spectrum:
        """Return the summary of singular values (matrices, count >= 1), in descending order in each row.

        Args:
            values: as computed, in the precision they were computed in.
            longest: longest side of the matrices; s_min <= s_max * longest * epsilon counts as no full rank, as
                in `numpy.linalg.matrix_rank`.
        """
        top, bottom = values[:, 0], values[:, -1]
        full = bottom > top * longest * torch.finfo(values.dtype).eps
        conditions = torch.where(full, top / bottom.where(full, 1.0), math.inf)
        return Spectrum(
            mean=float(values.mean()),
            spread=float(values.std(correction=0)),
            smallest=float(values.min()),
            largest=float(values.max()),
            condition=_median(conditions.tolist()),
        )


def singular_values(matrices: Tensor) -> Tensor:
    """Return the singular values of (matrices, rows, columns), descending, (matrices, min(rows, columns)).

    A long matrix is first brought to its square triangular factor, which has the same ones: ten times faster for
    the 512 x 4608 of a wide convolution, and as exact (Householder's reflections are orthogonal).
    """
    rows, columns = matrices.shape[-2:]
    tall = matrices if rows >= columns else matrices.mT
    if max(rows, columns) > 1.5 * min(rows, columns):
        tall = torch.linalg.qr(tall, mode="r")[1]
    values: Tensor = torch.linalg.svdvals(tall)
    return values


def _median(values: list[float]) -> float:
    """Return the middle value, of an even number the mean of the two (infinite if the upper one is)."""
    ordered = sorted(values)
    lower, upper = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return lower if lower == upper else (lower + upper) / 2
