"""Masks at initialisation for any network: which weights to keep, exactly, and how to keep the others at zero."""

from pruning.allocations import ALLOCATIONS
from pruning.errors import PruningError
from pruning.evidence import Evidence
from pruning.files import load_masks, save_masks
from pruning.hold import Hold, hold_
from pruning.masks import MaskSet, check_masks
from pruning.methods import METHODS
from pruning.parameters import prunable
from pruning.prune import prune
from pruning.sparsity import Sparsity

__all__ = [
    "ALLOCATIONS",
    "METHODS",
    "Evidence",
    "Hold",
    "MaskSet",
    "PruningError",
    "Sparsity",
    "check_masks",
    "hold_",
    "load_masks",
    "prunable",
    "prune",
    "save_masks",
]
