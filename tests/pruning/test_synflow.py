from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pruning import Evidence, Sparsity, prunable, prune
from pruning.linearise import linearised
from pruning.methods.synflow import synflow
from tests.pruning.nets import evidence, make


def given(*shape: int) -> Evidence:
    return Evidence(shape, torch.Generator())


def masks_of(module: nn.Module, density: float = 1.0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.rand(weight.shape, generator=generator) < density for name, weight in prunable(module).items()}


def trained_looking(module: nn.Module) -> nn.Module:
    """Fill biases, normalisation and running statistics with values that would spoil a careless sum over paths."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if tensor.dim() == 1:
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
            if name.endswith("running_var"):
                tensor.abs_()
    return module


def chain() -> nn.Module:
    return trained_looking(
        nn.Sequential(
            nn.Conv2d(2, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU6(),
            nn.Conv2d(6, 6, 3, groups=6),
            nn.GroupNorm(2, 6),
            nn.Tanh(),
            nn.Conv2d(6, 8, 3, stride=2, groups=2, dilation=2, padding=1),
            nn.MaxPool2d(2),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(32, 7),
            nn.LayerNorm(7),
            nn.GELU(),
            nn.Linear(7, 3),
            nn.LogSoftmax(dim=1),
        )
    )


@pytest.mark.parametrize("density", [1.0, 0.7])
def test_flow_is_conserved_from_layer_to_layer(density: float) -> None:
    module = chain()
    masks = masks_of(module, density)
    scores = synflow(module, given(2, 12, 12))(masks)
    flows = [float(score.sum()) for score in scores.values()]
    assert len(flows) == 5
    assert flows[0] > 0
    assert flows == pytest.approx([flows[0]] * 5, rel=1e-10)
    network = linearised(module)
    with torch.no_grad():
        for name, weight in prunable(network).items():
            weight.mul_(masks[name])
        output = network(torch.ones(1, 2, 12, 12, dtype=torch.float64))
    assert float(output.sum()) == pytest.approx(flows[0], rel=1e-10)


def test_what_flows_into_a_unit_flows_out_of_it() -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 5, 3),
        nn.BatchNorm2d(5),
        nn.ReLU(),
        nn.Conv2d(5, 4, 3),
        nn.Flatten(),
        nn.Linear(64, 6),
        nn.Linear(6, 2),
    )
    scores = synflow(trained_looking(module), given(3, 8, 8))(masks_of(module, 0.8))
    conv, after, first, last = scores.values()
    torch.testing.assert_close(conv.sum((1, 2, 3)), after.sum((0, 2, 3)), rtol=1e-10, atol=0)
    torch.testing.assert_close(after.sum((1, 2, 3)), first.view(6, 4, 16).sum((0, 2)), rtol=1e-10, atol=0)
    torch.testing.assert_close(first.sum(1), last.sum(0), rtol=1e-10, atol=0)


def test_a_residual_sum_splits_the_flow() -> None:
    module = make("residual")
    scores = {name: float(s.sum()) for name, s in synflow(module, given(3, 8, 8))(masks_of(module)).items()}
    assert scores["inner.weight"] == pytest.approx(scores["outer.weight"], rel=1e-10)
    assert scores["inner.weight"] + scores["shortcut.weight"] == pytest.approx(scores["stem.weight"], rel=1e-10)
    assert scores["stem.weight"] == pytest.approx(scores["head.weight"], rel=1e-10)


def test_scores_are_sums_over_paths() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    scores = synflow(module, given(3))(masks_of(module))
    a, b, c = (weight.detach().abs() for weight in prunable(module).values())
    expected = torch.zeros(5, 4, dtype=torch.float64)
    for i in range(3):
        for h in range(4):
            for k in range(5):
                for o in range(2):
                    expected[k, h] += a[h, i] * b[k, h] * c[o, k]
    torch.testing.assert_close(scores["2.weight"], expected, rtol=1e-12, atol=0)


def test_weights_on_no_path_score_zero() -> None:
    module = trained_looking(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)))
    masks = masks_of(module)
    masks["0.weight"][1] = False  # unit 1 has a bias but no input
    assert not bool(synflow(module, given(3))(masks)["2.weight"][:, 1].any())


def test_no_overflow_where_float32_has_none_to_spare() -> None:
    module = nn.Sequential(*[nn.Linear(100, 100, bias=False) for _ in range(40)])
    with torch.no_grad():
        for weight in module.parameters():
            weight.fill_(1.0)  # 100^41 paths: beyond float32, far below float64's limit
    scores = synflow(module, given(100))(masks_of(module))
    assert all(bool(score.isfinite().all()) for score in scores.values())
    assert float(scores["0.weight"].sum()) == pytest.approx(100.0**41, rel=1e-10)


def test_rounds_follow_the_paper_loop() -> None:
    # Algorithm 1 with a plain sort, on a two-layer network whose scores have no ties.
    module = nn.Sequential(nn.Linear(6, 8, bias=False), nn.Linear(8, 3, bias=False)).double()
    first, second = (weight.detach().abs() for weight in module.parameters())
    mask_1, mask_2 = torch.ones_like(first), torch.ones_like(second)
    for k in range(1, 8):
        into, out = (first * mask_1).sum(1), (second * mask_2).sum(0)
        scores = torch.cat([(first * mask_1 * out[:, None]).flatten(), (second * mask_2 * into).flatten()])
        keep = round(72 * (18 / 72) ** (k / 7))
        kept = torch.zeros(72, dtype=torch.float64)
        kept[scores.argsort(descending=True)[:keep]] = 1
        mask_1, mask_2 = kept[:48].view(8, 6), kept[48:].view(3, 8)
    masks = prune(module, Sparsity("synflow", 0.25, rounds=7), given(6))
    assert torch.equal(masks["0.weight"], mask_1.bool())
    assert torch.equal(masks["1.weight"], mask_2.bool())


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("size", [(9, 7), (12, 11)])  # at most, and more than, the 64 positions of a faster product
def test_convolutions_and_their_derivatives_are_torch_s_own(samples: int, size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(samples, 6, *size, dtype=torch.float64, generator=generator, requires_grad=True)
    for options in (
        {"padding": 1},
        {"stride": 2},
        {"groups": 6, "padding": 1},
        {"groups": 3, "stride": 2, "padding": (2, 1), "dilation": (1, 2)},
        {"groups": 2, "padding": "same", "dilation": (1, 2)},
        {"groups": 2, "padding": 1, "padding_mode": "circular"},
    ):
        network = linearised(nn.Conv2d(6, 12, (3, 2), bias=False, **options))
        assert isinstance(network, nn.Conv2d)
        found, expected = network(values), nn.Conv2d.forward(network, values)
        slope = torch.rand(expected.shape, dtype=torch.float64, generator=generator)
        torch.testing.assert_close(found, expected)
        ours, theirs = (torch.autograd.grad(out, [values, network.weight], slope) for out in (found, expected))
        torch.testing.assert_close(ours, theirs)


def test_flow_is_conserved_behind_normalisation_and_global_pooling() -> None:
    """Convolutions of few positions between batch normalisation and an average over all positions."""
    parts = [nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 5, 3, stride=2, padding=1)]
    module = trained_looking(
        nn.Sequential(*parts, nn.BatchNorm2d(5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3))
    )
    flows = [float(score.sum()) for score in synflow(module, given(2, 8, 8))(masks_of(module, 0.7)).values()]
    assert flows[0] > 0
    assert flows == pytest.approx([flows[0]] * 3, rel=1e-10)


@pytest.mark.parametrize("net", ["gru", "attention"])
def test_networks_that_are_not_piecewise_linear_still_get_finite_scores(net: str) -> None:
    module = make(net)
    shape = evidence(net).input_shape
    scores = synflow(module, given(*shape))(masks_of(module))
    assert all(bool((score >= 0).all()) and bool(score.isfinite().all()) for score in scores.values())
    assert float(scores["head.weight"].sum()) > 0


class Attentive(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.rand(65, 24, generator=torch.Generator().manual_seed(0)))
        self.widen, self.attention = nn.Linear(24, 24), nn.MultiheadAttention(24, 3, batch_first=True)
        self.head = nn.Linear(24, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        tokens = self.widen(inputs + self.positions)
        out: Tensor = self.head(self.attention(tokens, tokens, tokens, need_weights=False)[0].mean(1))
        return out


def test_attention_with_huge_logits_has_finite_scores() -> None:
    """Logits of 1e40 and more enter the softmax, where the gradients of torch's fused kernel are NaN."""
    module = Attentive()
    with torch.no_grad():
        module.widen.weight.copy_(1e22 * torch.rand(24, 24, generator=torch.Generator().manual_seed(1)))
    scores = synflow(module, given(65, 24))(masks_of(module))
    assert all(bool(score.isfinite().all()) for score in scores.values())
    assert float(scores["head.weight"].sum()) == pytest.approx(float(scores["attention.out_proj.weight"].sum()))
