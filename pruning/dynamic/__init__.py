"""Masks that move while a network trains: a family of additions to a training loop of one's own.

    sparsity = RigL(module, masks, optimizer, end=..., generator=...)    before the loop
    sparsity.step()                                                      after optimizer.step()

SET, GradualMagnitude, Levels and StrongTicket are used alike, and TRAININGS has them by name. EdgePopup has scores
for an optimiser of one's own; iterative_pruning calls a training function again and again. Each stays within a mask
that one names.
"""

from pruning.dynamic.confine import random_within
from pruning.dynamic.edge_popup import EdgePopup
from pruning.dynamic.gradual import GradualMagnitude
from pruning.dynamic.iterative import Level, iterative_pruning
from pruning.dynamic.levels import Levels
from pruning.dynamic.moving import Loop, Moving
from pruning.dynamic.rigl import RigL
from pruning.dynamic.set import SET
from pruning.dynamic.shrink import shrink, shrink_layers
from pruning.dynamic.strong_ticket import StrongTicket
from pruning.dynamic.trainings import FROM_MASK, STATIC, TRAININGS

__all__ = [
    "FROM_MASK",
    "SET",
    "STATIC",
    "TRAININGS",
    "EdgePopup",
    "GradualMagnitude",
    "Level",
    "Levels",
    "Loop",
    "Moving",
    "RigL",
    "StrongTicket",
    "iterative_pruning",
    "random_within",
    "shrink",
    "shrink_layers",
]
