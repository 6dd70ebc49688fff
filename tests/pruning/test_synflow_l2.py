from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pruning import prunable
from pruning.linearise import linearised, squared
from pruning.methods.synflow_l2 import synflow_l2
from pruning.methods.synflow_l2_gebhart import synflow_l2_gebhart
from pruning.methods.synflow_l2_phew import synflow_l2_phew
from pruning.scoring import ScoreMethod
from tests.pruning.nets import make
from tests.pruning.test_synflow import chain, given, masks_of, trained_looking


def small() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)).double()


def middle(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Sum over all paths through each weight of the middle layer, path by path."""
    flows = torch.zeros_like(b)
    for i in range(3):
        for h in range(4):
            for k in range(5):
                for o in range(2):
                    flows[k, h] += a[h, i] * b[k, h] * c[o, k]
    return flows


@pytest.mark.parametrize("density", [1.0, 0.7])
def test_flow_is_conserved_from_layer_to_layer(density: float) -> None:
    module = chain()
    masks = masks_of(module, density)
    flows = [float(score.sum()) for score in synflow_l2(module, given(2, 12, 12))(masks).values()]
    assert flows[0] > 0
    assert flows == pytest.approx([flows[0]] * 5, rel=1e-10)


def test_what_flows_into_a_unit_flows_out_of_it() -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Conv2d(5, 4, 3), nn.Flatten(), nn.Linear(64, 6)
    ).append(nn.Linear(6, 2))
    scores = synflow_l2(trained_looking(module), given(3, 8, 8))(masks_of(module, 0.8))
    conv, after, first, last = scores.values()
    torch.testing.assert_close(conv.sum((1, 2, 3)), after.sum((0, 2, 3)), rtol=1e-10, atol=0)
    torch.testing.assert_close(after.sum((1, 2, 3)), first.view(6, 4, 16).sum((0, 2)), rtol=1e-10, atol=0)
    torch.testing.assert_close(first.sum(1), last.sum(0), rtol=1e-10, atol=0)


def test_a_residual_sum_splits_the_flow() -> None:
    module = make("residual")
    scores = {name: float(s.sum()) for name, s in synflow_l2(module, given(3, 8, 8))(masks_of(module)).items()}
    assert scores["inner.weight"] == pytest.approx(scores["outer.weight"], rel=1e-10)
    assert scores["inner.weight"] + scores["shortcut.weight"] == pytest.approx(scores["stem.weight"], rel=1e-10)


def test_the_three_formulas_by_their_sums_over_paths() -> None:
    module = small()
    a, b, c = (weight.detach().abs() for weight in prunable(module).values())
    masks = masks_of(module)
    canonical, phew, gebhart = (
        method(module, given(3))(masks)["2.weight"] for method in (synflow_l2, synflow_l2_phew, synflow_l2_gebhart)
    )
    torch.testing.assert_close(canonical, middle(a**2, b**2, c**2), rtol=1e-12, atol=0)
    torch.testing.assert_close(phew, middle(a**2, b**2, c**2) / b, rtol=1e-12, atol=0)
    torch.testing.assert_close(gebhart, middle(a, b, c) * b, rtol=1e-12, atol=0)


@pytest.mark.parametrize("method", [synflow_l2_phew, synflow_l2_gebhart])
def test_the_other_two_formulas_are_not_conserved(method: ScoreMethod) -> None:
    flows = [float(score.sum()) for score in method(small(), given(3))(masks_of(small())).values()]
    assert max(flows) > 1.01 * min(flows)


def test_zero_weights_score_zero() -> None:
    module = small()
    with torch.no_grad():
        prunable(module)["2.weight"][1] = 0.0
    assert not bool(synflow_l2_phew(module, given(3))(masks_of(module))["2.weight"][1].any())


def test_normalisation_is_squared_like_the_weights() -> None:
    norm = trained_looking(
        nn.Sequential(nn.BatchNorm2d(4), nn.InstanceNorm2d(4, affine=True, track_running_stats=True))
    )
    ones = torch.ones(1, 4, 3, 3, dtype=torch.float64)
    torch.testing.assert_close(squared(norm)(ones), linearised(norm)(ones) ** 2, rtol=1e-12, atol=0)
