"""Masks at initialisation for any network: which weights to keep, exactly, and how to keep the others at zero.

    prune(module, Sparsity("synflow", 0.05, rounds=100), Evidence((3, 32, 32), generator)) -> MaskSet
    hold_(module, masks)                                   pruned weights are zero and stay zero in training
    save_masks, load_masks, view, to_torch_, from_torch    files, JSON, torch.nn.utils.prune
    INITIALIZATIONS, GAINS, ISOMETRIES                     weights to prune, and to recover after pruning
    diagnose, connectivity, jacobian_spectrum, layer_isometry    what is left of the network
    repair, densities_like, *_width_factor                 for random masks

Importing it costs torch and nothing else.
"""

from pruning.allocations import ALLOCATIONS
from pruning.diagnostics import connectivity, diagnose, jacobian_spectrum, layer_isometry
from pruning.errors import PruningError, PruningWarning
from pruning.evidence import Evidence
from pruning.files import load_masks, save_masks
from pruning.hold import Hold, hold_
from pruning.initialization import GAINS, INITIALIZATIONS
from pruning.interop import from_torch, to_torch_
from pruning.isometry import ISOMETRIES, approximate_isometry_
from pruning.like import densities_like
from pruning.masks import MaskSet, check_masks
from pruning.methods import METHODS
from pruning.parameters import prunable
from pruning.prune import prune
from pruning.repair import repair
from pruning.sparsity import Sparsity
from pruning.view import view
from pruning.width import equal_count_width_factor, guaranteed_width_factor, guaranteed_widths, heuristic_width_factor

__all__ = [
    "ALLOCATIONS",
    "GAINS",
    "INITIALIZATIONS",
    "ISOMETRIES",
    "METHODS",
    "Evidence",
    "Hold",
    "MaskSet",
    "PruningError",
    "PruningWarning",
    "Sparsity",
    "approximate_isometry_",
    "check_masks",
    "connectivity",
    "densities_like",
    "diagnose",
    "equal_count_width_factor",
    "from_torch",
    "guaranteed_width_factor",
    "guaranteed_widths",
    "heuristic_width_factor",
    "hold_",
    "jacobian_spectrum",
    "layer_isometry",
    "load_masks",
    "prunable",
    "prune",
    "repair",
    "save_masks",
    "to_torch_",
    "view",
]
