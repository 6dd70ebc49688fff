"""Pruning methods. One file, one function of the file's name, one line here.

A method that ranks is listed in `RANKED`: `prune` runs its rounds and makes the counts exact. If weights removed in
one round may return in a later one, it is in `RETURNING` too; if it looks at samples, in `READS_SAMPLES`. A method that
chooses the mask as a whole is listed in `CHOSEN`: it returns masks of the exact count itself.
"""

from __future__ import annotations

from pruning.methods.force import force
from pruning.methods.grasp import grasp
from pruning.methods.magnitude import magnitude
from pruning.methods.magnitude_std import magnitude_std
from pruning.methods.npb import npb
from pruning.methods.phew import phew
from pruning.methods.random import random
from pruning.methods.snip import snip
from pruning.methods.snip_logits import snip_logits
from pruning.methods.snip_unlabelled import snip_unlabelled
from pruning.methods.synflow import synflow
from pruning.methods.synflow_l2 import synflow_l2
from pruning.methods.synflow_l2_gebhart import synflow_l2_gebhart
from pruning.methods.synflow_l2_phew import synflow_l2_phew
from pruning.scoring import MaskMethod, ScoreMethod

RANKED: dict[str, ScoreMethod] = {
    "force": force,
    "grasp": grasp,
    "magnitude": magnitude,
    "magnitude_std": magnitude_std,
    "random": random,
    "snip": snip,
    "snip_logits": snip_logits,
    "snip_unlabelled": snip_unlabelled,
    "synflow": synflow,
    "synflow_l2": synflow_l2,
    "synflow_l2_gebhart": synflow_l2_gebhart,
    "synflow_l2_phew": synflow_l2_phew,
}

RETURNING = frozenset({"force"})

READS_SAMPLES = frozenset({"force", "grasp", "snip", "snip_logits", "snip_unlabelled"})
"""The methods that need `Evidence.inputs`; all others choose from the network alone."""

CHOSEN: dict[str, MaskMethod] = {
    "npb": npb,
    "phew": phew,
}

METHODS: dict[str, ScoreMethod | MaskMethod] = {**RANKED, **CHOSEN}
