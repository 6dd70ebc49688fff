"""Architectures, the spaces they live in and the modules they build."""

from types import MappingProxyType

from search_spaces.architecture import Architecture, Choice, Signature
from search_spaces.cell import CellSpace
from search_spaces.convnet import ConvNet
from search_spaces.errors import SpaceError
from search_spaces.graphs.spaces import GraphMLPs, GraphRNNs
from search_spaces.mlp import MLP
from search_spaces.networks import NETWORKS, ReferenceNetwork
from search_spaces.space import SearchSpace

SPACES: MappingProxyType[str, SearchSpace] = MappingProxyType(
    {
        space.name: space
        for space in (
            ConvNet(),
            ConvNet("convnet_small", depths=(1, 2, 3), widths=(8, 12, 16, 24, 32, 48, 64, 96, 128), kernels=(3, 5)),
            MLP(),
            GraphRNNs(),
            GraphMLPs(),
            CellSpace(),
        )
    }
)
"""Every space by name; `convnet_small` is `convnet` without the networks that two cores cannot train."""

__all__ = [
    "NETWORKS",
    "SPACES",
    "Architecture",
    "Choice",
    "ReferenceNetwork",
    "SearchSpace",
    "Signature",
    "SpaceError",
]
