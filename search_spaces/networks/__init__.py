"""The networks of the pruning literature, one family a file, listed by name in NETWORKS."""

from types import MappingProxyType

from search_spaces.networks.conv import CONVS
from search_spaces.networks.gru import GRUS
from search_spaces.networks.lenet import LENETS
from search_spaces.networks.mobilenet import MOBILENETS
from search_spaces.networks.reference import ReferenceNetwork
from search_spaces.networks.resnet import RESNETS
from search_spaces.networks.vgg import VGGS
from search_spaces.networks.vit import VITS
from search_spaces.networks.wide_resnet import WIDE_RESNETS

NETWORKS: MappingProxyType[str, ReferenceNetwork] = MappingProxyType(
    {
        network.name: network
        for family in (LENETS, CONVS, VGGS, RESNETS, WIDE_RESNETS, MOBILENETS, VITS, GRUS)
        for network in family
    }
)

__all__ = ["NETWORKS", "ReferenceNetwork"]
