"""Reference networks: published weight counts, shapes through the whole network, refused inputs.

Counts are taken on the meta device, where a forward pass costs nothing: big networks are never run.
"""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from search_spaces import NETWORKS, Signature, SpaceError
from search_spaces.initialize import initialize
from search_spaces.networks.mobilenet import InvertedResidual
from search_spaces.networks.resnet import Bottleneck
from search_spaces.networks.vit import Encoder
from search_spaces.networks.wide_resnet import PreactivationBlock

WEIGHTS = {
    # Han et al. 2015, table 1: 267 K parameters = 266,200 weights + 410 biases.
    "lenet_300_100": 784 * 300 + 300 * 100 + 100 * 10,
    # Han et al. 2015, table 1 (Caffe's LeNet-5): 431 K parameters = 430,500 weights + 580 biases.
    "lenet5": 500 + 25_000 + 400_000 + 5_000,
    # Frankle & Carbin 2019, fig. 2: 4.3 M weights, 38 K in convolutions.
    "conv2": 38_592 + 4_262_400,
    # Frankle & Carbin 2019, fig. 2: 2.4 M weights, 260 K in convolutions.
    "conv4": 259_776 + 2_165_248,
    # Frankle & Carbin 2019, fig. 2: 1.1 M in convolutions; 4x4x256x256 + 256^2 + 2560 in linear layers.
    "conv6": 1_144_512 + 1_116_672,
    # Simonyan & Zisserman, table 1: convolutions as in Keras's VGG16 without top (14,714,688 with 4,224 biases;
    # 9,220,480 with 2,752 for configuration A, 20,024,384 with 5,504 for E), and a 512 -> 10 head.
    "vgg11": 9_220_480 - 2_752 + 5_120,
    "vgg16": 14_714_688 - 4_224 + 5_120,
    "vgg19": 20_024_384 - 5_504 + 5_120,
    # PHEW's ResNet-20 with 1x1 projections: 270,896; each further n adds 2 (9 16^2 + 9 32^2 + 9 64^2) = 96,768.
    "resnet20": 270_896,
    "resnet32": 270_896 + 2 * 96_768,
    "resnet56": 270_896 + 6 * 96_768,
    "resnet110": 270_896 + 15 * 96_768,
    # 21 tensors in the usual CIFAR ResNet-18.
    "resnet18": 11_164_352,
    # 23.5 M scores of SynFlow on the CIFAR ResNet-50.
    "resnet50": 23_467_712,
    # 1,467,610 parameters (Oliver et al. 2018: 1.5 M) less 3,616 of norms and 10 biases.
    "wrn_28_2": 1_467_610 - 3_616 - 10,
    # torchvision: 3,504,872 parameters with 1,000 classes less 34,112 of norms, 1,281,000 of its head; + 12,800.
    "mobilenet_v2": 3_504_872 - 34_112 - 1_281_000 + 12_800,
    # DeiT-Ti's blocks 12 x 12 x 192^2, patches of 4x4x3 and 10 classes.
    "vit_tiny": 12 * 12 * 192**2 + 48 * 192 + 1_920,
    # Three layers of three gates, 50 units: input 7 then 50 wide, hidden 50 wide; two classes.
    "gru": 3 * 50 * (7 + 50 + 50 + 50 + 50 + 50) + 100,
}

ROUNDED = {
    # He et al. 2016, table 6 (there with 2,560 weights fewer: option A has no projections).
    "resnet20": (2_560, 0.27),
    "resnet32": (2_560, 0.46),
    "resnet56": (2_560, 0.85),
    "resnet110": (2_560, 1.7),
    # Frankle & Carbin 2019, fig. 2.
    "conv2": (0, 4.3),
    "conv4": (0, 2.4),
    # Zagoruyko & Komodakis report 2.2 M for 40-2 with the same code; 28-2 is 1.5 M in Oliver et al. 2018.
    "wrn_28_2": (0, 1.5),
    # PHEW's published code on CIFAR: 20.02 M.
    "vgg19": (0, 20.02),
}


