"""Measurements of signal propagation through a masked network. Nothing here changes the network."""

from pruning.diagnostics.jacobian import JacobianSpectrum, jacobian_spectrum
from pruning.diagnostics.layer_isometry import LayerIsometry, layer_isometry
from pruning.diagnostics.spectrum import Spectrum

__all__ = ["JacobianSpectrum", "LayerIsometry", "Spectrum", "jacobian_spectrum", "layer_isometry"]
