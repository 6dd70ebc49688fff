"""Which units each layer keeps: all it takes to cut the same network again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from pruning.errors import PruningError


@dataclass(frozen=True, slots=True)
class LayerCut:
    """What is kept of a linear or convolution layer.

    Attributes:
        inputs, outputs: numbers of the kept units, ascending.
        groups: of the layer that is left.
        bias: whether it has one: a layer without may get one, for the constants of removed units.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    groups: int
    bias: bool


@dataclass(frozen=True)
class Plan:
    """Module path -> what is kept of a layer (`layers`) or of a batch norm (`norms`); others stay as they are."""

    layers: Mapping[str, LayerCut] = field(default_factory=dict)
    norms: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON-able data."""
        return {
            "layers": {path: asdict(cut) for path, cut in self.layers.items()},
            "norms": {path: list(kept) for path, kept in self.norms.items()},
        }

    @staticmethod
    def from_json(data: Mapping[str, Any], where: str = "plan") -> Plan:
        """Return the plan that `to_json` described.

        Raises:
            PruningError: the data are not of that form.
        """
        try:
            layers = {
                str(path): LayerCut(_numbers(cut["inputs"]), _numbers(cut["outputs"]), int(cut["groups"]), cut["bias"])
                for path, cut in data["layers"].items()
            }
            norms = {str(path): _numbers(kept) for path, kept in data["norms"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PruningError(
                f"a plan must list the kept units of layers and norms; got {type(error).__name__}: {error} ({where}). "
                f"Compact the network again."
            ) from None
        return Plan(layers, norms)


def _numbers(values: Any) -> tuple[int, ...]:
    found = tuple(int(value) for value in values)
    if not found or any(b <= a for a, b in pairwise(found)) or found[0] < 0:
        raise ValueError(f"kept units must be ascending, at least one; got {str(values)[:60]}")
    return found
