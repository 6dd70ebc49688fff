"""Random graphs to build networks from. One generator a file; a line in GENERATORS makes it a choice of the spaces."""

from collections.abc import Callable
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from search_spaces.graphs.barabasi_albert import barabasi_albert
from search_spaces.graphs.erdos_renyi import erdos_renyi
from search_spaces.graphs.graph import Graph
from search_spaces.graphs.random_geometric import random_geometric
from search_spaces.graphs.twin import twin
from search_spaces.graphs.watts_strogatz import watts_strogatz

Generator: TypeAlias = Callable[[int, int, np.random.Generator], Graph]
"""(nodes, mean degree, rng) -> graph."""

GENERATORS: MappingProxyType[str, Generator] = MappingProxyType(
    {
        "erdos_renyi": erdos_renyi,
        "barabasi_albert": barabasi_albert,
        "random_geometric": random_geometric,
        "watts_strogatz": watts_strogatz,
    }
)

__all__ = [
    "GENERATORS",
    "Generator",
    "Graph",
    "barabasi_albert",
    "erdos_renyi",
    "random_geometric",
    "twin",
    "watts_strogatz",
]
