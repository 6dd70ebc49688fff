"""Initialisation: every tensor, only from the generator, with the variances the formulas ask for."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from search_spaces import NETWORKS, SPACES, Signature, SpaceError
from search_spaces import initialize as initialize_module
from search_spaces.activations import ACTIVATIONS, GAINS
from search_spaces.initialize import initialize


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _poisoned(tensor: Tensor) -> Tensor:
    """Storage that shows every element nobody wrote: NaN, or the smallest integer; False for a bool (see _flipped)."""
    if tensor.dtype == torch.bool:
        return torch.zeros(tensor.shape, dtype=torch.bool)
    worst = math.nan if tensor.is_floating_point() else torch.iinfo(tensor.dtype).min
    return torch.full(tensor.shape, worst, dtype=tensor.dtype)


def _flipped(tensor: Tensor) -> Tensor:
    """The same with True for a bool: what is equal in both was written."""
    return ~_poisoned(tensor) if tensor.dtype == torch.bool else _poisoned(tensor)


def _assert_no_poison(module: nn.Module) -> None:
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            assert tensor.isfinite().all(), name
        elif tensor.dtype != torch.bool:
            assert (tensor != torch.iinfo(tensor.dtype).min).all(), name


@pytest.mark.parametrize("name", NETWORKS)
def test_every_element_of_every_reference_network_is_written(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initialize_module, "_storage", _poisoned)
    network = NETWORKS[name]
    _assert_no_poison(network.build(network.signature, _generator()))


@pytest.mark.parametrize("name", SPACES)
def test_every_element_of_random_architectures_is_written(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    space, rng = SPACES[name], np.random.default_rng(0)
    for _ in range(8):
        architecture, built = space.random(rng), []
        for storage in (_poisoned, _flipped):
            monkeypatch.setattr(initialize_module, "_storage", storage)
            built.append(space.build(architecture, Signature((3, 8, 8), 10), generator=_generator()))
        _assert_no_poison(built[0])
        states = [module.state_dict() for module in built]
        assert all(torch.equal(tensor, states[1][key]) for key, tensor in states[0].items())


class _Rogue(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.empty(3))


class _Forgetful(_Rogue):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.empty(1))

    def initialize_own_(self, generator: torch.Generator) -> None:
        self.scale.normal_(generator=generator)


def test_a_layer_without_a_rule_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"must have an initialisation rule; got _Rogue \(at '1'\)"):
        initialize(lambda: nn.Sequential(nn.ReLU(), _Rogue()), _generator(), gain=1.0)


def test_a_rule_that_forgets_a_tensor_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"'seen' is not \(_Forgetful at '0'\)"):
        initialize(lambda: nn.Sequential(_Forgetful()), _generator(), gain=1.0)


@pytest.mark.parametrize("name", ["lenet5", "resnet20", "mobilenet_v2", "gru"])
def test_same_generator_same_bits_and_another_seed_other_bits(name: str) -> None:
    network = NETWORKS[name]
    first, again, other = (network.build(network.signature, _generator(seed)).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[key], again[key]) for key in first)
    matrices = [key for key in first if first[key].dim() > 1]
    assert not any(torch.equal(first[key], other[key]) for key in matrices)


def test_global_random_state_is_neither_read_nor_changed() -> None:
    def build() -> dict[str, Tensor]:
        built = [NETWORKS[name].build(NETWORKS[name].signature, _generator()) for name in ("lenet5", "gru")]
        return {f"{i}.{key}": t for i, m in enumerate(built) for key, t in m.state_dict().items()}

    torch.manual_seed(1)
    before, first = torch.get_rng_state(), build()
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert all(torch.equal(tensor, first[key]) for key, tensor in build().items())


def test_built_under_inference_mode_the_network_still_trains() -> None:
    with torch.inference_mode():
        module = NETWORKS["lenet5"].build(NETWORKS["lenet5"].signature, _generator())
    module(torch.ones(2, 1, 28, 28)).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


@pytest.mark.parametrize("gain", [1.0, GAINS["relu"]])
@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        (lambda: nn.Linear(200, 400), 200),
        (lambda: nn.Conv2d(32, 64, 5), 32 * 25),
        (lambda: nn.Conv2d(64, 2048, 3, groups=64), 9),
    ],
)
def test_dense_weights_have_variance_gain_squared_over_fan_in(layer: object, fan_in: int, gain: float) -> None:
    """Var of the sample variance is 2/n; 6 sigma: false alarm below 1e-8 over the six cases (fixed seed)."""
    assert callable(layer)
    weight = initialize(layer, _generator(), gain=gain).get_parameter("weight")
    measured = float(weight.detach().square().mean()) * fan_in / gain**2
    assert abs(measured - 1) < 6 * math.sqrt(2 / weight.numel())


def test_norms_start_as_the_identity_and_biases_at_zero() -> None:
    state = NETWORKS["resnet20"].build(NETWORKS["resnet20"].signature, _generator()).state_dict()
    expected = {"running_mean": 0, "running_var": 1, "num_batches_tracked": 0, "bias": 0}
    for key, tensor in state.items():
        leaf = key.rsplit(".", 1)[1]
        value = 1 if leaf == "weight" and tensor.dim() == 1 else expected.get(leaf)
        assert value is None or (tensor == value).all(), key


def test_hidden_weights_of_recurrent_layers_are_orthogonal_gate_by_gate() -> None:
    module = initialize(lambda: nn.LSTM(5, 20, 2), _generator(), gain=1.0)
    for layer in (0, 1):
        for gate in module.get_parameter(f"weight_hh_l{layer}").detach().double().chunk(4):
            assert torch.allclose(gate.T @ gate, torch.eye(20, dtype=torch.float64), atol=1e-6)


def test_recurrent_layer_uses_the_weights_it_shows() -> None:
    """nn.RNNBase keeps a second list of its weights; an update of a shown weight must reach the forward pass."""
    network = NETWORKS["gru"].build(Signature((4, 3), 2), _generator())
    before = network(torch.ones(1, 4, 3))
    with torch.no_grad():
        network.get_parameter("recurrent.weight_ih_l0").zero_()
    assert not torch.equal(before, network(torch.ones(1, 4, 3)))


def test_attention_and_embedding_rules() -> None:
    attention = initialize(lambda: nn.MultiheadAttention(96, 3), _generator(), gain=GAINS["relu"])
    for name in ("in_proj_weight", "out_proj.weight"):
        weight = attention.get_parameter(name).detach()
        assert abs(float(weight.square().mean()) * 96 - 1) < 6 * math.sqrt(2 / weight.numel())
    embedding, again = (
        initialize(lambda: nn.Embedding(50, 40, padding_idx=3), _generator(), gain=1.0) for _ in range(2)
    )
    assert torch.equal(embedding.get_parameter("weight"), again.get_parameter("weight"))
    rows = embedding.get_parameter("weight").detach()
    assert (rows[3] == 0).all()
    assert (rows[torch.arange(50) != 3] != 0).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gain_restores_the_second_moment_of_a_gaussian_signal(name: str) -> None:
    """Trapezoid over +-10 standard deviations as the oracle of gain^2 E[f(z)^2] = 1."""
    z = torch.linspace(-10, 10, 200_001, dtype=torch.float64)
    density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    moment = torch.trapezoid(ACTIVATIONS[name]()(z).square() * density, z)
    tolerance = 1e-5
    assert abs(float(moment) * GAINS[name] ** 2 - 1) < tolerance
