"""Masks that move while a network trains: a family of additions to a training loop of one's own.

    sparsity = RigL(module, masks, optimizer, end=..., generator=...)    before the loop
    sparsity.step()                                                      after optimizer.step()

SET and GradualMagnitude are used alike, and TRAININGS has them by name; EdgePopup gives the optimiser scores instead
of weights; iterative_pruning calls a training function again and again. Each stays within a mask that one names.
"""

from pruning.dynamic.confine import random_within
from pruning.dynamic.edge_popup import EdgePopup
from pruning.dynamic.gradual import GradualMagnitude
from pruning.dynamic.iterative import Level, iterative_pruning
from pruning.dynamic.rigl import RigL
from pruning.dynamic.set import SET
from pruning.dynamic.shrink import shrink, shrink_layers
from pruning.dynamic.trainings import STATIC, TRAININGS, Moving

__all__ = [
    "SET",
    "STATIC",
    "TRAININGS",
    "EdgePopup",
    "GradualMagnitude",
    "Level",
    "Moving",
    "RigL",
    "iterative_pruning",
    "random_within",
    "shrink",
    "shrink_layers",
]
