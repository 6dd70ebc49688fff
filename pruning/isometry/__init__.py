"""Rules that bring pruned layers back towards isometry. One file, one function of its name, one line here."""

from __future__ import annotations

from types import MappingProxyType

from pruning.isometry.apply import Descent, IsometryRule
from pruning.isometry.approximate_isometry import approximate_isometry_
from pruning.isometry.published_isometry import published_isometry_
from pruning.isometry.scaled_isometry import scaled_isometry_

ISOMETRIES: MappingProxyType[str, IsometryRule] = MappingProxyType(
    {
        "approximate_isometry": approximate_isometry_,
        "published_isometry": published_isometry_,
        "scaled_isometry": scaled_isometry_,
    }
)

__all__ = ["ISOMETRIES", "Descent", "IsometryRule", "approximate_isometry_", "published_isometry_", "scaled_isometry_"]
