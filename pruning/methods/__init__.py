"""Pruning methods. One file, one function of the file's name, one line here.

A method that ranks is listed in `RANKED`: `prune` runs its rounds and makes the counts exact. A method that
chooses whole paths is listed in `CHOSEN`: it returns masks of the exact count itself.
"""

from __future__ import annotations

from pruning.methods.magnitude import magnitude
from pruning.methods.phew import phew
from pruning.methods.random import random
from pruning.methods.snip import snip
from pruning.methods.synflow import synflow
from pruning.scoring import MaskMethod, ScoreMethod

RANKED: dict[str, ScoreMethod] = {
    "magnitude": magnitude,
    "random": random,
    "snip": snip,
    "synflow": synflow,
}

CHOSEN: dict[str, MaskMethod] = {
    "phew": phew,
}

METHODS: dict[str, ScoreMethod | MaskMethod] = {**RANKED, **CHOSEN}
