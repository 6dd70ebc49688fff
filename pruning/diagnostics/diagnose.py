"""Everything that can be said of a masked network before it is trained, in one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from torch import Tensor, nn

from pruning.diagnostics.connectivity import Connectivity, connectivity
from pruning.diagnostics.jacobian import JacobianSpectrum, jacobian_spectrum
from pruning.diagnostics.layer_isometry import LayerIsometry, layer_isometry
from pruning.errors import PruningError
from pruning.masks import MaskSet, check_masks

Figures = TypeVar("Figures")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The figures of one masked network; None where one cannot exist, with the reason in `absent`.

    Attributes:
        requested: density that was asked for, where the masks' metadata say.
        density: kept fraction of all prunable weights.
        connectivity: effective weights, dead units, paths, path kernel, multiply-adds.
        isometry: each layer's singular values and departure from isometry, in module order.
        gain: the singular value that counted as isometry.
        jacobian: singular values of the input-output Jacobian.
        absent: name of a missing figure -> why, in one line.
    """

    requested: float | None
    density: float
    connectivity: Connectivity | None
    isometry: tuple[LayerIsometry, ...] | None
    gain: float
    jacobian: JacobianSpectrum | None
    absent: Mapping[str, str]


def diagnose(
    module: nn.Module,
    masks: MaskSet,
    input_shape: Sequence[int],
    inputs: Tensor | None = None,
    *,
    gain: float = 1.0,
    say: Callable[[str], None] = lambda _: None,
) -> Diagnosis:
    """Return what is connected, how far each layer is from isometry, and how small changes of the input come through.

    Args:
        module: any network; untouched bit for bit.
        masks: one for each prunable weight.
        input_shape: of one sample, without the batch axis.
        inputs: samples for the Jacobian, (n >= 1, *input_shape); None to leave it out.
        gain: the singular value that counts as isometry of a layer.
        say: told what is being computed.

    Raises:
        PruningError: the masks are not this network's. What only one of the figures cannot do with is in `absent`.
    """
    check_masks(module, masks)
    absent: dict[str, str] = {}

    def attempt(name: str, compute: Callable[[], Figures]) -> Figures | None:
        say(name)
        try:
            return compute()
        except PruningError as error:
            absent[name] = str(error)
            return None

    wiring = attempt("connectivity", lambda: connectivity(module, masks, input_shape))
    layers = attempt("isometry", lambda: layer_isometry(module, masks, gain=gain))
    jacobian = None
    if inputs is None:
        absent["jacobian"] = "no inputs were given"
    else:
        jacobian = attempt("jacobian", lambda: jacobian_spectrum(module, inputs, masks))
    return Diagnosis(_requested(masks), masks.density, wiring, layers, gain, jacobian, MappingProxyType(absent))


def _requested(masks: MaskSet) -> float | None:
    try:
        return float(masks.metadata["density"])
    except (KeyError, ValueError):
        return None
