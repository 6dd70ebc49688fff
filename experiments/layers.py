"""What is said of each masked layer in tables, in JSON and in pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pruning import MaskSet
from pruning.diagnostics import Connectivity, LayerIsometry


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One masked weight; None where a figure does not exist.

    Attributes:
        name, shape: of the parameter.
        kept, total: weights.
        density: kept / total.
        effective: kept weights on a way from input to output.
        inputs, outputs, dead_inputs, dead_outputs: units on either side, and those at which no effective weight ends.
        multiply_adds: of the kept weights, for one input.
        mean, smallest, largest, condition: of the singular values of its matrices.
        departure: root mean square of (s / gain)^2 - 1 over those that can be other than zero.
    """

    name: str
    shape: tuple[int, ...]
    kept: int
    total: int
    density: float
    effective: int | None = None
    inputs: int | None = None
    outputs: int | None = None
    dead_inputs: int | None = None
    dead_outputs: int | None = None
    multiply_adds: int | None = None
    mean: float | None = None
    smallest: float | None = None
    largest: float | None = None
    condition: float | None = None
    departure: float | None = None


def layer_rows(
    masks: MaskSet, connectivity: Connectivity | None = None, isometry: Sequence[LayerIsometry] | None = None
) -> list[LayerRow]:
    """Return a row for each mask, with what the diagnostics say of it where there are any."""
    wired = {layer.name: layer for layer in connectivity.layers} if connectivity else {}
    found = {layer.name: layer for layer in isometry or ()}
    rows = []
    for name, mask in masks.items():
        kept, total = int(mask.count_nonzero()), mask.numel()
        wiring, layer = wired.get(name), found.get(name)
        spectrum = layer.spectrum if layer else None
        rows.append(
            LayerRow(
                name,
                tuple(mask.shape),
                kept,
                total,
                kept / total,
                effective=wiring.effective if wiring else None,
                inputs=wiring.inputs if wiring else None,
                outputs=wiring.outputs if wiring else None,
                dead_inputs=wiring.dead_inputs if wiring else None,
                dead_outputs=wiring.dead_outputs if wiring else None,
                multiply_adds=wiring.multiply_adds if wiring else None,
                mean=spectrum.mean if spectrum else None,
                smallest=spectrum.smallest if spectrum else None,
                largest=spectrum.largest if spectrum else None,
                condition=spectrum.condition if spectrum else None,
                departure=layer.departure if layer and spectrum else None,
            )
        )
    return rows
