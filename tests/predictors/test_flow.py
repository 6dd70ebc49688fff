"""Path sums against enumeration, and the laws they obey."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from predictors import features
from predictors.structure import describe
from pruning.flow import MAGNITUDE, PATHS, SQUARE
from tests.predictors.nets import Residual, mlp, random_masks


def _enumerated(matrices: list[Tensor]) -> tuple[float, float]:
    """Return the number of paths with a nonzero product, and the path kernel trace over kept entries, one by one."""
    widths = [matrices[0].shape[1], *(m.shape[0] for m in matrices)]
    total, trace = 0.0, 0.0
    for path in itertools.product(*map(range, widths)):
        values = [float(m[j, i]) for m, i, j in zip(matrices, path, path[1:], strict=False)]
        total += math.prod(values)
        trace += sum(math.prod(values[:k] + values[k + 1 :]) for k in range(len(values)) if values[k])
    return total, trace


def test_path_sums_of_an_mlp_are_those_of_enumeration() -> None:
    net = mlp(3, 4, 5, 2)
    masks = random_masks(net, 0.6)
    weights = [p.detach().double() * masks[n] for n, p in net.named_parameters()]
    row = features(net, masks, (3,), ["paths"])
    count, _ = _enumerated([masks[n].double() for n in masks])
    magnitude, _ = _enumerated([w.abs() for w in weights])
    square, trace = _enumerated([w * w for w in weights])
    assert count > 5
    assert row["paths/log_count"] == pytest.approx(math.log10(1 + count), abs=1e-12)
    assert row["paths/log_magnitude"] == pytest.approx(math.log10(magnitude), abs=1e-12)
    assert row["paths/log_square"] == pytest.approx(math.log10(square), abs=1e-12)
    assert row["paths/log_kernel"] == pytest.approx(math.log10(trace), abs=1e-12)


def test_branches_copies_and_slices_of_units_are_those_of_the_network_itself() -> None:
    """Oracle: a linear network with ones for weights computes its own number of paths on an input of ones."""

    class Wired(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(2, 4, 1, bias=False), nn.Conv2d(4, 4, 1, groups=2, bias=False)
            self.c, self.d = nn.Conv2d(6, 3, 1, bias=False), nn.Linear(12, 5, bias=False)
            self.e = nn.Linear(10, 2, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            y = self.a(x)
            z = torch.cat([y[:, 1:3], self.b(y) + y], dim=1)
            z = nn.functional.pad(self.c(z)[:, :2], (0, 0, 0, 0, 1, 0))
            z = self.d(z.permute(0, 1, 3, 2).flatten(1))
            first, second = z.chunk(2, dim=1)
            out: Tensor = self.e(torch.cat([z, second, first], 1).view(z.shape[0], -1))
            return out

    net = Wired()
    masks = random_masks(net, 0.7)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.copy_(masks[name].float())
    expected = float(net(torch.ones(1, 2, 2, 2)).sum().detach())
    # the flow counts a channel once, the network once for each of its four positions up to the flattening, where
    # each position of a channel becomes a unit of its own: both see ones, so the sums agree
    assert expected > 20
    assert 10 ** features(net, masks, (2, 2, 2))["paths/log_count"] - 1 == pytest.approx(expected)


def test_every_layer_of_a_chain_carries_the_whole_sum() -> None:
    """Conservation (Tanaka et al. 2020, theorem 2): b' A f is R in each layer."""
    flow = describe(mlp(6, 8, 7, 4), random_masks(mlp(6, 8, 7, 4), 0.5), (6,)).flow
    for layer in flow.layers:
        np.testing.assert_allclose(layer.logs[[PATHS, MAGNITUDE, SQUARE]], flow.logs[[PATHS, MAGNITUDE, SQUARE]])


def test_depth_does_not_overflow() -> None:
    deep = nn.Sequential(*(nn.Linear(64, 64, bias=False) for _ in range(400)))
    row = features(deep, {}, (64,))
    assert row["paths/log_count"] == pytest.approx(401 * math.log10(64))
    assert row["paths/log_count"] > 700
    with torch.no_grad():
        for parameter in deep.parameters():
            parameter.fill_(2e-3)
    assert features(deep, {}, (64,))["paths/log_square"] == pytest.approx(math.log10(64) + 400 * math.log10(64 * 4e-6))


def test_without_a_path_everything_is_finite() -> None:
    net = Residual()
    masks = {name: torch.zeros_like(mask) for name, mask in random_masks(net, 0.5).items()}
    row = features(net, masks, (3, 8, 8))
    assert row["paths/log_count"] == 0
    assert row["paths/log_square_per_layer"] == -4
    assert row["connectivity/log_effective"] == 0
    assert all(math.isfinite(value) for value in row.values())
