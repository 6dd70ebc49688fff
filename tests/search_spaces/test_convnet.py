"""The space convnet: where it halves, which networks it contains, how many it holds."""

import itertools

import pytest
import torch
from torch import Tensor, nn

from search_spaces import NETWORKS, SPACES, Architecture, Signature, SpaceError
from search_spaces.architecture import Value
from search_spaces.blocks import ResidualBlock, SeparableBlock
from search_spaces.convnet import ConvNet, assemble
from search_spaces.initialize import initialize, skeleton

CONVNET = SPACES["convnet"]
CIFAR = Signature((3, 32, 32), 10)


def _uniform(kind: str, depth: int, widths: tuple[int, ...], **shared: Value) -> Architecture:
    """An architecture with the same kind and depth in every stage, 3x3, ReLU, strided unless told otherwise."""
    values: dict[str, Value] = {"stages": len(widths), "activation": "relu", "downsample": "stride"}
    values |= {"stem_stride": 1, **shared}
    for stage in range(1, 5):
        width = widths[min(stage, len(widths)) - 1]
        values |= {f"stage{stage}.kind": kind, f"stage{stage}.depth": depth}
        values |= {f"stage{stage}.width": width, f"stage{stage}.kernel": 3}
    return CONVNET.encode(values)


def _weight_shapes(module: nn.Module) -> list[tuple[int, ...]]:
    layers = (m for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear))
    return sorted(tuple(layer.weight.shape) for layer in layers)


@pytest.mark.parametrize(
    ("name", "depth", "widths"),
    [("resnet18", 2, (64, 128, 256, 512)), ("resnet20", 3, (16, 32, 64))],
)
def test_the_published_residual_networks_are_points_of_the_space(
    name: str, depth: int, widths: tuple[int, ...]
) -> None:
    assert isinstance(CONVNET, ConvNet)
    plan = CONVNET.plan(_uniform("residual", depth, widths))
    own, published = skeleton(lambda: assemble(plan, CIFAR)), NETWORKS[name].skeleton()
    assert _weight_shapes(own) == _weight_shapes(published)
    assert sum(p.numel() for p in own.parameters()) == sum(p.numel() for p in published.parameters())


def test_resnet20_of_the_space_computes_what_the_reference_computes() -> None:
    """Both draw in the same order, so equal wiring means equal outputs from equal generators."""
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(5))
    own = CONVNET.build(_uniform("residual", 3, (16, 32, 64)), CIFAR, generator=torch.Generator().manual_seed(0))
    reference = NETWORKS["resnet20"].build(CIFAR, torch.Generator().manual_seed(0))
    assert torch.equal(own.eval()(x), reference.eval()(x))


def _stage_sides(module: nn.Module, x: Tensor) -> list[tuple[int, ...]]:
    """Height and width after the last block of each stage."""
    sides: dict[str, tuple[int, ...]] = {}
    for name, part in module.named_modules():
        if name.count(".") == 1 and name.split(".")[1].startswith("block"):
            stage = name.split(".")[0]
            part.register_forward_hook(lambda _m, _i, out, s=stage: sides.update({s: tuple(out.shape[2:])}))
    module.eval()(x)
    return [sides[f"stage{index}"] for index in range(1, len(sides) + 1)]


@pytest.mark.parametrize("kind", ["plain", "residual", "separable"])
@pytest.mark.parametrize("downsample", ["stride", "maxpool"])
@pytest.mark.parametrize(
    ("side", "expected"),
    [
        ((8, 8), [(8, 8), (4, 4), (2, 2), (1, 1)]),
        ((7, 5), [(7, 5), (4, 3), (2, 2), (1, 1)]),
        ((3, 2), [(3, 2), (2, 1), (2, 1), (2, 1)]),
        ((1, 1), [(1, 1)] * 4),
    ],
)
def test_each_stage_but_the_first_halves_until_one_pixel(
    kind: str, downsample: str, side: tuple[int, int], expected: list[tuple[int, int]]
) -> None:
    architecture = _uniform(kind, 1, (8, 8, 8, 8), downsample=downsample)
    module = CONVNET.build(architecture, Signature((1, *side), 10), generator=torch.Generator())
    assert _stage_sides(module, torch.ones(1, 1, *side)) == expected


def test_number_of_networks_by_brute_force() -> None:
    """Structures of all genomes with one activation = 2 strides x 2 downsamplings x (3^2 + 3^3 + 3^4) kinds."""
    space = ConvNet("one_size", depths=(1,), widths=(8,), kernels=(3,))
    signature = Signature((1, 8, 8), 10)
    structures, representatives = set(), set()
    alphabets = [range(1 if c.name == "activation" else len(c.values)) for c in space.choices]
    for genes in itertools.product(*alphabets):
        architecture = Architecture(space.name, genes)
        plan = space.plan(architecture)
        structures.add(repr(skeleton(lambda plan=plan: assemble(plan, signature))))  # type: ignore[misc]
        representatives.add(space.canonical(architecture))
    assert space.size == 4 * 3 * 2 * 2 * 3**4
    assert len(structures) == len(representatives) == 2 * 2 * (3**2 + 3**3 + 3**4)


def test_residual_block_by_hand() -> None:
    """With zero second convolution and identity shortcut the block is the activation of its input."""
    block = initialize(lambda: ResidualBlock(4, 4, 3, 1, "relu"), torch.Generator(), gain=1.0).eval()
    assert isinstance(block, ResidualBlock)
    nn.init.zeros_(block.get_parameter("second.conv.weight"))
    x = torch.randn(2, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(block(x), x.relu())


def test_separable_block_skips_only_where_shapes_agree() -> None:
    def zeroed(inputs: int, outputs: int, stride: int) -> nn.Module:
        block = initialize(lambda: SeparableBlock(inputs, outputs, 3, stride, "relu"), torch.Generator(), gain=1.0)
        nn.init.zeros_(block.get_parameter("pointwise.conv.weight"))
        return block.eval()

    x = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(zeroed(4, 4, 1)(x), x.relu())
    assert (zeroed(4, 4, 2)(x) == 0).all()
    assert (zeroed(4, 6, 1)(x) == 0).all()


def test_no_convolution_has_a_bias_and_each_has_a_norm() -> None:
    for kind in ("plain", "residual", "separable"):
        module = CONVNET.build(_uniform(kind, 2, (8, 16)), Signature((1, 8, 8), 10), generator=torch.Generator())
        convolutions = [m for m in module.modules() if isinstance(m, nn.Conv2d)]
        norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
        assert all(c.bias is None for c in convolutions)
        assert [n.num_features for n in norms] == [c.out_channels for c in convolutions]


def test_describe_reads_like_the_network() -> None:
    architecture = _uniform("residual", 2, (32, 64), activation="silu", downsample="maxpool")
    assert CONVNET.describe(architecture) == "silu, stem/1, maxpool | 32 residual3x2 > 64 residual3x2"


def test_input_must_be_an_image() -> None:
    with pytest.raises(SpaceError, match=r"must be \(channels, height, width\); got \(64,\).*Use the space 'mlp'"):
        CONVNET.build(_uniform("plain", 1, (8, 8)), Signature((64,), 10), generator=torch.Generator())


def test_small_space_is_a_subset() -> None:
    small = SPACES["convnet_small"]
    for choice, wide in zip(small.choices, CONVNET.choices, strict=True):
        assert choice.name == wide.name
        assert set(choice.values) <= set(wide.values)
