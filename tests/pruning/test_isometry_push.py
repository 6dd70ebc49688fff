"""Singular values that a descent leaves at zero."""

from __future__ import annotations

from itertools import pairwise

import torch

from pruning.isometry.descent import descend
from pruning.isometry.penalty import Masked
from pruning.isometry.push import descend_from_zeros
from pruning.structural_rank import structural_rank

SIDE, DENSITY, MATRICES = 12, 0.25, 40


def sparse(seed: int) -> Masked:
    generator = torch.Generator().manual_seed(seed)
    mask = torch.rand(1, SIDE, SIDE, generator=generator) < DENSITY
    return Masked.of(torch.randn(1, SIDE, SIDE, generator=generator, dtype=torch.float64), mask, 1.0)


def avoidable_zeros(layer: Masked, values: torch.Tensor) -> int:
    rank = structural_rank(layer.mask[0])
    return rank - int((torch.linalg.svdvals(values[0]) > 0.1).sum())


def test_a_push_never_raises_the_penalty_and_removes_zeros_that_the_mask_does_not_demand() -> None:
    plain, mended = 0, 0
    for seed in range(MATRICES):
        layer = sparse(seed)
        values, trace = descend(layer, 300, 1e-8)
        other, further = descend_from_zeros(layer, 300, 1e-8, pushes=8)
        assert further[: len(trace)] == trace
        assert all(new <= old for old, new in pairwise(further))
        assert not bool(other[~layer.mask].any())
        torch.testing.assert_close(layer.penalty(layer.excess(other)), further[-1])
        plain += avoidable_zeros(layer, values)
        mended += avoidable_zeros(layer, other)
    assert plain >= 10
    assert mended <= 0.7 * plain


def test_zeros_that_the_mask_demands_are_not_pushed() -> None:
    mask = torch.ones(1, 5, 5, dtype=torch.bool)
    mask[0, 1:3, 1:] = False  # two rows that read the same column alone: rank 4
    generator = torch.Generator().manual_seed(0)
    layer = Masked.of(torch.randn(1, 5, 5, generator=generator, dtype=torch.float64), mask, 1.0)
    values, trace = descend(layer, 300, 1e-8)
    other, further = descend_from_zeros(layer, 300, 1e-8, pushes=8)
    assert structural_rank(mask[0]) == 4
    assert trace[-1] > 0.99
    assert further == trace
    assert torch.equal(values, other)
