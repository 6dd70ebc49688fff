"""Ways to choose the next candidates. One file, one pure function of the history, one line below."""

from nas.strategies.evolution import evolution
from nas.strategies.random import random
from nas.strategies.strategy import GenomeSpace, Observation, Strategy
from nas.strategies.tpe import tpe

STRATEGIES: dict[str, Strategy] = {
    "evolution": evolution,
    "tpe": tpe,
    "random": random,
}

__all__ = ["STRATEGIES", "GenomeSpace", "Observation", "Strategy", "evolution", "random", "tpe"]
