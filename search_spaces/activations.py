"""The activations a network may use, and the gain with which each keeps a signal's variance."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType

from torch import nn

ACTIVATIONS: MappingProxyType[str, Callable[[], nn.Module]] = MappingProxyType(
    {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "relu6": nn.ReLU6, "silu": nn.SiLU, "gelu": nn.GELU}
)

GAINS: MappingProxyType[str, float] = MappingProxyType(
    {
        "identity": 1.0,
        "relu": math.sqrt(2.0),
        "relu6": math.sqrt(2.0),
        "leaky_relu": math.sqrt(2.0 / (1.0 + 0.01**2)),
        "silu": 1.676531,
        "gelu": 1.533530,
    }
)
"""gain = E[f(z)^2]^(-1/2) for z ~ N(0, 1), so that fan_in * Var[w] = gain^2 preserves the second moment.

Closed form for the piecewise linear ones, by quadrature for the smooth ones (a test repeats it).
Source: He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", ICCV 2015, eq. 10 (ReLU) and 14 (slope a).
"""
