"""The factor on a weight's standard deviation that keeps a signal's size through an activation."""

from __future__ import annotations

import math
from types import MappingProxyType

GAINS: MappingProxyType[str, float] = MappingProxyType(
    {
        "identity": 1.0,
        "relu": math.sqrt(2.0),
        "relu6": math.sqrt(2.0),
        "leaky_relu": math.sqrt(2.0 / (1.0 + 0.01**2)),
        "elu": 1.245198,
        "selu": 1.0,
        "gelu": 1.533530,
        "silu": 1.676531,
        "tanh": 1.592537,
        "sigmoid": 1.846229,
    }
)
"""gain = E[f(z)^2]^(-1/2) for z ~ N(0, 1): with fan_in * Var[w] = gain^2 the second moment stays 1.

Closed form for the piecewise linear ones and SELU, by quadrature for the others (a test repeats it). It keeps
the size of signals, not of gradients: for isometry of tanh and other odd, saturating activations the gain is
1 / f'(0) = 1, at which small signals pass unbent.
Source: He, Zhang, Ren and Sun, ICCV 2015, arXiv 1502.01852, equations 10 and 14; Klambauer et al., NeurIPS 2017,
arXiv 1706.02515 (SELU); Pennington, Schoenholz and Ganguli, NeurIPS 2017, arXiv 1711.04735 (tanh).
"""
