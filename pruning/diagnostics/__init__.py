"""Measurements of a masked network: connectivity, paths, signal propagation. Nothing here changes the network."""

from pruning.diagnostics.connectivity import Connectivity, LayerConnectivity, connectivity
from pruning.diagnostics.diagnose import Diagnosis, diagnose
from pruning.diagnostics.jacobian import JacobianSpectrum, jacobian_spectrum
from pruning.diagnostics.layer_isometry import LayerIsometry, layer_isometry
from pruning.diagnostics.spectrum import Spectrum

__all__ = [
    "Connectivity",
    "Diagnosis",
    "JacobianSpectrum",
    "LayerConnectivity",
    "LayerIsometry",
    "Spectrum",
    "connectivity",
    "diagnose",
    "jacobian_spectrum",
    "layer_isometry",
]
