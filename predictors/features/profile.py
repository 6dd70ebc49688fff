"""The course of the layers from input to output, at a fixed number of relative depths."""

from __future__ import annotations

import numpy as np

from predictors.features.summary import Floats
from predictors.structure import Structure

_DEPTHS = (0.0, 1 / 3, 2 / 3, 1.0)


def profile(structure: Structure) -> dict[str, float]:
    """Return four values each of the layers' course, at relative depths 0, 1/3, 2/3 and 1 (suffixes 0 to 3).

    Layer l of L lies at depth l / (L - 1); values between layers are interpolated; shortcuts are left out.

    - log_density0..3: log10 p_l. log_kept0..3: log10(1 + kept_l). log_alive0..3: log10(1 + alive output units).
    - log_gain0..3: log10 of sqrt(sum of w^2 over kept entries / output units), at least -4: the root mean square of a
      unit's incoming weight.

    Cost: microseconds.
    """
    main = [i for i, layer in enumerate(structure.layers) if not layer.is_shortcut]
    layers = [structure.layers[i] for i in main]
    power = np.array([layer.squares.sum() / len(layer.in_degrees) for layer in layers])
    alive = np.array([structure.flow.layers[i].alive_out for i in main], dtype=np.float64)
    return {
        **_resampled("log_density", structure.log_densities[main]),
        **_resampled("log_kept", np.log10(1 + structure.kept[main])),
        **_resampled("log_alive", np.log10(1 + alive)),
        **_resampled("log_gain", np.log10(np.maximum(np.sqrt(power), 1e-4))),
    }


def _resampled(prefix: str, values: Floats) -> dict[str, float]:
    at = np.interp(_DEPTHS, np.linspace(0.0, 1.0, len(values)), values)
    return {f"{prefix}{i}": float(value) for i, value in enumerate(at)}
