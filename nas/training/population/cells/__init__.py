"""Recurrent cells over many networks at once, each with a backward pass written by hand.

Arrays are (N, B, H) for each step: N networks, the B strings that still run, H units; one that lies in memory in one
piece for each step, so that a product writes to its place. G gates lie apart. A step multiplies the states of the step
before by each network's own weights, one batched product a gate, and the letters' one-hot rows by each network's table,
a small one; the backward pass runs the steps in reverse, with one product a gate for the state's gradient and one that
adds to the weights', while both factors are still in the cache. They serve GPUs, float64 and machines without a C
compiler; elsewhere ../compiled does the same, and is held to these in the tests.
"""

from collections.abc import Callable
from types import MappingProxyType

from nas.training.population.cells.cell import Cell
from nas.training.population.cells.gru import GRU
from nas.training.population.cells.lstm import LSTM
from nas.training.population.cells.plain import ReLU, Tanh

CELLS: MappingProxyType[str, Callable[[], Cell]] = MappingProxyType(
    {"tanh": Tanh, "relu": ReLU, "gru": GRU, "lstm": LSTM}
)
"""Name of a cell -> how to make one."""

__all__ = ["CELLS", "Cell"]
