"""Biased random walks over a layer graph, all walkers at once."""

from pruning.walks.edges import Edges, edges_of
from pruning.walks.fill import fill
from pruning.walks.union import Union, union_of_walks
from pruning.walks.walker import Walker

__all__ = ["Edges", "Union", "Walker", "edges_of", "fill", "union_of_walks"]
