"""Features of a masked network. One file, one function and one line in GROUPS for each group."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TypeAlias

import torch
from torch import Tensor, nn

from predictors.errors import PredictorError
from predictors.features.connectivity import connectivity
from predictors.features.degree import degree
from predictors.features.density import density
from predictors.features.erk import erk
from predictors.features.paths import paths
from predictors.features.profile import profile
from predictors.features.size import size
from predictors.features.spectral import spectral
from predictors.structure import Structure, describe
from pruning.naming import unknown

Group: TypeAlias = Callable[[Structure], dict[str, float]]
"""Structure -> name -> finite figure; the same names for every network, whatever its depth."""

GROUPS: dict[str, Group] = {
    "size": size,
    "density": density,
    "profile": profile,
    "connectivity": connectivity,
    "paths": paths,
    "degree": degree,
    "spectral": spectral,
    "erk": erk,
}

FEATURE_VERSION = 2
"""Goes up whenever a formula changes while its name stays: predictors fitted before are then refused."""


def features(
    module: nn.Module,
    masks: Mapping[str, Tensor],
    input_shape: Sequence[int],
    groups: Sequence[str] | None = None,
) -> dict[str, float]:
    """Return the features of a masked network, "group/name" -> finite float, the same names for every network.

    A pure function of the module's wiring, weights and masks: no data, no training, no randomness. It does not
    change when hidden units are renumbered. The module is untouched, bit for bit.

    Args:
        module: the network at initialisation.
        masks: parameter name -> bool tensor, True = kept; convolution and linear weights without one are dense.
        input_shape: shape of one sample, without the batch axis.
        groups: which of GROUPS, in this order; all by default.

    Raises:
        PredictorError: a group is unknown, or the structure cannot be read (see `describe`).
    """
    chosen = _chosen(groups)
    structure = describe(module, masks, input_shape)
    row = {sys.intern(f"{name}/{key}"): value for name in chosen for key, value in GROUPS[name](structure).items()}
    wrong = next((name for name, value in row.items() if not math.isfinite(value)), None)
    if wrong is not None:
        raise PredictorError(
            f"every feature must be finite; got {row[wrong]} ('{wrong}' of {type(module).__name__}). "
            f"Describe the network at initialisation; weights above 1e150 cannot be squared."
        )
    return row


def feature_names(groups: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the names that `features` gives, in its order.

    Raises:
        PredictorError: a group is unknown.
    """
    return _names(tuple(_chosen(groups)))


@cache
def _names(groups: tuple[str, ...]) -> tuple[str, ...]:
    """Read the names off the smallest network there is, so that they are written in one place only."""
    smallest = nn.Linear(1, 1, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        smallest.weight.fill_(1.0)
    return tuple(features(smallest, {}, (1,), groups))


def _chosen(groups: Sequence[str] | None) -> list[str]:
    chosen = list(GROUPS) if groups is None else list(groups)
    for name in chosen:
        if name not in GROUPS:
            raise PredictorError(unknown("feature group", name, GROUPS))
    return chosen
