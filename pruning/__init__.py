"""Masks at initialisation for any network: which weights to keep, exactly, and how to keep the others at zero."""

from pruning.allocations import ALLOCATIONS
from pruning.errors import PruningError, PruningWarning
from pruning.evidence import Evidence
from pruning.files import load_masks, save_masks
from pruning.hold import Hold, hold_
from pruning.interop import from_torch, to_torch_
from pruning.like import densities_like
from pruning.masks import MaskSet, check_masks
from pruning.methods import METHODS
from pruning.parameters import prunable
from pruning.prune import prune
from pruning.sparsity import Sparsity
from pruning.view import view
from pruning.width import guaranteed_width_factor, heuristic_width_factor

__all__ = [
    "ALLOCATIONS",
    "METHODS",
    "Evidence",
    "Hold",
    "MaskSet",
    "PruningError",
    "PruningWarning",
    "Sparsity",
    "check_masks",
    "densities_like",
    "from_torch",
    "guaranteed_width_factor",
    "heuristic_width_factor",
    "hold_",
    "load_masks",
    "prunable",
    "prune",
    "save_masks",
    "to_torch_",
    "view",
]
