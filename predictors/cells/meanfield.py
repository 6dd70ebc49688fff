"""How a stack of cells carries signals at initialisation, by mean-field theory."""

from __future__ import annotations

import math

from predictors.cells.graph import OPERATIONS, CellGraph

_START, _STEP = 0.2, 0.01
_STACK = 5
_STAGES = 3
_FLOOR = 1e-3


def meanfield(graph: CellGraph) -> dict[str, float]:
    """Return how alike two inputs stay, and how signals grow, through 1, 5, 10 and 15 cells.

    Two inputs of correlation 0.2 enter. A convolution (ReLU, random weights, batch norm) gives a fresh signal of
    variance 1 and correlation f(c) = (r(c) - 1/pi) / (1 - 1/pi), r(c) = (sqrt(1 - c^2) + c (pi - arccos c)) / pi; the
    mean that batch norm removes is the 1/pi. Pooled copies keep half the variance. At a sum the amplitudes of one
    signal add, different signals are independent. Between stages of five cells stand residual blocks of two
    convolutions, as in NAS-Bench-201. A cell without a path has correlation 1 and variance 0 (counted as 0.001).

    - correlation_1, _5, _10, _15; slope = derivative of correlation_1 at 0.2; log_variance_1, _5, _10, _15.

    Cost: 200 microseconds for a cell of NAS-Bench-201.
    Source: Cho and Saul 2009 (the arc-cosine kernel); Poole et al. 2016, arXiv 1606.05340 (correlation maps).
    """
    amplitudes = _amplitudes(graph)
    found: dict[str, float] = {}
    variance, correlation = 1.0, _START
    for cell in range(1, _STAGES * _STACK + 1):
        variance, correlation = _through(amplitudes, variance, correlation)
        if cell in (1, 5, 10, 15):
            found[f"correlation_{cell}"] = correlation
            found[f"log_variance_{cell}"] = math.log(max(variance, _FLOOR))
        if cell % _STACK == 0:
            variance, correlation = _residual(variance, correlation)
    nudged = _through(amplitudes, 1.0, _START + _STEP)[1]
    return {**found, "slope": (nudged - found["correlation_1"]) / _STEP}


def relu_correlation(c: float) -> float:
    """Return f(c): the correlation after ReLU, random weights and batch norm of signals of correlation c."""
    c = min(1.0, max(-1.0, c))
    kernel = (math.sqrt(1.0 - c * c) + c * (math.pi - math.acos(c))) / math.pi
    return (kernel - 1.0 / math.pi) / (1.0 - 1.0 / math.pi)


_Amplitudes = dict[int, float]
"""Signal -> its amplitude in a sum; signal 0 is the cell's input, signal i > 0 the i-th convolution's output."""


def _amplitudes(graph: CellGraph) -> tuple[list[_Amplitudes], _Amplitudes]:
    """Return the input of each live convolution, in an order in which all it depends on comes first, and the output."""
    nodes: dict[int, _Amplitudes] = {0: {0: 1.0}}
    inputs: list[_Amplitudes] = []
    for node in range(1, graph.output + 1):
        total: _Amplitudes = {}
        for source, _, name in graph.incoming(node):
            kind = OPERATIONS[name].kind
            if kind == "conv":
                inputs.append(nodes[source])
                part = {len(inputs): 1.0}
            else:
                factor = math.sqrt(0.5) if kind == "pool" else 1.0
                part = {signal: factor * amplitude for signal, amplitude in nodes[source].items()}
            for signal, amplitude in part.items():
                total[signal] = total.get(signal, 0.0) + amplitude
        nodes[node] = total
    return inputs, nodes[graph.output]


def _through(cell: tuple[list[_Amplitudes], _Amplitudes], variance: float, correlation: float) -> tuple[float, float]:
    """Return variance and correlation behind one cell."""
    inputs, output = cell
    signals = [(variance, correlation)]
    for amplitudes in inputs:
        signals.append((1.0, relu_correlation(_sum(amplitudes, signals)[1])))
    return _sum(output, signals)


def _sum(amplitudes: _Amplitudes, signals: list[tuple[float, float]]) -> tuple[float, float]:
    powers = [(amplitude * amplitude * signals[i][0], signals[i][1]) for i, amplitude in amplitudes.items()]
    variance = sum(power for power, _ in powers)
    return (variance, sum(power * c for power, c in powers) / variance) if variance > 0 else (0.0, 1.0)


def _residual(variance: float, correlation: float) -> tuple[float, float]:
    inside = relu_correlation(relu_correlation(correlation))
    return variance + 1.0, (variance * correlation + inside) / (variance + 1.0)
