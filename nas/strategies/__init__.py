"""Ways to choose the next candidates. One file, one pure function of the history, one line below."""

from nas.strategies.cma_es import cma_es
from nas.strategies.evolution import evolution
from nas.strategies.genetic import genetic
from nas.strategies.gp import gp
from nas.strategies.local_search import local_search
from nas.strategies.nsga3 import nsga3
from nas.strategies.random import random
from nas.strategies.regularised_evolution import regularised_evolution
from nas.strategies.strategy import GenomeSpace, Observation, Strategy
from nas.strategies.tpe import tpe

STRATEGIES: dict[str, Strategy] = {
    "evolution": evolution,
    "regularised_evolution": regularised_evolution,
    "local_search": local_search,
    "genetic": genetic,
    "tpe": tpe,
    "gp": gp,
    "cma_es": cma_es,
    "nsga3": nsga3,
    "random": random,
}

__all__ = [
    "STRATEGIES",
    "GenomeSpace",
    "Observation",
    "Strategy",
    "cma_es",
    "evolution",
    "genetic",
    "gp",
    "local_search",
    "nsga3",
    "random",
    "regularised_evolution",
    "tpe",
]
