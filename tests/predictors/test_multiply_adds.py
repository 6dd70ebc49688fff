"""Multiply-adds against hand counts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from predictors import PredictorError, multiply_adds
from tests.predictors.nets import Residual, full_masks, mlp, random_masks


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.Conv2d(3, 8, 3, padding=1), (3, 10, 12), 8 * 3 * 9 * 10 * 12),
        (nn.Conv2d(3, 8, 3, stride=2), (3, 11, 11), 8 * 3 * 9 * 5 * 5),
        (nn.Conv2d(3, 8, 3, dilation=2), (3, 9, 9), 8 * 3 * 9 * 5 * 5),
        (nn.Conv2d(3, 8, 5, padding="same"), (3, 7, 7), 8 * 3 * 25 * 49),
        (nn.Conv2d(6, 6, 3, padding=1, groups=6), (6, 4, 4), 6 * 9 * 16),
        (nn.Conv2d(6, 4, 1, groups=2), (6, 4, 4), 4 * 3 * 16),
        (nn.Conv1d(2, 3, 4), (2, 10), 3 * 2 * 4 * 7),
        (nn.ConvTranspose2d(4, 2, 2, stride=2), (4, 5, 5), 4 * 2 * 4 * 25),
        (nn.Linear(7, 5), (7,), 35),
        (nn.Linear(7, 5), (4, 7), 4 * 35),
    ],
)
def test_single_layers_by_hand(layer: nn.Module, shape: tuple[int, ...], expected: int) -> None:
    assert multiply_adds(layer, shape) == expected


def test_masks_count_kept_weights_times_their_output_positions() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(12, 4)
    )
    masks = {name: mask.clone() for name, mask in random_masks(net, 0.3).items()}
    kept = [int(mask.sum()) for mask in masks.values()]
    assert multiply_adds(net, (1, 8, 8), random_masks(net, 0.3)) == kept[0] * 64 + kept[1] * 4 + kept[2]


def test_a_weight_without_mask_counts_in_full_and_a_shared_one_once_for_each_use() -> None:
    net = mlp(4, 3, 3, 2)
    net[4].weight = nn.Parameter(torch.ones(2, 3))
    assert multiply_adds(net, (4,), {"0.weight": torch.zeros(3, 4, dtype=torch.bool)}) == 9 + 6
    shared = nn.Linear(3, 3)
    assert multiply_adds(nn.Sequential(shared, nn.ReLU(), shared), (3,)) == 18


def test_full_masks_agree_with_none() -> None:
    net = Residual()
    assert multiply_adds(net, (3, 8, 8), full_masks(net)) == multiply_adds(net, (3, 8, 8))


def test_wrong_input_shape_is_one_line() -> None:
    with pytest.raises(PredictorError, match=r"input of 'stem\.weight' must have 3 channels; got 1\."):
        multiply_adds(Residual(), (1, 8, 8))
    with pytest.raises(PredictorError, match=r"convolution must leave at least one position; got \(0, 0\)"):
        multiply_adds(nn.Conv2d(1, 1, 5), (1, 4, 4))