def _prunable(module: nn.Module) -> list[torch.Tensor]:
    """Weights of convolution, linear, attention and recurrent layers, counted here without `pruning`."""
    found: list[torch.Tensor] = []
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            found.append(layer.weight)
        elif isinstance(layer, nn.MultiheadAttention):
            assert layer.in_proj_weight is not None
            found.append(layer.in_proj_weight)
        elif isinstance(layer, nn.RNNBase):
            found += [p for name, p in layer.named_parameters() if name.startswith("weight")]
    return found


def _count(name: str) -> int:
    return sum(weight.numel() for weight in _prunable(NETWORKS[name].skeleton()))


def test_the_names_are_the_contract_of_the_command_line() -> None:
    assert list(NETWORKS) == list(WEIGHTS)
    assert all(network.name == name for name, network in NETWORKS.items())


@pytest.mark.parametrize("name", WEIGHTS)
def test_prunable_weights_are_as_many_as_published(name: str) -> None:
    assert _count(name) == WEIGHTS[name]


@pytest.mark.parametrize("name", ROUNDED)
def test_counts_round_to_the_figures_of_the_papers(name: str) -> None:
    less, millions = ROUNDED[name]
    digits = len(str(millions).split(".")[1])
    assert round((_count(name) - less) / 1e6, digits) == millions


def test_resnet18_has_21_prunable_tensors() -> None:
    assert len(_prunable(NETWORKS["resnet18"].skeleton())) == 21


def test_recurrent_part_has_the_lineage_size_on_a_50_wide_input() -> None:
    """Three layers of 50 units after a 50 wide embedding: 3 x 3 x (50^2 + 50^2) = 45,000 weights."""
    weights = _prunable(NETWORKS["gru"].skeleton(Signature((53, 50), 2)))
    assert sum(weight.numel() for weight in weights) == 45_000 + 100


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        # `num_params` of torchvision's model cards; less 7,680 where our stem is 3x3 instead of 7x7.
        ("resnet18", 11_689_512 - 7_680),
        ("resnet50", 25_557_032 - 7_680),
        ("mobilenet_v2", 3_504_872),
        # timm's model card of deit_tiny_patch16_224: 5,717,416.
        ("vit_tiny", 5_717_416),
    ],
)
def test_parameters_on_imagenet_equal_the_model_cards(name: str, parameters: int) -> None:
    module = NETWORKS[name].skeleton(Signature((3, 224, 224), 1000))
    assert sum(p.numel() for p in module.parameters()) == parameters


@pytest.mark.parametrize("name", NETWORKS)
def test_shapes_fit_from_input_to_logits(name: str) -> None:
    network = NETWORKS[name]
    signatures = [network.signature, Signature((1, 28, 28), 10), Signature((3, 64, 48), 5)]
    for signature in signatures:
        module = network.skeleton(signature).eval()
        with torch.no_grad():
            logits = module(torch.ones(2, *signature.input_shape, device="meta"))
        assert logits.shape == (2, signature.classes)


@pytest.mark.parametrize("name", ["lenet_300_100", "lenet5", "conv6", "resnet20", "wrn_28_2", "gru", "vit_tiny"])
def test_small_networks_give_finite_gradients_to_every_parameter(name: str) -> None:
    network = NETWORKS[name]
    module = network.build(network.signature, torch.Generator().manual_seed(0)).eval()
    x = torch.randn(2, *network.signature.input_shape, generator=torch.Generator().manual_seed(1))
    module(x).logsumexp(1).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_can_be_traced_by_fx(name: str) -> None:
    traced = torch.fx.symbolic_trace(NETWORKS[name].skeleton())
    assert any(node.op == "call_module" for node in traced.graph.nodes)


