"""The trace: what it finds, what it leaves alone, what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from predictors import PredictorError, features
from predictors.structure import describe
from tests.predictors.nets import Residual, full_masks, mlp, random_masks


def test_layers_are_named_in_the_order_of_the_forward() -> None:
    structure = describe(Residual(), {}, (3, 8, 8))
    names = [layer.name for layer in structure.layers]
    order = ["stem", "first", "second", "project", "third", "depthwise", "pointwise", "head"]
    assert names == [f"{name}.weight" for name in order]
    assert [layer.positions for layer in structure.layers] == [64, 16, 16, 16, 16, 4, 4, 1]
    assert structure.depth == 7


def test_only_the_projection_is_a_shortcut() -> None:
    structure = describe(Residual(), {}, (3, 8, 8))
    assert [layer.name for layer in structure.layers if layer.is_shortcut] == ["project.weight"]


def test_a_gate_does_not_make_a_shortcut_of_what_it_gates() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.down, self.up = nn.Conv2d(2, 8, 3), nn.Linear(8, 2), nn.Linear(2, 8)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x)
            gate = torch.sigmoid(self.up(functional.relu(self.down(x.mean((2, 3))))))
            return x * gate[:, :, None, None]

    structure = describe(Gated(), {}, (2, 6, 6))
    assert not any(layer.is_shortcut for layer in structure.layers)
    assert [layer.positions for layer in structure.layers] == [16, 1, 1]


@pytest.mark.parametrize("training", [True, False])
def test_the_module_is_untouched_bit_for_bit(training: bool) -> None:
    net = Residual().train(training)
    net.norm.eval()
    masks = random_masks(net, 0.3)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    modes = [module.training for module in net.modules()]
    state = torch.get_rng_state()
    features(net, masks, (3, 8, 8))
    assert torch.equal(state, torch.get_rng_state())
    assert modes == [module.training for module in net.modules()]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_modes_come_back_after_a_failure() -> None:
    net = Residual().train()
    with pytest.raises(PredictorError):
        features(net, {}, (3,))
    assert net.training and net.norm.training


def test_weights_computed_from_a_parameter_keep_its_name() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2, 3))
            self.register_buffer("mask", torch.ones(2, 3))

        def forward(self, x: Tensor) -> Tensor:
            return functional.linear(x, self.weight * self.get_buffer("mask"))

    assert [layer.name for layer in describe(Masked(), {}, (3,)).layers] == ["weight"]


def test_recurrent_and_attention_weights_are_found() -> None:
    gru = nn.GRU(5, 4, batch_first=True)
    assert {layer.name for layer in describe(gru, full_masks(gru), (6, 5)).layers} == {"weight_ih_l0", "weight_hh_l0"}
    encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    masks = random_masks(encoder, 0.4)
    assert set(masks) <= {layer.name for layer in describe(encoder, masks, (5, 8)).layers}
    assert features(encoder, masks, (5, 8))


def test_each_refusal_is_one_line() -> None:
    net = mlp(3, 2)
    with pytest.raises(PredictorError, match=r"every mask must name a parameter of the network; got 'x' \(not in"):
        describe(net, {"x": torch.ones(1, dtype=torch.bool)}, (3,))
    with pytest.raises(PredictorError, match=r"mask of '0.weight' must be bool of shape \(2, 3\); got torch.bool of"):
        describe(net, {"0.weight": torch.ones(3, 2, dtype=torch.bool)}, (3,))
    with pytest.raises(PredictorError, match=r"must be bool of shape \(2, 3\); got torch.float32"):
        describe(net, {"0.weight": torch.ones(2, 3)}, (3,))
    with pytest.raises(PredictorError, match=r"network must have a convolution or linear weight; got none \(ReLU\)"):
        describe(nn.ReLU(), {}, (3,))
    with pytest.raises(PredictorError, match=r"kept weights must be finite; got NaN or infinity \('0.weight'\)"):
        broken = mlp(3, 2)
        torch.nn.init.constant_(next(broken.parameters()), float("nan"))
        describe(broken, {}, (3,))


def test_a_masked_parameter_that_the_forward_does_not_apply_is_refused() -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(3, 2), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.used(x)
            return out

    with pytest.raises(PredictorError, match=r"must be a weight that the forward applies; got 'idle.weight' \(1 such"):
        describe(Idle(), full_masks(Idle()), (3,))


def test_a_forward_that_depends_on_values_is_refused() -> None:
    class Branching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.layer(x)
            return out if bool(out.sum() > 0) else -out

    with pytest.raises(PredictorError, match=r"network must run on an input of shape \(3,\) whatever its values; got"):
        describe(Branching(), {}, (3,))