def test_image_rows_are_the_time_steps_of_the_gru() -> None:
    images, sequences = Signature((1, 6, 4), 3), Signature((6, 4), 3)
    by_image = NETWORKS["gru"].build(images, torch.Generator().manual_seed(0))
    by_row = NETWORKS["gru"].build(sequences, torch.Generator().manual_seed(0))
    x = torch.randn(2, 1, 6, 4, generator=torch.Generator().manual_seed(1))
    assert torch.equal(by_image(x), by_row(x[:, 0]))


def _with_zeros(make: Callable[[], nn.Module], *names: str) -> nn.Module:
    """The made module, initialised, those tensors zero, in eval mode (a fresh norm is the identity but for eps)."""
    built = initialize(make, torch.Generator().manual_seed(0), gain=1.0).eval()
    for name in names:
        nn.init.zeros_(built.get_parameter(name))
    return built


def test_blocks_without_their_residual_return_their_input() -> None:
    """The last layer of each residual branch is zeroed; what is left is the skip, through ReLU in post-activation."""
    image = torch.randn(2, 32, 4, 4, generator=torch.Generator().manual_seed(1))
    tokens = torch.randn(2, 5, 192, generator=torch.Generator().manual_seed(1))
    wide = _with_zeros(lambda: PreactivationBlock(32, 32, 1), "conv2.weight")
    inverted = _with_zeros(lambda: InvertedResidual(32, 32, 1, 6), "residual.project.conv.weight")
    bottleneck = _with_zeros(lambda: Bottleneck(32, 8, 1), "expand.conv.weight")
    encoder = _with_zeros(Encoder, "attention.out_proj.weight", "mlp.fc2.weight")
    assert torch.equal(wide(image), image)
    assert torch.equal(inverted(image), image)
    assert torch.equal(bottleneck(image), image.relu())
    assert torch.equal(encoder(tokens), tokens)


def test_blocks_that_change_the_shape_have_no_identity() -> None:
    image = torch.randn(2, 32, 4, 4, generator=torch.Generator().manual_seed(1))
    for stride, outputs in ((2, 32), (1, 16)):
        wide = _with_zeros(partial(PreactivationBlock, 32, outputs, stride), "conv2.weight")
        inverted = _with_zeros(partial(InvertedResidual, 32, outputs, stride, 6), "residual.project.conv.weight")
        assert torch.allclose(wide(image), wide.get_submodule("shortcut")(image.relu()), atol=1e-4)
        assert (inverted(image) == 0).all()


def test_the_gru_reads_the_last_hidden_state_of_the_last_layer() -> None:
    network = NETWORKS["gru"].build(Signature((6, 4), 3), torch.Generator().manual_seed(0))
    x = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(1))
    _, last = network.get_submodule("recurrent")(x)
    assert torch.equal(network(x), network.get_submodule("head")(last[-1]))


def test_the_transformer_reads_the_class_token_and_knows_positions() -> None:
    """Zeroing the class token changes the logits, and so does swapping two patches."""
    network = NETWORKS["vit_tiny"].build(Signature((1, 8, 8), 3), torch.Generator().manual_seed(0)).eval()
    x = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    before = network(x)
    assert not torch.allclose(network(x.flip(3)), before, atol=1e-4)
    nn.init.zeros_(network.get_parameter("tokens.first"))
    assert not torch.allclose(network(x), before, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("vgg16", (1, 8, 8), r"images for network 'vgg16' must be at least 16x16; got 8x8"),
        ("lenet5", (1, 15, 20), r"images for network 'lenet5' must be at least 16x16; got 15x20"),
        ("conv6", (1, 7, 8), r"must be at least 8x8; got 7x8"),
        ("resnet20", (64,), r"input of network 'resnet20' must have 3 axes; got \(64,\).*\(3, 32, 32\)"),
        ("gru", (5,), r"input of network 'gru' must have 2 or 3 axes; got \(5,\)"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(name: str, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        NETWORKS[name](Signature(shape, 10), torch.Generator())
